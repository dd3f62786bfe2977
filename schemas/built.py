"""How this installation was built: as plain Python, or with its busiest modules compiled (ADR 18)."""

from __future__ import annotations

from importlib.util import find_spec


def compiled() -> bool:
    """Whether the modules of `compiled-modules.txt` run as C here: all of them were built together."""
    spec = find_spec("schemas.cbor")
    return spec is not None and spec.origin is not None and not spec.origin.endswith(".py")


def version_line() -> str:
    """What `--version` prints of a command, in click's form."""
    return f"%(prog)s, version %(version)s{', compiled' if compiled() else ''}"
