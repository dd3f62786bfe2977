"""The checker by itself: an honest state passes, and each way of tampering with it is found and named."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import pytest

from schemas import merkle
from schemas.envelope import Envelope
from schemas.evidence import Entry, Event
from schemas.identity import Address
from schemas.keys import SigningKey
from schemas.merkle import leaf_hash
from schemas.notes import Checkpoint, sign_checkpoint
from schemas.receipts import Acceptance, sign_acceptances
from tests.faults.books import CONSIGNED, PENDING, Books
from tests.faults.checker import DOUBLED, LOST, WRONG, Evidence, Store, judge
from tests.faults.journal import Told
from tests.support import World

RECIPIENTS = ("BR", "AR")
TIME = 1_800_000_000_000


class Honest:
    """Two messages of FR's to BR and AR, handed over; BR has the SDK and answered the first."""

    def __init__(self) -> None:
        self.world = World()
        self.messages = [self.world.envelope(to=RECIPIENTS), self.world.envelope(to=RECIPIENTS)]
        query = self.messages[0]
        self.answer = self.world.envelope("BR", ("FR",), thread=query.digest, re=query.digest)
        self.entries: list[Entry] = []
        self.numbers: dict[bytes, int] = {}
        for message, sender, recipients in (
            (self.messages[0], "FR", RECIPIENTS),
            (self.messages[1], "FR", RECIPIENTS),
            (self.answer, "BR", ("FR",)),
        ):
            self.numbers[message.digest] = len(self.entries)
            self.add(Event.SUBMISSION_ACCEPTANCE, message, sender)
            for recipient in recipients:
                self.add(Event.CONTENT_CONSIGNMENT, message, recipient)
                self.add(Event.CONTENT_HANDOVER, message, recipient)
        self.evidence = self._evidence()

    def add(self, event: Event, message: Envelope, party: str) -> None:
        before = self.entries[-1].leaf if self.entries else None
        number = len(self.entries) + 1
        made = Entry(event, TIME, digest=message.digest, operation="op", number=number, previous=before)
        self.entries.append(replace(made, party=Address(party)))

    def receipt(self, message: Envelope, index: int | None = None, time: int = TIME) -> bytes:
        at = self.numbers[message.digest] if index is None else index
        said = Acceptance(message.digest, Event.SUBMISSION_ACCEPTANCE, at, time)
        return sign_acceptances([said], self.world.network.id, self.world.acceptance)[0]

    def note(self, size: int, root: bytes | None = None) -> str:
        hashes = [entry.leaf for entry in self.entries[:size]]
        head = Checkpoint(self.world.network.policy.origin, size, root or merkle.root(hashes))
        return sign_checkpoint(head, self.world.log, TIME // 1000)

    def _evidence(self) -> Evidence:
        everything = [*self.messages, self.answer]
        receipts = {message.digest: self.receipt(message) for message in everything}
        books = Books(
            leaves=[(index, entry.leaf, entry.encode()) for index, entry in enumerate(self.entries)],
            checkpoints=[(size, self.note(size)) for size in (3, len(self.entries))],
            messages={m.digest: ("FR", True, m.statement, None) for m in self.messages},
            outcomes={d: (self.numbers[d], receipt) for d, receipt in receipts.items()},
            acknowledged={(m.digest, r) for m in self.messages for r in RECIPIENTS} | {(self.answer.digest, "FR")},
            size=len(self.entries),
        )
        books.messages[self.answer.digest] = "BR", True, self.answer.statement, self.messages[0].digest
        # BR's handler is for queries alone that are open: the second it gave up, and says nothing of
        taken = tuple((m.digest, receipts[m.digest], "done") for m in self.messages[:1])
        second = self.messages[1]
        light = {
            "FR": Told(
                [(m.digest, receipts[m.digest]) for m in self.messages],
                [(self.answer.digest, receipts[self.answer.digest], self.answer.statement)],
            ),
            "AR": Told([], [(m.digest, receipts[m.digest], m.statement) for m in self.messages]),
            "BR": Told([], [(second.digest, receipts[second.digest], second.statement)]),
        }
        sdk = {"BR": Store(((self.answer.digest, receipts[self.answer.digest]),), taken)}
        keys = {self.world.acceptance.key_id: self.world.acceptance.public}
        return Evidence(self.world.network, keys, books, light, sdk)


@pytest.fixture(scope="module")
def honest() -> Honest:
    return Honest()


def test_an_honest_state_passes(honest: Honest) -> None:
    verdict = judge(honest.evidence)
    assert verdict.complaints == []
    assert verdict.accepted == 3


Tamper = Callable[[Honest, Evidence], None]


def _forget_message(honest: Honest, evidence: Evidence) -> None:
    del evidence.books.messages[honest.messages[1].digest]


def _lose_copy(honest: Honest, evidence: Evidence) -> None:
    """The handover's entry goes, and so do numbers after it: only the copy's own complaint is looked for."""
    digest = honest.messages[1].digest
    evidence.books.leaves = [leaf for leaf in evidence.books.leaves if not _is(leaf[2], digest, "AR")]


def _is(raw: bytes, digest: bytes, party: str) -> bool:
    from schemas.evidence import read_entry  # noqa: PLC0415  # only here

    entry = read_entry(raw)
    return entry.digest == digest and entry.party == party and entry.event is Event.CONTENT_HANDOVER


def _pending_for_ever(honest: Honest, evidence: Evidence) -> None:
    _lose_copy(honest, evidence)
    evidence.books.copies[honest.messages[1].digest, "AR"] = PENDING, "amqp"


def _consigned_and_gone(honest: Honest, evidence: Evidence) -> None:
    _lose_copy(honest, evidence)
    evidence.books.copies[honest.messages[1].digest, "AR"] = CONSIGNED, "amqp"


def _recipient_has_nothing(_honest: Honest, evidence: Evidence) -> None:
    evidence.light["AR"].handed.pop()


def _taken_twice(_honest: Honest, evidence: Evidence) -> None:
    evidence.light["AR"].handed.append(evidence.light["AR"].handed[0])


def _append(honest: Honest, evidence: Evidence, event: Event, party: str) -> None:
    entry = Entry(event, TIME, digest=honest.messages[0].digest, party=Address(party))
    evidence.books.leaves.append((len(evidence.books.leaves), entry.leaf, entry.encode()))
    evidence.books.size += 1


def _handed_over_twice(honest: Honest, evidence: Evidence) -> None:
    _append(honest, evidence, Event.CONTENT_HANDOVER, "AR")


def _consigned_twice(honest: Honest, evidence: Evidence) -> None:
    _append(honest, evidence, Event.CONTENT_CONSIGNMENT, "AR")


def _accepted_twice(honest: Honest, evidence: Evidence) -> None:
    _append(honest, evidence, Event.SUBMISSION_ACCEPTANCE, "FR")


def _second_receipt(honest: Honest, evidence: Evidence) -> None:
    message = honest.messages[0]
    evidence.light["FR"].receipts.append((message.digest, honest.receipt(message, index=5)))


def _receipt_of_nothing(honest: Honest, evidence: Evidence) -> None:
    message = honest.messages[0]
    evidence.light["FR"].receipts[0] = message.digest, honest.receipt(message, index=10_000)
    evidence.light["AR"].handed[0] = message.digest, honest.receipt(message, index=10_000), message.statement


def _strangers_receipt(honest: Honest, evidence: Evidence) -> None:
    message = honest.messages[0]
    said = Acceptance(message.digest, Event.SUBMISSION_ACCEPTANCE, 0, TIME)
    forged = sign_acceptances([said], honest.world.network.id, SigningKey.generate())[0]
    evidence.light["FR"].receipts.append((message.digest, forged))


def _answered_twice(honest: Honest, evidence: Evidence) -> None:
    query = honest.messages[0].digest
    again = honest.world.envelope("BR", ("FR",), thread=query, re=query)
    evidence.books.messages[again.digest] = "BR", True, again.statement, query


def _effect_missing(honest: Honest, evidence: Evidence) -> None:
    evidence.books.messages[honest.answer.digest] = "BR", True, honest.answer.statement, bytes(32)


def _answer_refused(honest: Honest, evidence: Evidence) -> None:
    digest = honest.answer.digest
    evidence.books.messages[digest] = "BR", False, honest.answer.statement, honest.messages[0].digest


def _handler_never_ended(_honest: Honest, evidence: Evidence) -> None:
    store = evidence.sdk["BR"]
    stuck = tuple((digest, receipt, "running") for digest, receipt, _ in store.taken)
    _put(evidence, replace(store, taken=stuck))


def _put(evidence: Evidence, store: Store) -> None:
    evidence.sdk = {"BR": store}


def _gap(_honest: Honest, evidence: Evidence) -> None:
    del evidence.books.leaves[4]


def _changed_entry(_honest: Honest, evidence: Evidence) -> None:
    index, leaf, entry = evidence.books.leaves[2]
    evidence.books.leaves[2] = index, leaf, entry.replace(b"BR", b"XX")


def _rewritten_entry(_honest: Honest, evidence: Evidence) -> None:
    index, _, entry = evidence.books.leaves[2]
    changed = entry.replace(b"BR", b"XX")
    evidence.books.leaves[2] = index, leaf_hash(changed), changed


def _other_root(honest: Honest, evidence: Evidence) -> None:
    evidence.books.checkpoints[0] = 3, honest.note(3, root=bytes(32))


def _head_beyond(honest: Honest, evidence: Evidence) -> None:
    hashes = [entry.leaf for entry in honest.entries]
    head = Checkpoint(honest.world.network.policy.origin, len(hashes) + 1, merkle.root([*hashes, bytes(32)]))
    note = sign_checkpoint(head, honest.world.log, TIME // 1000)
    evidence.books.checkpoints.append((len(hashes) + 1, note))


def _same_id(honest: Honest, evidence: Evidence) -> None:
    header_of = honest.messages[0]
    from schemas.envelope import read  # noqa: PLC0415  # only here

    again = honest.world.envelope(to=RECIPIENTS, cti=read(header_of.statement).header.cti)
    evidence.books.messages[again.digest] = "FR", True, again.statement, None


def _quarantined(_honest: Honest, evidence: Evidence) -> None:
    evidence.books.quarantined = 1


@pytest.mark.parametrize(
    ("tamper", "kind", "words"),
    [
        (_forget_message, LOST, "not in the database"),
        (_lose_copy, LOST, "in no inbox"),
        (_pending_for_ever, LOST, "never arrived"),
        (_consigned_and_gone, LOST, "never arrived"),
        (_recipient_has_nothing, LOST, "its recipient has it not"),
        (_taken_twice, DOUBLED, "taken 2 times"),
        (_handed_over_twice, DOUBLED, "handed over 2"),
        (_consigned_twice, DOUBLED, "consigned 2"),
        (_accepted_twice, DOUBLED, "accepted 2 times"),
        (_second_receipt, DOUBLED, "contradict"),
        (_receipt_of_nothing, LOST, "not its own"),
        (_strangers_receipt, WRONG, "does not verify"),
        (_answered_twice, DOUBLED, "answered"),
        (_effect_missing, LOST, "its answer is not there"),
        (_answer_refused, LOST, "its answer is not there"),
        (_handler_never_ended, LOST, "running still"),
        (_gap, WRONG, "gaps"),
        (_changed_entry, WRONG, "not what its leaf says"),
        (_rewritten_entry, WRONG, "not the ledger's"),
        (_other_root, WRONG, "not the ledger's"),
        (_head_beyond, LOST, "published tree head"),
        (_same_id, DOUBLED, "under the id"),
        (_quarantined, WRONG, "quarantine"),
    ],
)
def test_tampering_is_found(honest: Honest, tamper: Tamper, kind: str, words: str) -> None:
    evidence = copy.copy(honest.evidence)
    evidence.books = copy.deepcopy(evidence.books)
    evidence.light = copy.deepcopy(evidence.light)
    tamper(honest, evidence)
    found = [complaint for complaint in judge(evidence).complaints if complaint.kind == kind]
    assert any(words in complaint.words for complaint in found), judge(evidence).complaints
