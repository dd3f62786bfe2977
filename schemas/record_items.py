"""An operation's record on disk: a deterministic CBOR sequence (RFC 8742), its writer's and reader's half (section 7).

    record = << [0, "bureaunet-record/1", operation] >>
             << [1, network file] >>
             << [2, checkpoint note] >>
             << [3, index, entry, path, attachments] >> ...      ascending by ledger index
             << [4, entries, last number, sealed parts] >>

Each item stands in a byte string, so that a reader knows its size before it reads it. The entries are the directory's
versions and everything of the operation, merged in ledger order; each carries what it rests on:

    DirectoryUpdated, OperationUpdated             [statement]
    SubmissionAcceptance, SubmissionRejection      [receipt, statement, sealed or null]
    ContentHandover, ContentHandoverFailure        [acknowledgement]
    every other event                              []

There is no checksum: every byte is covered by a signature, a hash, a proof or a rule (`schemas/record.py`), so that
nobody can alter a record and mend its checksum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias

from schemas import cbor
from schemas.envelope import MAX_SEALED, MAX_STATEMENT
from schemas.errors import Malformed, Reason
from schemas.evidence import Entry, Event, read_entry

MAGIC: Final = "bureaunet-record/1"
MAX_ITEM: Final = 4 * MAX_SEALED + MAX_STATEMENT
"""Bytes of one item: more than any envelope, and a directory of a hundred thousand keys."""

Read: TypeAlias = Callable[[int], bytes]
"""Up to so many bytes, fewer only at the end; what a file's `read` is."""
Attachments: TypeAlias = Sequence[bytes | None]

SUBMITTED: Final = frozenset({Event.SUBMISSION_ACCEPTANCE, Event.SUBMISSION_REJECTION})
STATED: Final = frozenset({Event.DIRECTORY_UPDATED, Event.OPERATION_UPDATED})
ACKNOWLEDGED: Final = frozenset({Event.CONTENT_HANDOVER, Event.CONTENT_HANDOVER_FAILURE})


class _Type(IntEnum):
    HEADER = 0
    NETWORK = 1
    CHECKPOINT = 2
    ENTRY = 3
    END = 4


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of the ledger with its proof and what it rests on."""

    index: int
    raw: bytes
    entry: Entry
    path: tuple[bytes, ...]
    attachments: tuple[bytes | None, ...]


@dataclass(frozen=True, slots=True)
class End:
    """The counts that close a record."""

    entries: int
    number: int
    """The running number of the operation's last entry."""
    sealed: int
    """How many sealed parts the record still holds."""


def _item(*values: cbor.Value) -> bytes:
    return cbor.encode(cbor.encode(values))


def header_item(operation: str) -> bytes:
    """The first item."""
    return _item(int(_Type.HEADER), MAGIC, operation)


def network_item(network: bytes) -> bytes:
    """The second item: the network file."""
    return _item(int(_Type.NETWORK), network)


def checkpoint_item(note: str) -> bytes:
    """The third item: the one checkpoint that every path leads to."""
    return _item(int(_Type.CHECKPOINT), note)


def entry_item(index: int, entry: bytes, path: Sequence[bytes], attachments: Attachments = ()) -> bytes:
    """One entry of the ledger, with its path to the checkpoint and what it rests on."""
    return _item(int(_Type.ENTRY), index, entry, list(path), list(attachments))


def end_item(end: End) -> bytes:
    """The last item."""
    return _item(int(_Type.END), end.entries, end.number, end.sealed)


class ItemReader:
    """Takes a record apart, item by item and in order; holds one item at a time. `offset` is the item's first byte."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._at = 0
        self.offset = 0

    @property
    def consumed(self) -> int:
        """Bytes read so far."""
        return self._at

    def _take(self, count: int) -> bytes:
        data = self._read(count)
        while len(data) < count:
            more = self._read(count - len(data))
            if not more:
                break
            data += more
        self._at += len(data)
        return data

    def _next(self) -> list[cbor.Value]:
        self.offset = self._at
        lead = self._take(1)
        if not lead:
            raise Malformed(Reason.CBOR_TRUNCATED, "the record ends before its last item")
        more, _ = _LONG_HEADS.get(lead[0], (0, 0))
        size = _byte_string_size(lead[0], self._take(more))
        body = self._take(size)
        if len(body) != size:
            raise Malformed(Reason.CBOR_TRUNCATED, "the record ends within an item")
        value = cbor.decode(body)
        # True equals 1: without this a boolean could stand where a number does
        if not isinstance(value, list) or any(isinstance(member, bool) for member in value):
            raise Malformed(Reason.RECORD_FORM, "an item of a record is an array of numbers, strings and arrays")
        return value

    def header(self) -> str:
        """The operation's id.

        Raises:
            Malformed: `record-form` and the codec's reasons, here and in all that follows.
        """
        match self._next():
            case [_Type.HEADER, str(magic), str(operation)] if magic == MAGIC:
                return operation
        raise Malformed(Reason.RECORD_FORM, "not a record of an operation")

    def network(self) -> bytes:
        """The network file's bytes."""
        match self._next():
            case [_Type.NETWORK, bytes(network)]:
                return network
        raise Malformed(Reason.RECORD_FORM, "the second item is the network file")

    def checkpoint(self) -> str:
        """The checkpoint's note."""
        match self._next():
            case [_Type.CHECKPOINT, str(note)]:
                return note
        raise Malformed(Reason.RECORD_FORM, "the third item is the checkpoint")

    def steps(self) -> Iterator[Step | End]:
        """The entries, then the end, which nothing follows."""
        while True:
            match self._next():
                case [_Type.ENTRY, index, bytes(entry), [*path], [*attachments]] if type(index) is int:
                    yield _step(index, entry, path, attachments)
                case [_Type.END, entries, number, sealed] if (
                    type(entries) is int and type(number) is int and type(sealed) is int
                ):
                    if self._read(1):
                        raise Malformed(Reason.CBOR_TRAILING, "the record goes on after its last item")
                    yield End(entries, number, sealed)
                    return
                case _:
                    raise Malformed(Reason.RECORD_FORM, "an item that is neither an entry nor the end")


_LONG_HEADS: Final = {0x58: (1, 24), 0x59: (2, 1 << 8), 0x5A: (4, 1 << 16), 0x5B: (8, 1 << 32)}
"""First byte of a byte string's head -> bytes that follow, and the least size so written (RFC 8949 section 3)."""


def _byte_string_size(lead: int, rest: bytes) -> int:
    more, least = _LONG_HEADS.get(lead, (0, 0))
    if not more and not 0x40 <= lead < 0x58:
        raise Malformed(Reason.RECORD_FORM, "an item of a record stands in a byte string")
    if len(rest) != more:
        raise Malformed(Reason.CBOR_TRUNCATED, "the record ends within an item's head")
    size = int.from_bytes(rest) if more else lead - 0x40
    if size < least:
        raise Malformed(Reason.CBOR_NOT_SHORTEST, "the head of an item is not the shortest")
    if size > MAX_ITEM:
        raise Malformed(Reason.RECORD_FORM, f"an item is at most {MAX_ITEM} bytes")
    return size


def _step(index: int, raw: bytes, path: Sequence[cbor.Value], attachments: Sequence[cbor.Value]) -> Step:
    hashes = tuple(node for node in path if isinstance(node, bytes))
    held = tuple(item for item in attachments if item is None or isinstance(item, bytes))
    if len(hashes) != len(path) or len(held) != len(attachments):
        raise Malformed(Reason.RECORD_FORM, "a path is hashes, an attachment a byte string or null")
    entry = read_entry(raw)
    wanted = 3 if entry.event in SUBMITTED else 1 if entry.event in STATED | ACKNOWLEDGED else 0
    if len(held) != wanted or None in held[:2]:  # a sealed part alone may be missing: it can be erased
        raise Malformed(Reason.RECORD_FORM, f"{entry.event} rests on {wanted} attachments")
    return Step(index, raw, entry, hashes, held)
