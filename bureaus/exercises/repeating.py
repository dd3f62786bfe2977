"""Whether an exercise on virtual time gives the same report again: what must be equal, and what differs.

Rules: everything in report.json is equal for the same file, seed and program, but what `VARYING` names: how long the
machine took, where the files are, and the ledger's root, which hangs on keys and ids that are new each time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import JsonValue

VARYING: Final = (("seconds",), ("files",), ("commands",), ("ledger", "root"))
"""Places in the report's JSON that differ from run to run."""


def comparable(report: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The report without what varies."""
    kept: dict[str, JsonValue] = {name: value for name, value in report.items() if (name,) not in VARYING}
    for name, inner in (place for place in VARYING if len(place) == 2):
        value = kept.get(name)
        if isinstance(value, dict):
            kept[name] = {key: one for key, one in value.items() if key != inner}
    return kept


def differences(first: Mapping[str, JsonValue], second: Mapping[str, JsonValue]) -> list[str]:
    """Where two reports differ that should not: places in words, empty where they are the same."""
    return list(_differences("", comparable(first), comparable(second)))


def _differences(place: str, first: JsonValue, second: JsonValue) -> Iterator[str]:
    if isinstance(first, dict) and isinstance(second, dict):
        for name in sorted({*first, *second}):
            yield from _differences(f"{place}.{name}" if place else name, first.get(name), second.get(name))
    elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        for number, (one, other) in enumerate(zip(first, second, strict=True)):
            yield from _differences(f"{place}[{number}]", one, other)
    elif first != second:
        yield place
