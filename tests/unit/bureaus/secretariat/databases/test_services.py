"""The databases end to end over the network in memory: records, questions of a border unit, hits and their owners."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, Table, select

from bureaus.secretariat.databases.published import FromNotices
from bureaus.secretariat.notices.values import Ended, Published
from bureaus.secretariat.registry.databases import erasure, found, hit, log, question, record
from bureaus.secretariat.settings import DAY, YEAR
from schemas.codes import Urgency
from schemas.identity import Address
from schemas.messages import Message
from schemas.messages.codes import DocumentType, NoticeColour, Sex, Visibility
from schemas.messages.databases import (
    DatabaseAlert,
    DatabaseQuery,
    DatabaseRecord,
    DatabaseRecorded,
    DocumentQuestion,
    NameQuestion,
    RecordDocument,
)
from schemas.messages.documents import IdentityDocument
from schemas.messages.hits import HitConfirmation, HitConfirmed
from schemas.messages.notice_codes import Ending, Issue
from schemas.messages.person import Name, Person
from schemas.messages.search_codes import (
    DocumentStatus,
    HitAction,
    MatchReason,
    RecordAct,
    RecordKind,
    RecordOutcome,
    Search,
    Validity,
)
from tests.unit.bureaus.secretariat.databases.scene import BORDER, UNIT, Scene, scene

PASSPORT = IdentityDocument.numbered(DocumentType.PASSPORT, "X4 RT-7781", "BR")
LOST = DatabaseRecord(
    act=RecordAct.ADD,
    reference="BR-DOC-1",
    document=RecordDocument(document=PASSPORT, status=DocumentStatus.STOLEN),
    actions=(HitAction.SEIZE_DOCUMENT,),
    conditions="Return it by bag.",
)
BRUKEL = Person(
    name=Name(family="Brukel-Ex", given="Dovmir"),
    sex=Sex.M,
    birth_date="1971-04-30",
    nationalities=("BR",),
    documents=(IdentityDocument.numbered(DocumentType.PASSPORT, "P55512345", "BR"),),
)
WANTED = DatabaseRecord(act=RecordAct.ADD, reference="BR-W-1", person=BRUKEL, actions=(HitAction.ARREST,))
ASKED = NameQuestion(name=Name(family="Brukel", given="Dovmyr"), birth_date="1971-04-30")


def document(number: str = "X4RT7781") -> DatabaseQuery:
    return DatabaseQuery(document=DocumentQuestion(number=number, issuer="BR"), place=BORDER, why="border check")


def person(asked: NameQuestion = ASKED) -> DatabaseQuery:
    return DatabaseQuery(person=asked, place=BORDER)


@pytest.fixture
async def at(tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(tmp_path) as made:
        yield made


def says(validity: Validity, **fields: object) -> HitConfirmed:
    return HitConfirmed.model_validate({"validity": validity, "record": "DB-1", **fields}, strict=False)


async def test_a_border_unit_finds_a_stolen_passport_and_hears_its_owner_confirm(at: Scene) -> None:
    at.handle("BR", HitConfirmation, lambda _: says(Validity.CONFIRMED, contact="desk-Ex"))
    at.handle(UNIT, HitConfirmed, lambda _: None)
    at.handle("KE", HitConfirmed, lambda _: None)
    recorded = await at.record("BR", LOST)
    assert recorded.outcome is RecordOutcome.RECORDED
    answer = await at.query(UNIT, document())
    (only,) = answer.found
    assert answer.result is Search.HIT
    assert (only.record, only.owner, only.conditions) == (recorded.record, "BR", "Return it by bag.")
    assert only.reasons == (MatchReason.NUMBER_SPELLING, MatchReason.ISSUER)
    await at.until(lambda: bool(at.heard[UNIT]) and bool(at.heard["KE"]))
    (asked,) = at.heard["BR"]
    assert isinstance(asked.message, HitConfirmation)
    assert (asked.message.asker, asked.message.place, asked.header.urgency) == (UNIT, BORDER, Urgency.URGENT)
    word = at.heard[UNIT][0].message
    assert isinstance(word, HitConfirmed)
    assert (word.validity, word.owner, word.record) == (Validity.CONFIRMED, "BR", recorded.record)
    assert await states(at) == [Validity.CONFIRMED]


async def test_a_name_with_its_date_is_a_hit_and_without_it_a_candidate(at: Scene) -> None:
    await at.record("BR", WANTED)
    assert (await at.query("KE", person())).result is Search.HIT
    year = await at.query("KE", person(ASKED.model_copy(update={"birth_date": "1971"})))
    assert (year.result, len(year.found)) == (Search.CANDIDATES, 1)
    dateless = await at.query("KE", person(NameQuestion(name=ASKED.name)))
    assert dateless.result is Search.CANDIDATES
    assert dateless.found[0].person == BRUKEL
    other = NameQuestion(name=Name(family="Senlup", given="Ora"), birth_date="1980")
    assert (await at.query("KE", person(other))).result is Search.NO_HIT


async def test_a_wanted_persons_own_passport_finds_the_person(at: Scene) -> None:
    await at.record("BR", WANTED)
    answer = await at.query("KE", document("P55512345"))
    assert (answer.result, answer.found[0].kind) == (Search.HIT, RecordKind.WANTED_PERSON)


async def test_not_valid_takes_the_record_out_and_its_erasure_stays(at: Scene) -> None:
    await at.record("BR", LOST)
    at.handle("BR", HitConfirmation, lambda _: says(Validity.NOT_VALID))
    at.handle("BR", DatabaseRecorded, lambda _: None)
    at.handle("KE", HitConfirmed, lambda _: None)
    await at.query("KE", document())
    await at.until(lambda: bool(at.heard["KE"]) and len(at.heard["BR"]) == 2)
    assert (await at.query("KE", document())).result is Search.NO_HIT
    assert await states(at) == [Validity.NOT_VALID]
    told = at.heard["BR"][1].message
    assert isinstance(told, DatabaseRecorded)
    assert told.outcome is RecordOutcome.ERASED
    assert [row.reference for row in await rows(at, erasure)] == ["BR-DOC-1"]
    assert await rows(at, record) == await rows(at, found) == []


async def test_an_owner_that_needs_time_says_until_when_and_its_last_word_follows(at: Scene) -> None:
    until = at.office.now() + 3600

    def first(_: Message) -> Message:
        return says(Validity.IN_PROCESS, until=until)

    at.handle("BR", HitConfirmation, first)
    at.handle("KE", HitConfirmed, lambda _: None)
    await at.record("BR", LOST)
    await at.query("KE", document())
    await at.until(lambda: bool(at.heard["KE"]))
    word = at.heard["KE"][0].message
    assert isinstance(word, HitConfirmed)
    assert (word.validity, word.until) == (Validity.IN_PROCESS, until)
    await at.heard["BR"][0].answer(says(Validity.CONFIRMED))
    await at.until(lambda: len(at.heard["KE"]) == 2)
    assert await states(at) == [Validity.CONFIRMED]


async def test_a_silent_record_answers_like_an_empty_database_and_its_owner_is_told(at: Scene) -> None:
    at.handle("BR", DatabaseAlert, lambda _: None)
    before = await at.query("KE", document())
    await at.record("BR", LOST.model_copy(update={"visibility": Visibility.SILENT}))
    assert await at.query("KE", document()) == before
    await at.until(lambda: bool(at.heard["BR"]))
    alert = at.heard["BR"][0].message
    assert isinstance(alert, DatabaseAlert)
    assert (alert.asker, alert.place, alert.reference) == ("KE", BORDER, "BR-DOC-1")
    assert [row.result for row in await rows(at, log)] == [Search.NO_HIT, Search.NO_HIT]
    assert (await at.query("BR", document())).result is Search.HIT


async def test_of_an_agency_only_record_its_owner_alone_is_named(at: Scene) -> None:
    await at.record("BR", WANTED.model_copy(update={"visibility": Visibility.AGENCY_ONLY}))
    (only,) = (await at.query("KE", person())).found
    assert (only.owner, only.person, only.actions) == ("BR", None, ())


async def test_a_denied_country_sees_nothing_in_search_and_its_question_tells_nobody(at: Scene) -> None:
    denied = {"denied": ("KE",)}
    await at.record("BR", LOST.model_copy(update=denied))
    await at.record("BR", WANTED.model_copy(update=denied))
    for asker in ("KE", UNIT):
        for asked in (document(), person(), document("P55512345")):
            assert (await at.query(asker, asked)).result is Search.NO_HIT
    assert (await at.query("FR", document())).result is Search.HIT
    await at.settle()
    assert [row.bureau for row in await rows(at, hit)] == ["FR"]


async def test_only_the_owner_changes_a_record_and_nobody_else_learns_of_it(at: Scene) -> None:
    await at.record("BR", LOST)
    theirs = await at.record("FR", LOST.model_copy(update={"act": RecordAct.UPDATE}))
    assert theirs.outcome is RecordOutcome.NO_SUCH_RECORD
    gone = await at.record("FR", DatabaseRecord(act=RecordAct.DELETE, reference="BR-DOC-1"))
    assert gone.outcome is RecordOutcome.NO_SUCH_RECORD
    assert (await at.record("BR", LOST)).outcome is RecordOutcome.EXISTS
    other = LOST.model_copy(update={"act": RecordAct.UPDATE, "conditions": "Keep it."})
    assert (await at.record("BR", other)).outcome is RecordOutcome.RECORDED
    assert (await at.query("KE", document())).found[0].conditions == "Keep it."
    deleted = await at.record("BR", DatabaseRecord(act=RecordAct.DELETE, reference="BR-DOC-1", reason="found"))
    assert deleted.outcome is RecordOutcome.RECORDED
    assert (await at.query("KE", document())).result is Search.NO_HIT


async def test_the_same_hit_again_at_once_asks_its_owner_once(at: Scene) -> None:
    at.handle("BR", HitConfirmation, lambda _: says(Validity.CONFIRMED))
    await at.record("BR", LOST)
    for asker in (UNIT, "KE"):
        await at.query(asker, document())
    await at.until(lambda: bool(at.heard["BR"]))
    assert len(at.heard["BR"]) == 1
    assert "repeated" in await states(at)


async def test_an_owner_is_asked_half_a_year_before_and_its_record_goes_unless_it_renews(at: Scene) -> None:
    recorded = await at.record("BR", LOST)
    at.handle("BR", DatabaseRecorded, lambda _: None)
    assert recorded.review is not None
    assert abs(recorded.review - at.office.now() - 5 * YEAR) < 60
    begun = at.office.now()
    at.office = replace(at.office, now=lambda: begun + 5 * YEAR - 181 * DAY)
    await at.until(lambda: len(at.heard["BR"]) == 1)
    at.office = replace(at.office, now=lambda: begun + 5 * YEAR + DAY)
    await at.until(lambda: len(at.heard["BR"]) == 2)
    said = [one.message for one in at.heard["BR"]]
    assert [one.outcome for one in said if isinstance(one, DatabaseRecorded)] == ["review-due", "erased"]
    assert await rows(at, record) == []


async def test_a_notice_fills_the_database_and_its_end_empties_it(at: Scene) -> None:
    notices, now = FromNotices(at.office), at.office.now()
    red = Published("R-1/2026", 1, NoticeColour.RED, Address("BR"), BRUKEL, ("FR",), Issue.NEW, now, now + 5 * YEAR)
    async with at.office.registry.writing() as connection:
        await notices.published(connection, red)
        await notices.published(connection, replace(red, version=2, what=Issue.UPDATED))
    answer = await at.query("KE", person())
    assert answer.result is Search.HIT
    assert answer.found[0].notice is not None
    assert answer.found[0].notice.number == "R-1/2026"
    assert (await at.query("FR", person())).result is Search.NO_HIT
    tried = await at.record("BR", WANTED.model_copy(update={"act": RecordAct.UPDATE, "reference": "R-1/2026"}))
    assert tried.outcome is RecordOutcome.NO_SUCH_RECORD
    async with at.office.registry.writing() as connection:
        await notices.ended(connection, Ended("R-1/2026", Address("BR"), Ending.WITHDRAWN, now))
    assert (await at.query("KE", person())).result is Search.NO_HIT


async def test_the_log_names_no_person_and_forgets_what_was_asked(at: Scene) -> None:
    await at.record("BR", WANTED)
    await at.query("KE", person())
    await at.settle()
    (row,) = await rows(at, log)
    assert (row.asker, row.subject, row.result, row.shown) == ("KE", "person", Search.HIT, 1)
    assert row.microseconds > 0
    assert await rows(at, question) == []
    assert "rukel" not in str([*await rows(at, log), *await rows(at, hit)])


async def rows(at: Scene, table: Table) -> list[Row[tuple[Any, ...]]]:
    async with at.office.registry.reading() as connection:
        return list(await connection.execute(select(table)))


async def states(at: Scene) -> list[str]:
    async with at.office.registry.reading() as connection:
        return [row[0] for row in await connection.execute(select(hit.c.state).order_by(hit.c.id))]
