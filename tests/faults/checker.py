"""Whether anything was lost or took effect twice: judged by something that took no part, with schemas alone.

Evidence in, complaints out: the gateway's database as read by books.py, the files of the light bureaus, the stores of
those with the SDK. Order: the ledger by itself (indices, hashes, running numbers, every published root), receipts
against it, then each accepted message's way to each of its recipients, then the effects of handlers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from schemas.envelope import read
from schemas.errors import BureaunetError
from schemas.evidence import Entry, Event, read_entry
from schemas.keys import SigningPublic
from schemas.merkle import Frontier, leaf_hash
from schemas.network import Network
from schemas.notes import read_checkpoint
from schemas.receipts import Acceptance, read_acceptance
from tests.faults.books import CONSIGNED, Books
from tests.faults.journal import Told

LOST: Final = "lost"
DOUBLED: Final = "doubled"
WRONG: Final = "wrong"
_HANDOVERS: Final = (Event.CONTENT_HANDOVER, Event.CONTENT_HANDOVER_FAILURE)


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something that should not be."""

    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class Store:
    """What a bureau with the SDK has in its store."""

    receipts: tuple[tuple[bytes, bytes], ...] = ()
    """(digest, receipt) of what it sent."""
    taken: tuple[tuple[bytes, bytes, str], ...] = ()
    """(digest, the gateway's acceptance, state) of what it was handed."""


@dataclass
class Evidence:
    """All that is judged."""

    network: Network
    keys: Mapping[bytes, SigningPublic]
    """That sign receipts."""
    books: Books
    light: Mapping[str, Told]
    sdk: Mapping[str, Store]


@dataclass
class Verdict:
    """What came of it."""

    accepted: int = 0
    """Messages whose sender, or a recipient, holds an acceptance."""
    refused: int = 0
    complaints: list[Complaint] = field(default_factory=list)

    def count(self, kind: str) -> int:
        """Complaints of a kind."""
        return sum(complaint.kind == kind for complaint in self.complaints)


def judge(evidence: Evidence) -> Verdict:
    """Check everything."""
    return _Judge(evidence).run()


@dataclass(frozen=True, slots=True)
class _Way:
    """What the ledger says of one copy."""

    consigned: int = 0
    handed: int = 0


class _Judge:
    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._verdict = Verdict()
        self._entries: list[Entry] = []
        self._accepted: dict[bytes, Acceptance] = {}

    def run(self) -> Verdict:
        self._verdict.complaints.extend(check_ledger(self._evidence.books, self._evidence.network))
        self._entries = [read_entry(entry) for _, _, entry in self._evidence.books.leaves]
        self._check_receipts()
        self._check_decisions()
        self._check_ways()
        self._check_effects()
        if self._evidence.books.quarantined:
            self._say(WRONG, f"{self._evidence.books.quarantined} bodies in quarantine")
        self._verdict.accepted = len(self._accepted)
        return self._verdict

    def _say(self, kind: str, words: str) -> None:
        self._verdict.complaints.append(Complaint(kind, words))

    # ---- receipts

    def _receipts(self) -> Iterator[tuple[str, bytes, bytes]]:
        for who, told in self._evidence.light.items():
            yield from ((who, digest, receipt) for digest, receipt in told.receipts)
            yield from ((who, digest, receipt) for digest, receipt, _ in told.handed)
        for who, store in self._evidence.sdk.items():
            yield from ((who, digest, receipt) for digest, receipt in store.receipts)
            yield from ((who, digest, receipt) for digest, receipt, _ in store.taken)

    def _check_receipts(self) -> None:
        seen: dict[bytes, tuple[bytes, Acceptance]] = {}
        for who, digest, receipt in self._receipts():
            if digest in seen and seen[digest][0] == receipt:
                continue
            try:
                said = read_acceptance(receipt, self._evidence.network.id, self._evidence.keys)
            except BureaunetError as error:
                self._say(WRONG, f"{who} holds a receipt that does not verify: {error.reason}")
                continue
            if said.digest != digest:
                self._say(WRONG, f"{who} holds a receipt for {digest.hex()[:12]} that is of another message")
                continue
            before = seen.get(digest)
            if (
                before is not None
                and None not in (before[1].index, said.index)
                and _binding(before[1]) != _binding(said)
            ):
                kind = DOUBLED if before[1].index != said.index else WRONG
                self._say(kind, f"two receipts of {digest.hex()[:12]} contradict each other")
            self._check_receipt(digest, said)
            if before is None or said.index is not None:
                seen[digest] = receipt, said
        self._verdict.refused = len(seen) - len(self._accepted)

    def _check_receipt(self, digest: bytes, said: Acceptance) -> None:
        """A receipt that names an entry, against that entry."""
        if said.index is None:
            return
        entry = self._entries[said.index] if 0 <= said.index < len(self._entries) else None
        if entry is None or entry.digest != digest or entry.event is not said.event:
            self._say(LOST, f"the receipt of {digest.hex()[:12]} names entry {said.index}, which is not its own")
        elif entry.time != said.time:
            self._say(WRONG, f"the receipt of {digest.hex()[:12]} and its entry differ in time")
        if said.accepted:
            self._accepted[digest] = said

    # ---- decisions

    def _check_decisions(self) -> None:
        books = self._evidence.books
        entries: Counter[bytes] = Counter(
            entry.digest for entry in self._entries if entry.event is Event.SUBMISSION_ACCEPTANCE and entry.digest
        )
        for digest, count in entries.items():
            if count > 1:
                self._say(DOUBLED, f"{digest.hex()[:12]} was accepted {count} times")
            if digest not in books.messages:
                self._say(LOST, f"{digest.hex()[:12]} has an acceptance and is not in the database")
        for digest, (_, accepted, _, _) in books.messages.items():
            if digest not in books.outcomes:
                self._say(WRONG, f"{digest.hex()[:12]} is in the database without an outcome")
            if accepted and not entries[digest]:
                self._say(WRONG, f"{digest.hex()[:12]} is accepted without an entry")
        self._check_ids()
        for digest in self._accepted.keys() - books.messages.keys():
            self._say(LOST, f"{digest.hex()[:12]} has a receipt and is not in the database")

    def _check_ids(self) -> None:
        """A sender's message id stands for one message."""
        ids: Counter[tuple[str, bytes]] = Counter()
        for _, accepted, raw, _ in self._evidence.books.messages.values():
            if accepted:
                header = read(raw).header
                ids[str(header.iss), bytes(header.cti)] += 1
        for (who, cti), count in ids.items():
            if count > 1:
                self._say(DOUBLED, f"{count} messages of {who} were accepted under the id {cti.hex()}")

    # ---- each copy's way

    def _check_ways(self) -> None:
        ways: defaultdict[tuple[bytes, str], _Way] = defaultdict(_Way)
        for entry in self._entries:
            if entry.digest is None or entry.party is None:
                continue
            key, way = (entry.digest, str(entry.party)), ways[entry.digest, str(entry.party)]
            if entry.event is Event.CONTENT_CONSIGNMENT:
                ways[key] = _Way(way.consigned + 1, way.handed)
            elif entry.event in _HANDOVERS:
                ways[key] = _Way(way.consigned, way.handed + 1)
            elif entry.event is Event.CONTENT_CONSIGNMENT_FAILURE:
                self._say(LOST, f"{entry.digest.hex()[:12]} could not be placed for {entry.party}")
        taken = self._taken()
        for digest, (_, accepted, raw, _) in self._evidence.books.messages.items():
            if accepted:
                for recipient in read(raw).header.aud:
                    key = (digest, str(recipient))
                    self._check_way(key, ways[key], taken.get(key, 0))
        for digest, who in taken.keys() - {(d, w) for d, w in taken if d in self._evidence.books.messages}:
            self._say(LOST, f"{who} was handed {digest.hex()[:12]}, which is not in the database")

    def _check_way(self, key: tuple[bytes, str], way: _Way, taken: int) -> None:
        name = f"{key[0].hex()[:12]} for {key[1]}"
        waits = self._evidence.books.copies.get(key)
        if way.consigned > 1 or way.handed > 1 or taken > 1:
            self._say(DOUBLED, f"{name}: consigned {way.consigned}, handed over {way.handed}, taken {taken} times")
        if way.handed and not way.consigned:
            self._say(WRONG, f"{name} was handed over and never consigned")
        if way.handed and not taken:
            self._say(LOST, f"{name} is handed over by the ledger, and its recipient has it not")
        if not way.handed and waits is None:
            self._say(LOST, f"{name} is in no inbox and was not handed over")
        elif not way.handed and waits != (CONSIGNED, "http"):
            self._say(LOST, f"{name} never arrived, or its handover has no entry: state {waits}, taken {taken}")
        if way.handed and key not in self._evidence.books.acknowledged:
            self._say(WRONG, f"{name} was handed over without a kept acknowledgement")

    def _taken(self) -> Counter[tuple[bytes, str]]:
        taken: Counter[tuple[bytes, str]] = Counter()
        for who, told in self._evidence.light.items():
            taken.update((digest, who) for digest, _, _ in told.handed)
        for who, store in self._evidence.sdk.items():
            taken.update((digest, who) for digest, _, _ in store.taken)
        return taken

    # ---- effects

    def _check_effects(self) -> None:
        """What a handler sent and its completion are one commit: each query that is done has one accepted answer."""
        answers: Counter[tuple[str, bytes]] = Counter(
            (sender, re)
            for sender, accepted, _, re in self._evidence.books.messages.values()
            if accepted and re is not None
        )
        for (who, query), count in answers.items():
            if count > 1:
                self._say(DOUBLED, f"{who} answered {query.hex()[:12]} {count} times")
        for who, store in self._evidence.sdk.items():
            for digest, _, state in store.taken:
                if state == "done" and self._asks(digest) and not answers[who, digest]:
                    self._say(LOST, f"{who} handled {digest.hex()[:12]}, and its answer is not there")
                if state in {"new", "running", "failed"}:
                    self._say(LOST, f"{who} took {digest.hex()[:12]}, which is {state} still")

    def _asks(self, digest: bytes) -> bool:
        row = self._evidence.books.messages.get(digest)
        return row is not None and row[3] is None


def _binding(said: Acceptance) -> tuple[int | None, Event, int]:
    return said.index, said.event, said.time


def check_ledger(books: Books, network: Network) -> Iterator[Complaint]:
    """The ledger by itself: contiguous, hashed right, numbered right, every published root recomputed."""
    if [index for index, _, _ in books.leaves] != list(range(len(books.leaves))):
        yield Complaint(WRONG, "the ledger's indices have gaps")
    if books.size != len(books.leaves):
        yield Complaint(WRONG, f"the sequence is at {books.size}, the ledger has {len(books.leaves)} entries")
    yield from _check_numbers(books)
    tree, notes = Frontier(), iter(books.checkpoints)
    size, note = next(notes, (None, ""))
    for index, leaf, entry in books.leaves:
        if leaf != leaf_hash(entry):
            yield Complaint(WRONG, f"entry {index} is not what its leaf says")
        tree.add(leaf_hash(entry))
        if tree.size == size:
            yield from _check_note(note, network, tree)
            size, note = next(notes, (None, ""))
    if size is not None and size != 0:
        yield Complaint(LOST, f"a published tree head is of {size} entries, and there are {tree.size}")


def _check_note(note: str, network: Network, tree: Frontier) -> Iterator[Complaint]:
    try:
        signed = read_checkpoint(note, network.policy).checkpoint
    except BureaunetError as error:
        yield Complaint(WRONG, f"the checkpoint of size {tree.size} does not verify: {error.reason}")
        return
    if (signed.size, signed.root) != (tree.size, tree.root()):
        yield Complaint(WRONG, f"the published root of size {tree.size} is not the ledger's")


def _check_numbers(books: Books) -> Iterator[Complaint]:
    heads: dict[str, tuple[int, bytes | None]] = {}
    for index, _, raw in books.leaves:
        entry = read_entry(raw)
        if entry.operation is None:
            continue
        number, leaf = heads.get(entry.operation, (0, None))
        if (entry.number, entry.previous) != (number + 1, leaf):
            yield Complaint(WRONG, f"entry {index} breaks the sequence of {entry.operation}")
        heads[entry.operation] = number + 1, leaf_hash(raw)


def summary(complaints: Sequence[Complaint], limit: int = 5) -> str:
    """The first complaints, in words."""
    shown = [f"{complaint.kind}: {complaint.words}" for complaint in complaints[:limit]]
    more = len(complaints) - len(shown)
    return "; ".join([*shown, *([f"and {more} more"] if more > 0 else [])])
