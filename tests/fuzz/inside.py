"""One target in this process, which libFuzzer ends: `python -m tests.fuzz.inside TARGET LIBFUZZER-OPTION ...`."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(
    include=["schemas", "gateway.admission", "gateway.ports", "gateway.enrolling", "gateway.two_people"]
):
    from tests.fuzz.targets import run  # the first import of what is fuzzed, so that its coverage is counted


def main() -> None:
    """The command."""
    target = sys.argv[1]
    atheris.Setup([sys.argv[0], *sys.argv[2:]], lambda data: run(target, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
