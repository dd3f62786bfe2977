"""Reads an exercise's TOML file; what is wrong with it is said with its line.

tomllib gives values without places: the line of a value is found again by the tables and keys of the text, and where a
value is missing, that of its table.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from schemas.errors import Misuse

_ModelT = TypeVar("_ModelT", bound=BaseModel)
_Place = tuple[str | int, ...]
_TABLE: Final = re.compile(r"\[([\w.-]+)\]\s*(?:#.*)?$", re.ASCII)
_ROW: Final = re.compile(r"\[\[([\w.-]+)\]\]\s*(?:#.*)?$", re.ASCII)
_KEY: Final = re.compile(r"([\w.-]+)\s*=", re.ASCII)


def read(model: type[_ModelT], text: str, name: str) -> _ModelT:
    """The model of a file's text; `name` is the file's, for what is wrong.

    Raises:
        Misuse: one line for each thing that is wrong, `NAME:LINE: KEY: what`.
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Misuse(f"{name}: {error}") from None
    try:
        return model.model_validate(values)
    except ValidationError as error:
        lines = places(text)
        said = [f"{name}:{_line(lines, one['loc'])}: {_said(one['loc'])}{one['msg']}" for one in error.errors()]
        raise Misuse("\n".join(said)) from None


def line_of(text: str, key: str) -> int:
    """The line of a table's first row, of a table or of a key; 1 where it is not there."""
    lines = places(text)
    return lines.get((key, 0), lines.get((key,), 1))


def places(text: str) -> Mapping[_Place, int]:
    """The line, from 1, of each table and key."""
    found: dict[_Place, int] = {}
    for place, line in _places(text):
        found.setdefault(place, line)
    return found


def _places(text: str) -> Iterator[tuple[_Place, int]]:
    table: _Place = ()
    rows: dict[str, int] = {}
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if row := _ROW.match(line):
            rows[row[1]] = rows.get(row[1], -1) + 1
            table = (row[1], rows[row[1]])
            yield table, number
        elif header := _TABLE.match(line):
            table = tuple(header[1].split("."))
            yield table, number
        elif key := _KEY.match(line):
            yield (*table, *key[1].split(".")), number


def _line(lines: Mapping[_Place, int], place: _Place) -> int:
    for length in range(len(place), 0, -1):
        if place[:length] in lines:
            return lines[place[:length]]
    return 1


def _said(place: _Place) -> str:
    return f"{'.'.join(map(str, place))}: " if place else ""
