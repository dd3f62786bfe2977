"""Runs measurements: each `bench_NAME` module has `run()`, which gives one `Measured`, or several.

They are printed and written to build/bench as `NAME.json` and `NAME.svg`. Without names those of WHOLE run, within half
an hour, one that has a `brief()` with that; the others run where they are named.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path

from benchmarks import scenes
from benchmarks.compare import Measured

PREFIX = "bench_"
WHOLE = (
    "relay",
    "as2",
    "faststream",
    "floor",
    "scale",
    "latency",
    "urgent",
    "growth",
    "bureaus",
    "memory",
    "embedded",
    "console",
    "sealing",
    "startup",
)


def available() -> list[str]:
    """Return the names of all measurements."""
    return sorted(path.stem.removeprefix(PREFIX) for path in Path(__file__).parent.glob(f"{PREFIX}*.py"))


def main(names: list[str]) -> int:
    """Run the measurements named, or those of WHOLE; return the exit code: 2 for an unknown name."""
    known = available()
    unknown = sorted(set(names) - set(known))
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)}; known: {', '.join(known)}", file=sys.stderr)
        return 2
    with nullcontext() if names else scenes.kept():
        for name in names or WHOLE:
            module = import_module(f"benchmarks.{PREFIX}{name}")
            _tell(module.run if names else getattr(module, "brief", module.run))
    if not names:
        print(f"by their names alone (make bench ONLY=NAME): {', '.join(name for name in known if name not in WHOLE)}")
    return 0


def _tell(run: Callable[[], Measured | Sequence[Measured]]) -> None:
    found = run()
    for measured in [found] if isinstance(found, Measured) else found:
        print(f"{measured}\n  written to {measured.save()}\n", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
