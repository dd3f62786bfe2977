"""What a bureau tries with records and names of its own, and what an unlucky end leaves behind."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from bureaus.secretariat.databases import Databases, names, records
from bureaus.secretariat.databases.census import NOBODY
from bureaus.secretariat.databases.hits import Hits
from bureaus.secretariat.databases.matcher import Known
from bureaus.secretariat.databases.published import FromNotices
from bureaus.secretariat.databases.questions import Asked, QuestionLog
from bureaus.secretariat.databases.search import Searching, compared
from bureaus.secretariat.notices.values import Published
from bureaus.secretariat.registry.databases import done, found, hit, question
from schemas.codes import Purpose
from schemas.identity import Address
from schemas.messages.codes import NoticeColour
from schemas.messages.databases import MOST_FOUND, NameQuestion
from schemas.messages.notice_codes import Issue, ThingKind
from schemas.messages.notices import Thing
from schemas.messages.person import Name, Person
from schemas.messages.search_codes import RecordAct, Search
from tests.unit.bureaus.network import OPERATION
from tests.unit.bureaus.secretariat.databases.scene import Scene, scene
from tests.unit.bureaus.secretariat.databases.test_services import ASKED, BRUKEL, LOST, WANTED, document, person

POSTGRESQL_MOST = 32_767
"""Values that one statement takes there."""


@pytest.fixture
async def at(tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(tmp_path) as made:
        yield made


async def test_a_question_whose_handler_runs_again_after_its_hits_were_followed_holds_up_no_other(at: Scene) -> None:
    await at.record("BR", LOST)
    office, query = at.office, document()
    answered = await Searching(office.registry, office.settings).answer(Address("KE"), query)
    asked = Asked(b"\1" * 32, Address("KE"), office.now(), urgent=False, query=query, answered=answered, microseconds=5)
    log = QuestionLog(office.registry)
    await log.write(asked)
    await Hits(office).follow()
    await log.write(asked)
    await log.write(replace(asked, digest=b"\2" * 32, asker=Address("FR")))
    await Hits(office).follow()
    async with office.registry.reading() as connection:
        assert {row.bureau for row in await connection.execute(select(hit))} == {"KE", "FR"}
        assert (await connection.execute(select(question))).all() == []


async def test_an_older_update_that_is_handed_over_last_takes_back_no_denial(at: Scene) -> None:
    await at.record("BR", LOST)
    brazil, digests = at.bureaus["BR"], []
    for denied in ((), ("KE",)):
        update = LOST.model_copy(update={"act": RecordAct.UPDATE, "denied": denied})
        sent = await brazil.ask(update, to=["IPSG"], operation=OPERATION, purpose=Purpose.ADMINISTRATION)
        digests.append(sent.digest)
        await anext(aiter(sent.responses(60)))
    async with at.office.registry.writing() as connection:
        await connection.execute(delete(done))  # as where the handler of the first failed before it was carried out
    await Databases(at.office).recorded(await at.office.bureau.received(digests[0]))
    assert (await at.query("KE", document())).result is Search.NO_HIT


async def test_a_notice_that_is_about_nobody_any_more_is_found_by_nobody(at: Scene) -> None:
    hooks, now = FromNotices(at.office), at.office.now()
    one = Published(
        number="B-1/2026", version=1, colour=NoticeColour.BLUE, owner=Address("BR"), subject=BRUKEL, denied=(),
        what=Issue.NEW, time=now, review=now + 1000,
    )  # fmt: skip
    thing = Thing(kind=ThingKind.METHOD, name="A hollow shoe")
    for told in (one, replace(one, version=2, colour=NoticeColour.PURPLE, subject=thing, denied=("KE",))):
        async with at.office.registry.writing() as connection:
            await hooks.published(connection, told)
    assert (await at.query("KE", person())).result is Search.NO_HIT


async def test_no_owner_fills_an_answer_while_another_has_a_record(at: Scene) -> None:
    for number in range(MOST_FOUND):
        await at.record("FR", LOST.model_copy(update={"reference": f"FR-{number}"}))
    alone = (await at.query("KE", document())).found
    assert [one.owner for one in alone] == ["FR"] * MOST_FOUND
    await at.record("BR", LOST)
    found = (await at.query("KE", document())).found
    assert len(found) == MOST_FOUND
    assert "BR" in {one.owner for one in found}


async def test_others_have_their_turn_while_records_of_many_names_are_compared(at: Scene) -> None:
    aliases = tuple(Name(family="Brukel", given=f"Dovmir {letter}") for letter in "abcdefghijklmnopqrst")
    rich = WANTED.model_copy(update={"person": BRUKEL.model_copy(update={"aliases": aliases})})
    for number in range(5):
        await at.record("BR", rich.model_copy(update={"reference": f"BR-{number}"}))
    async with at.office.registry.reading() as connection:
        there = await records.by_id(connection, range(1, 6))
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    waits = asyncio.create_task(other())
    found = await compared(Address("KE"), ASKED, there, NOBODY, at.office.settings)
    waits.cancel()
    assert len(found) == len(there)
    assert turns == len(there)


def _letters(count: int, length: int, seed: int) -> str:
    """Words without a vowel, which leave skeletons as long as they are."""
    drawn = (hashlib.sha256(f"{seed}/{word}".encode()).digest() * 2 for word in range(count))
    return " ".join("".join("bkflmnrst"[byte % 9] for byte in word[:length]) for word in drawn)


async def test_a_record_of_more_keys_than_one_statement_takes_is_changed_and_taken_out(at: Scene) -> None:
    aliases = tuple(
        Name(family=_letters(3, 40, seed), given=_letters(3, 40, seed + 1), original=_letters(5, 38, seed + 2))
        for seed in range(1, 60, 3)
    )
    large = WANTED.model_copy(update={"person": Person(name=Name(family="Example"), aliases=aliases)})
    assert large.person is not None
    assert len(names.record_keys(large.person)) > records.KEYS
    assert records.KEYS < POSTGRESQL_MOST
    await at.record("BR", large)
    await at.record("BR", WANTED.model_copy(update={"act": RecordAct.DELETE, "person": None, "actions": ()}))
    async with at.office.registry.reading() as connection:
        assert (await connection.execute(select(found))).first() is None


def test_of_a_text_in_place_of_a_name_the_beginning_is_compared() -> None:
    text = Name(family="A " * 99 + "B", given="\ufdfa" * 200, original="\ufdfa" * 200)
    forms = Known.asked(NameQuestion(name=text)).forms
    assert forms
    assert all(len(form.tokens) <= names.MOST_COMPARED for form in forms)
    assert all(len(token) <= names.MOST_LETTERS for form in forms for token in form.tokens)
