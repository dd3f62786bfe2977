"""The databases on both engines: the same records are found the same way, in the same order, by everybody alike."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import func, select

from bureaus.secretariat.databases import questions, records
from bureaus.secretariat.databases.lookups import Lookups
from bureaus.secretariat.databases.questions import Asked, QuestionLog
from bureaus.secretariat.databases.search import Searching
from bureaus.secretariat.registry import Registry
from bureaus.secretariat.registry.databases import erasure, found, log, record
from bureaus.secretariat.settings import DEFAULT
from schemas.identity import Address
from schemas.messages.codes import DocumentType, Visibility
from schemas.messages.databases import (
    DatabaseQuery,
    DatabaseRecord,
    DocumentQuestion,
    Found,
    NameQuestion,
    RecordDocument,
)
from schemas.messages.documents import IdentityDocument
from schemas.messages.person import Name, Person
from schemas.messages.search_codes import DocumentStatus, RecordAct, RecordOutcome, Search
from tests.support import sqlite_url

NOW: Final = 1_800_000_000
BR: Final = Address("BR")
KE: Final = Address("KE/border-north")
NAMES: Final = (
    ("Brukel", "Dovmir", "1971-04-30"),
    ("Brukel", "Dovmir", "1980-01-02"),
    ("Brukell", "Dowmir", "1971-04"),
    ("Zanluko", "Tulgri", "1971-04-30"),
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    fresh: str = request.getfixturevalue("fresh_database")
    return fresh


@pytest.fixture
async def registry(url: str) -> AsyncIterator[Registry]:
    opened = await Registry.open(url)
    yield opened
    await opened.aclose()


def document(at: int, **fields: object) -> DatabaseRecord:
    listed = IdentityDocument.numbered(DocumentType.PASSPORT, f"AB-{at:04}", "BR")
    said = RecordDocument(document=listed, status=DocumentStatus.LOST)
    return DatabaseRecord(act=RecordAct.ADD, reference=f"D-{at}", document=said).model_copy(update=fields)


def person(at: int) -> DatabaseRecord:
    family, given, born = NAMES[at]
    sought = Person(name=Name(family=family, given=given), birth_date=born)
    return DatabaseRecord(act=RecordAct.ADD, reference=f"P-{at}", person=sought)


async def carry_out(registry: Registry, *said: DatabaseRecord, sender: Address = BR) -> list[RecordOutcome]:
    async with registry.writing() as connection:
        return [
            (await records.carry_out(connection, one, sender=sender, now=NOW, settings=DEFAULT)).outcome for one in said
        ]


async def ask(registry: Registry, query: DatabaseQuery, asker: Address = KE) -> tuple[Search, tuple[Found, ...]]:
    answered = await Searching(registry, DEFAULT).answer(asker, query)
    return answered.answer.result, answered.answer.found


def number(text: str) -> DatabaseQuery:
    return DatabaseQuery(document=DocumentQuestion(number=text))


async def test_a_record_is_added_replaced_and_taken_out_by_its_owner_with_all_its_keys(registry: Registry) -> None:
    assert await carry_out(registry, document(1), person(0)) == [RecordOutcome.RECORDED] * 2
    assert (await ask(registry, number("AB0001")))[0] is Search.HIT
    moved = document(2, act=RecordAct.UPDATE, reference="D-1")
    assert await carry_out(registry, moved, sender=Address("FR")) == [RecordOutcome.NO_SUCH_RECORD]
    assert await carry_out(registry, moved, document(1)) == [RecordOutcome.RECORDED, RecordOutcome.EXISTS]
    assert (await ask(registry, number("AB0001")))[0] is Search.NO_HIT
    assert (await ask(registry, number("AB0002")))[0] is Search.HIT
    gone = [DatabaseRecord(act=RecordAct.DELETE, reference=one, reason="found") for one in ("D-1", "P-0")]
    assert await carry_out(registry, *gone) == [RecordOutcome.RECORDED] * 2
    async with registry.reading() as connection:
        for table, count in ((record, 0), (found, 0), (erasure, 2)):
            assert (await connection.execute(select(func.count()).select_from(table))).scalar_one() == count
    assert await carry_out(registry, document(1)) == [RecordOutcome.RECORDED]
    assert (await ask(registry, number("AB0001")))[1][0].record == "DB-3"


async def test_of_two_messages_the_newer_counts_in_whichever_order_they_are_handed_over(registry: Registry) -> None:
    async def hand(said: DatabaseRecord, place: int) -> RecordOutcome:
        async with registry.writing() as connection:
            answer = await records.carry_out(connection, said, sender=BR, now=NOW, settings=DEFAULT, place=place)
        return answer.outcome

    first, open_to_all = document(1), document(1, act=RecordAct.UPDATE)
    denied = document(1, act=RecordAct.UPDATE, denied=("KE",))
    gone = DatabaseRecord(act=RecordAct.DELETE, reference="D-1")
    assert await hand(first, 1) is RecordOutcome.RECORDED
    assert await hand(denied, 4) is RecordOutcome.RECORDED
    assert await hand(open_to_all, 3) is RecordOutcome.RECORDED
    assert (await ask(registry, number("AB0001")))[0] is Search.NO_HIT
    assert await hand(gone, 2) is RecordOutcome.EXISTS
    assert (await ask(registry, number("AB0001"), Address("AR")))[0] is Search.HIT
    assert await hand(gone, 6) is RecordOutcome.RECORDED
    assert await hand(first, 5) is RecordOutcome.EXISTS
    assert (await ask(registry, number("AB0001"), Address("AR")))[0] is Search.NO_HIT
    assert await hand(first, 7) is RecordOutcome.RECORDED
    assert (await ask(registry, number("AB0001"), Address("AR")))[0] is Search.HIT


async def test_candidates_come_best_first_with_their_scores(registry: Registry) -> None:
    await carry_out(registry, *map(person, range(len(NAMES))))
    asked = NameQuestion(name=Name(family="Dovmir", given="Brukel"), birth_date="1971-04-30")
    result, there = await ask(registry, DatabaseQuery(person=asked))
    assert result is Search.HIT
    assert [one.record for one in there] == ["DB-1", "DB-3"]  # another whole date is another person
    assert [one.score for one in there] == sorted((one.score for one in there), reverse=True)


async def test_a_flood_of_one_owner_s_silent_records_hides_no_other_owner_s(registry: Registry) -> None:
    sought = person(0)
    flood = (
        sought.model_copy(update={"reference": f"F-{at}", "visibility": Visibility.SILENT})
        for at in range(DEFAULT.name_candidates + 1)
    )
    await carry_out(registry, *flood, sender=Address("FR"))
    await carry_out(registry, sought)
    assert sought.person is not None
    asked = DatabaseQuery(person=NameQuestion(name=sought.person.name, birth_date=sought.person.birth_date))
    result, there = await ask(registry, asked)
    assert (result, [one.owner for one in there]) == (Search.HIT, ["BR"])


async def test_many_who_ask_at_once_get_each_their_own(registry: Registry) -> None:
    await carry_out(registry, *(document(at) for at in range(40)))
    lookups = Lookups(registry)
    there = await asyncio.gather(*(lookups.find(f"AB-{at:04}") for at in range(60)))
    assert [[one.reference for one in each] for each in there] == [[f"D-{at}"] if at < 40 else [] for at in range(60)]


async def test_of_one_owner_ten_records_under_a_number_are_looked_at(registry: Registry) -> None:
    await carry_out(registry, *(document(1, reference=f"D-{at}") for at in range(25)))
    await carry_out(registry, document(1), sender=Address("FR"))
    there = await Lookups(registry).find("AB-0001")
    assert Counter(one.owner for one in there) == {"BR": 10, "FR": 1}


async def test_a_hit_is_left_out_for_no_commonness_of_its_name(registry: Registry) -> None:
    sought = Person(name=Name(family="Ibo", given="Ola"), birth_date="1971-04-30")
    await carry_out(registry, DatabaseRecord(act=RecordAct.ADD, reference="P-1", person=sought))
    asked = DatabaseQuery(person=NameQuestion(name=sought.name, birth_date="1971-04-30"))
    strict = replace(DEFAULT, name_by_chance_dated=0)  # as where everybody bears it
    answered = await Searching(registry, strict).answer(KE, asked)
    assert (answered.answer.result, [one.owner for one in answered.answer.found]) == (Search.HIT, ["BR"])


async def test_the_log_has_each_question_once_and_is_forgotten_in_time(registry: Registry) -> None:
    await carry_out(registry, document(1, visibility=Visibility.SILENT))
    query, searching, kept = number("AB0001"), Searching(registry, DEFAULT), QuestionLog(registry)
    answered = await searching.answer(KE, query)
    row = Asked(b"1" * 32, KE, NOW, urgent=True, query=query, answered=answered, microseconds=7)
    await asyncio.gather(*(kept.write(row) for _ in range(5)))
    async with registry.reading() as connection:
        (waiting,) = await questions.waiting(connection, 10)
        logged = (await connection.execute(select(log))).one()
    assert (waiting.query, [one[0] for one in waiting.hits]) == (query, [1])
    assert (logged.result, logged.shown, logged.bureau, logged.subject) == (Search.NO_HIT, 0, "KE", "document")
    async with registry.writing() as connection:
        await questions.followed(connection, [waiting.digest])
        await questions.forget(connection, NOW + 1)
        assert await questions.waiting(connection, 10) == []
        assert (await connection.execute(select(log))).all() == []
