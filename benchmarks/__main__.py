"""Runs measurements: each `bench_NAME` module has `run()`, which gives one `Measured`, or several.

They are printed and written to build/bench as `NAME.json` and `NAME.svg`. Those of BY_NAME, which fill databases for
minutes first, run only where they are named.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from benchmarks.compare import Measured

PREFIX = "bench_"
BY_NAME = frozenset({"documents", "names"})


def available() -> list[str]:
    """Return the names of all measurements."""
    return sorted(path.stem.removeprefix(PREFIX) for path in Path(__file__).parent.glob(f"{PREFIX}*.py"))


def main(names: list[str]) -> int:
    """Run the measurements named, or all but those of BY_NAME; return the exit code: 2 for an unknown name."""
    known = available()
    unknown = sorted(set(names) - set(known))
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)}; known: {', '.join(known)}", file=sys.stderr)
        return 2
    for name in names or [name for name in known if name not in BY_NAME]:
        run: Callable[[], Measured | Sequence[Measured]] = import_module(f"benchmarks.{PREFIX}{name}").run
        found = run()
        for measured in [found] if isinstance(found, Measured) else found:
            print(f"{measured}\n  written to {measured.save()}\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
