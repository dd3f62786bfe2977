"""A light bureau's own durable file: what it was told, appended and flushed before it goes on.

CBOR sequence of ["receipt", digest, receipt] and ["handed", digest, receipt, statement]. The bureau's process survives
every fault of the suite that uses it, so a flush is enough; a torn last record would show as an error of reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from schemas import cbor
from schemas.errors import Malformed, Reason


@dataclass
class Told:
    """What a bureau was told, as its file says: every record, in order, repeated ones too."""

    receipts: list[tuple[bytes, bytes]] = field(default_factory=list)
    """(digest of what it sent, receipt)."""
    handed: list[tuple[bytes, bytes, bytes]] = field(default_factory=list)
    """(digest, the gateway's acceptance, statement) of what it was handed and took."""


class Journal:
    """The file, open for appending."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("ab")
        self.receipts: dict[bytes, bytes] = {}
        self.handed: dict[bytes, None] = {}
        """In the order in which they were taken."""

    def receipt(self, digest: bytes, receipt: bytes) -> None:
        """What came of a submission."""
        self._write(["receipt", digest, receipt])
        self.receipts[digest] = receipt

    def hand(self, digest: bytes, receipt: bytes, statement: bytes) -> bool:
        """Take a message; False where it was taken before."""
        if digest in self.handed:
            return False
        self._write(["handed", digest, receipt, statement])
        self.handed[digest] = None
        return True

    def _write(self, record: list[cbor.Value]) -> None:
        self._file.write(cbor.encode(record))
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _records(data: bytes) -> Iterator[cbor.Value]:
    view, at = data, 0
    while at < len(view):
        value, used = cbor.decode_first(view[at : at + 65536])
        at += used
        yield value


def read_journal(path: Path) -> Told:
    """Read a bureau's file back.

    Raises:
        Malformed: it is not one.
    """
    told = Told()
    for record in _records(path.read_bytes()):
        match record:
            case ["receipt", bytes(digest), bytes(receipt)]:
                told.receipts.append((digest, receipt))
            case ["handed", bytes(digest), bytes(receipt), bytes(statement)]:
                told.handed.append((digest, receipt, statement))
            case _:
                raise Malformed(Reason.STRUCTURE, "not a bureau's journal")
    return told
