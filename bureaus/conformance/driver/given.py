"""What a request gives, read with its types: hexadecimal to bytes, rows to values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from schemas.errors import Misuse


@dataclass(frozen=True, slots=True)
class Given:
    """The members of `given`. Every reader raises Misuse where a member is missing or of another type."""

    values: Mapping[str, JsonValue]

    def data(self, name: str) -> bytes:
        """Bytes in hexadecimal, or so many of one byte."""
        return _bytes(name, self.values.get(name))

    def maybe_data(self, name: str) -> bytes | None:
        """Bytes, or None where the member is null or absent."""
        return None if self.values.get(name) is None else self.data(name)

    def text(self, name: str) -> str:
        """Text."""
        value = self.values.get(name)
        if not isinstance(value, str):
            raise Misuse(f"{name} is text")
        return value

    def maybe_text(self, name: str) -> str | None:
        """Text, or None where the member is null or absent."""
        return None if self.values.get(name) is None else self.text(name)

    def number(self, name: str) -> int:
        """A whole number."""
        value = self.values.get(name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise Misuse(f"{name} is a whole number")
        return value

    def flag(self, name: str) -> bool:
        """A boolean."""
        value = self.values.get(name)
        if not isinstance(value, bool):
            raise Misuse(f"{name} is a boolean")
        return value

    def rows(self, name: str) -> list[JsonValue]:
        """An array."""
        value = self.values.get(name)
        if not isinstance(value, list):
            raise Misuse(f"{name} is an array")
        return value

    def texts(self, name: str) -> list[str]:
        """An array of text."""
        rows = self.rows(name)
        found = [row for row in rows if isinstance(row, str)]
        if len(found) != len(rows):
            raise Misuse(f"{name} is an array of text")
        return found

    def list(self, name: str) -> list[bytes]:
        """An array of bytes."""
        return [_bytes(name, row) for row in self.rows(name)]

    def object(self, name: str) -> dict[str, JsonValue]:
        """An object."""
        value = self.values.get(name)
        if not isinstance(value, dict):
            raise Misuse(f"{name} is an object")
        return value


def _bytes(name: str, value: JsonValue) -> bytes:
    try:
        match value:
            case str():
                return bytes.fromhex(value)
            case {"repeat": str(byte), "count": int(count), **more} if not more:
                return bytes.fromhex(byte) * count
    except ValueError:
        pass  # not hexadecimal: said below
    raise Misuse(f"{name} is bytes in hexadecimal")
