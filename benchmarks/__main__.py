"""Runs measurements: each `bench_NAME` module has `run() -> dict[str, float]`: figures by name and unit."""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

PREFIX = "bench_"


def available() -> list[str]:
    """Return the names of all measurements."""
    return sorted(path.stem.removeprefix(PREFIX) for path in Path(__file__).parent.glob(f"{PREFIX}*.py"))


def main(names: list[str]) -> int:
    """Run the measurements named, or all; return the exit code."""
    known = available()
    unknown = sorted(set(names) - set(known))
    if unknown or not known:
        print(f"no such benchmark: {', '.join(unknown) or 'there are none'}; known: {', '.join(known)}")
        return 2
    for name in names or known:
        run: Callable[[], dict[str, float]] = import_module(f"benchmarks.{PREFIX}{name}").run
        for figure, value in run().items():
            print(f"{name:<16} {figure:<40} {value:>14,.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
