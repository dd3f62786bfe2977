"""What becomes of a query, from answers and attestations in the ledger's order, recipient by recipient."""

from __future__ import annotations

import pytest

from bureaus.client import Received
from bureaus.outcomes import Fate, Side, sides
from schemas.attestations import Attestation
from schemas.codes import Answer
from schemas.evidence import Event
from schemas.identity import Address
from schemas.messages import WhereaboutsResponse
from schemas.messages.codes import Finding, RefusalGround
from schemas.receipts import Acceptance
from tests import world

FR, BR, AR = Address("FR"), Address("BR"), Address("AR")
DUE = 1_800_000_000
OVERDUE, ESCALATED = Event.ANSWER_OVERDUE, Event.ESCALATED


def answer(index: int, code: Answer, until: int | None = None, sender: Address = BR) -> Received:
    ground = RefusalGround.SAFETY if code is Answer.REFUSED else None
    finding = Finding.REFUSED if code is Answer.REFUSED else Finding.NO_TRACE
    digest = bytes([index]) * 32
    header = world.header(b"n" * 32, iss=sender, aud=(FR,), thread=b"q" * 32, re=b"q" * 32, answer=code, until=until)
    receipt = Acceptance(digest, Event.SUBMISSION_ACCEPTANCE, index, DUE * 1000)
    return Received(WhereaboutsResponse(finding=finding, ground=ground), header, digest, receipt, FR)


def attested(index: int, event: Event, asked: Address = BR) -> Attestation:
    return Attestation(event, index, DUE * 1000, b"q" * 32, asked, FR, "infra-test", DUE * 1000, 1)


@pytest.mark.parametrize(
    ("events", "fate"),
    [
        ([], Fate.AWAITING),
        ([answer(1, Answer.INTERIM)], Fate.INTERIM),
        ([answer(1, Answer.MORE_TIME, DUE)], Fate.MORE_TIME),
        ([answer(1, Answer.INTERIM), answer(2, Answer.FINAL)], Fate.ANSWERED),
        ([answer(1, Answer.REFUSED)], Fate.REFUSED),
        ([answer(1, Answer.FINAL), answer(2, Answer.REFUSED)], Fate.ANSWERED),
        ([attested(1, Event.ANSWER_REMINDER)], Fate.AWAITING),
        ([attested(1, OVERDUE)], Fate.SILENT),
        ([attested(1, OVERDUE), attested(2, Event.ANSWER_REMINDER), attested(3, ESCALATED)], Fate.SILENT),
        ([attested(1, OVERDUE), answer(2, Answer.INTERIM)], Fate.SILENT),
        ([attested(1, OVERDUE), answer(2, Answer.MORE_TIME, DUE)], Fate.SILENT),
        ([attested(1, OVERDUE), answer(2, Answer.MORE_TIME, DUE + 60)], Fate.MORE_TIME),
        ([attested(1, OVERDUE), answer(2, Answer.MORE_TIME, DUE + 60), attested(3, OVERDUE)], Fate.SILENT),
        ([attested(1, OVERDUE), answer(2, Answer.FINAL)], Fate.ANSWERED),
        ([answer(1, Answer.FINAL), attested(2, OVERDUE)], Fate.ANSWERED),
        ([attested(1, Event.CONTENT_HANDOVER_FAILURE)], Fate.REFUSED),
        ([attested(1, Event.CONTENT_HANDOVER_FAILURE), answer(2, Answer.FINAL)], Fate.ANSWERED),
    ],
)
def test_the_ledgers_order_decides(events: list[Received | Attestation], fate: Fate) -> None:
    answers = [event for event in events if isinstance(event, Received)]
    said = [event for event in events if isinstance(event, Attestation)]
    found = sides((BR, AR), answers[::-1], said[::-1])
    assert found[BR].fate is fate
    assert found[BR].ended is (fate in {Fate.ANSWERED, Fate.REFUSED, Fate.SILENT})
    assert found[AR] == Side(AR)


def test_a_refusal_gives_its_ground_and_more_time_its_end() -> None:
    assert sides((BR,), [answer(1, Answer.REFUSED)], [])[BR].ground == "safety"
    assert sides((BR,), [answer(1, Answer.FINAL)], [])[BR].ground is None
    assert sides((BR,), [answer(1, Answer.MORE_TIME, DUE)], [])[BR].until == DUE


def test_a_bureau_answers_for_its_unit_and_nobody_for_another() -> None:
    unit = Address("BR/fugitives")
    found = sides((unit, AR), [answer(1, Answer.FINAL, sender=BR)], [])
    assert (found[unit].fate, found[AR].fate) == (Fate.ANSWERED, Fate.AWAITING)
