"""Tampered copies of an operation's record: each way of bending one, and the reasons that the verifier may give for it.

`COPIES` maps a name to how it is made and what must be said, several reasons where it depends on the byte that was met.
Whoever tampers holds the record and no key of the network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

from schemas import cbor, merkle
from schemas.errors import Reason
from schemas.evidence import Event
from schemas.keys import NoteKey
from schemas.notes import read_body, signature_line

Item: TypeAlias = list[cbor.Value]
_HEADER, _NETWORK, _CHECKPOINT, _ENTRY = range(4)
_INDEX, _RAW, _PATH, _ATTACHED = 1, 2, 3, 4
_TIME, _NUMBER, _PREVIOUS = 2, 5, 6
_FORM: Final = frozenset(
    {reason for reason in Reason if reason.startswith("cbor-")} | {Reason.RECORD_FORM, Reason.STRUCTURE}
)


class Copy:
    """A record taken apart, to be changed and put together again; `changed` bytes are re-encoded, the rest is kept."""

    def __init__(self, record: bytes) -> None:
        self.items: list[Item] = []
        while record:
            framed, used = cbor.decode_first(record)
            self.items.append(list(cast("Sequence[cbor.Value]", cbor.decode(cast("bytes", framed), cbor.DIRECTORY))))
            record = record[used:]

    def join(self) -> bytes:
        return b"".join(cbor.encode(cbor.encode(item)) for item in self.items)

    def entry(self, place: int) -> dict[cbor.Key, cbor.Value]:
        return dict(cast("Mapping[cbor.Key, cbor.Value]", cbor.decode(cast("bytes", self.items[place][_RAW]))))

    def places(self, event: Event) -> list[int]:
        """Where the items of an event stand."""
        entries = range(_ENTRY, len(self.items) - 1)
        return [place for place in entries if self.entry(place)[1] == event]

    def attached(self, place: int) -> Item:
        return list(cast("Sequence[cbor.Value]", self.items[place][_ATTACHED]))

    def with_sealed(self) -> list[int]:
        """Messages whose sealed part is kept."""
        return [place for place in self.places(Event.SUBMISSION_ACCEPTANCE) if self.attached(place)[2] is not None]


def _flipped(data: cbor.Value, at: float = 0.5) -> bytes:
    """One bit changed, so far into the bytes."""
    changed = bytearray(cast("bytes", data))
    changed[int(at * (len(changed) - 1))] ^= 0x04
    return bytes(changed)


def _flip_attached(event: Event, which: int, at: float) -> Callable[[Copy], None]:
    def bend(copy: Copy) -> None:
        place = copy.with_sealed()[0] if event is Event.SUBMISSION_ACCEPTANCE else copy.places(event)[0]
        attached = copy.attached(place)
        attached[which] = _flipped(attached[which], at)
        copy.items[place][_ATTACHED] = attached

    return bend


def _flip_network(copy: Copy) -> None:
    copy.items[_NETWORK][1] = _flipped(copy.items[_NETWORK][1])


def _flip_checkpoint(copy: Copy) -> None:
    text = cast("str", copy.items[_CHECKPOINT][1])
    at = text.index("\n\n") + len(text) // 2
    copy.items[_CHECKPOINT][1] = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]


def _flip_entry(copy: Copy) -> None:
    place = copy.places(Event.CONTENT_CONSIGNMENT)[0]
    copy.items[place][_RAW] = _flipped(copy.items[place][_RAW], 1.0)


def _flip_path(copy: Copy) -> None:
    place = copy.places(Event.CONTENT_HANDOVER)[0]
    path = list(cast("Sequence[cbor.Value]", copy.items[place][_PATH]))
    path[0] = _flipped(path[0])
    copy.items[place][_PATH] = path


def _rewritten(copy: Copy) -> None:
    place = copy.places(Event.CONTENT_HANDOVER)[0]
    entry = copy.entry(place)
    entry[_TIME] = cast("int", entry[_TIME]) - 60_000
    copy.items[place][_RAW] = cbor.encode(entry)


def _dropped(copy: Copy) -> None:
    del copy.items[copy.places(Event.CONTENT_CONSIGNMENT)[0]]


def _reordered(copy: Copy) -> None:
    first = copy.places(Event.CONTENT_CONSIGNMENT)[0]
    copy.items[first : first + 2] = reversed(copy.items[first : first + 2])


def _rechain(copy: Copy, first: int) -> None:
    """Number and chain the operation's entries anew from there on: what a forger of a history without gaps would do."""
    number, previous = cast("int", copy.entry(first)[_NUMBER]), None
    for place in range(first, len(copy.items) - 1):
        entry = copy.entry(place)
        if _NUMBER not in entry:
            continue
        if previous is not None:
            number += 1
            entry |= {_NUMBER: number, _PREVIOUS: previous}
        copy.items[place][_RAW] = cbor.encode(entry)
        previous = merkle.leaf_hash(cast("bytes", copy.items[place][_RAW]))
    end = copy.items[-1]
    copy.items[-1] = [end[0], len(copy.items) - _ENTRY - 1, number, *end[3:]]


def _forked(copy: Copy) -> None:
    _rewritten(copy)
    _rechain(copy, copy.places(Event.CONTENT_HANDOVER)[0])


def _gap_closed(copy: Copy) -> None:
    place = copy.places(Event.CONTENT_CONSIGNMENT)[0]
    before = copy.entry(place)
    del copy.items[place]
    entry = copy.entry(place)
    entry |= {_NUMBER: before[_NUMBER], _PREVIOUS: before[_PREVIOUS]}
    copy.items[place][_RAW] = cbor.encode(entry)
    _rechain(copy, place)


def _sealed_swapped(copy: Copy) -> None:
    one, other = copy.with_sealed()[:2]
    mine, theirs = copy.attached(one), copy.attached(other)
    mine[2], theirs[2] = theirs[2], mine[2]
    copy.items[one][_ATTACHED], copy.items[other][_ATTACHED] = mine, theirs


def _sealed_removed(copy: Copy) -> None:
    place = copy.with_sealed()[0]
    copy.items[place][_ATTACHED] = [*copy.attached(place)[:2], None]


def _statement_swapped(copy: Copy) -> None:
    one, other = copy.with_sealed()[:2]
    copy.items[one][_ATTACHED] = [copy.attached(one)[0], *copy.attached(other)[1:]]


def _receipt_swapped(copy: Copy) -> None:
    one, other = copy.with_sealed()[:2]
    copy.items[one][_ATTACHED] = [copy.attached(other)[0], *copy.attached(one)[1:]]


def _acknowledgement_removed(copy: Copy) -> None:
    copy.items[copy.places(Event.CONTENT_HANDOVER)[0]][_ATTACHED] = []


def _acknowledgement_swapped(copy: Copy) -> None:
    one, other = copy.places(Event.CONTENT_HANDOVER)[:2]
    copy.items[one][_ATTACHED] = copy.attached(other)


def _handover_removed(copy: Copy) -> None:
    del copy.items[copy.places(Event.CONTENT_HANDOVER)[0]]


def _directory_removed(copy: Copy) -> None:
    del copy.items[copy.places(Event.DIRECTORY_UPDATED)[0]]


def _resigned(copy: Copy) -> None:
    """The log's own line, or the last witness' where there is one, by another key under the same name."""
    text = cast("str", copy.items[_CHECKPOINT][1])
    *kept, last = text.removesuffix("\n").split("\n")
    name = last.split(" ")[1]
    forged = signature_line(read_body(text)[0], NoteKey.generate(name), 1_800_000_000)
    copy.items[_CHECKPOINT][1] = "\n".join([*kept, forged])


def _stranger_signed(copy: Copy) -> None:
    text = cast("str", copy.items[_CHECKPOINT][1])
    copy.items[_CHECKPOINT][1] = text + signature_line(read_body(text)[0], NoteKey.generate("stranger.example"), 1)


def _checkpoint_grown(copy: Copy) -> None:
    text = cast("str", copy.items[_CHECKPOINT][1])
    origin, size, rest = text.split("\n", 2)
    copy.items[_CHECKPOINT][1] = f"{origin}\n{int(size) + 1}\n{rest}"


def _counts_changed(copy: Copy) -> None:
    copy.items[-1][1] = cast("int", copy.items[-1][1]) - 1


def _renamed(copy: Copy) -> None:
    copy.items[_HEADER][2] = "another-operation"


@dataclass(frozen=True, slots=True)
class Tampering:
    """How a copy is made, and the reasons that may be given for it."""

    bend: Callable[[Copy], None]
    reasons: frozenset[Reason]
    raw: Callable[[bytes], bytes] = bytes
    """What is done to the bytes after that."""

    def of(self, record: bytes) -> bytes:
        """The tampered copy."""
        copy = Copy(record)
        self.bend(copy)
        return self.raw(copy.join())


def _by(bend: Callable[[Copy], None], *reasons: Reason) -> Tampering:
    return Tampering(bend, frozenset(reasons))


def _bytes(raw: Callable[[bytes], bytes], *reasons: Reason) -> Tampering:
    return Tampering(lambda _: None, frozenset(reasons), raw)


_ACCEPTED, _HANDED = Event.SUBMISSION_ACCEPTANCE, Event.CONTENT_HANDOVER
COPIES: Final[Mapping[str, Tampering]] = {
    "bit-in-header": Tampering(lambda _: None, _FORM, lambda record: record[:6] + _flipped(record[6:7]) + record[7:]),
    "bit-in-network-file": _by(_flip_network, Reason.NETWORK),
    "bit-in-checkpoint": _by(_flip_checkpoint, Reason.CHECKPOINT),
    "bit-in-entry": Tampering(_flip_entry, _FORM | {Reason.INCLUSION}),
    "bit-in-path": _by(_flip_path, Reason.INCLUSION),
    "bit-in-directory": _by(_flip_attached(Event.DIRECTORY_UPDATED, 0, 0.5), Reason.RECORD_CONTRADICTION),
    "bit-in-operation": _by(_flip_attached(Event.OPERATION_UPDATED, 0, 0.5), Reason.RECORD_CONTRADICTION),
    "bit-in-receipt": _by(_flip_attached(_ACCEPTED, 0, 1.0), Reason.INCLUSION),
    "bit-in-statement": _by(_flip_attached(_ACCEPTED, 1, 1.0), Reason.RECORD_CONTRADICTION),
    "bit-in-sealed-part": _by(_flip_attached(_ACCEPTED, 2, 0.5), Reason.SEALED_HASH),
    "bit-in-acknowledgement": _by(_flip_attached(_HANDED, 0, 1.0), Reason.RECORD_CONTRADICTION),
    "entry-rewritten": _by(_rewritten, Reason.INCLUSION),
    "entry-dropped": _by(_dropped, Reason.RECORD_GAP),
    "entries-reordered": _by(_reordered, Reason.RECORD_GAP, Reason.RECORD_FORM),
    "tail-forked": _by(_forked, Reason.INCLUSION),
    "gap-closed": _by(_gap_closed, Reason.INCLUSION),
    "sealed-part-swapped": _by(_sealed_swapped, Reason.SEALED_HASH),
    "sealed-part-removed": _by(_sealed_removed, Reason.RECORD_GAP),
    "statement-swapped": _by(_statement_swapped, Reason.RECORD_CONTRADICTION),
    "receipt-swapped": _by(_receipt_swapped, Reason.RECORD_CONTRADICTION),
    "acknowledgement-removed": _by(_acknowledgement_removed, Reason.RECORD_FORM),
    "acknowledgement-swapped": _by(_acknowledgement_swapped, Reason.RECORD_CONTRADICTION),
    "handover-removed": _by(_handover_removed, Reason.RECORD_GAP),
    "directory-removed": _by(_directory_removed, Reason.RECORD_GAP),
    "signature-replaced": _by(_resigned, Reason.CHECKPOINT),
    "stranger-s-cosignature": _by(_stranger_signed, Reason.CHECKPOINT),
    "checkpoint-grown": _by(_checkpoint_grown, Reason.CHECKPOINT),
    "counts-changed": _by(_counts_changed, Reason.RECORD_GAP),
    "another-operation": _by(_renamed, Reason.RECORD_CONTRADICTION),
    "truncated": _bytes(lambda record: record[: len(record) * 2 // 3], Reason.CBOR_TRUNCATED),
    "end-cut-off": _bytes(lambda record: record[:-1], Reason.CBOR_TRUNCATED),
    "appended": _bytes(lambda record: record + record[-8:], Reason.CBOR_TRAILING),
}
