"""The registry on both databases: the migrations make the tables that the rooms use, up and down, around data."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, select, text, union_all

from bureaus.secretariat.databases import records
from bureaus.secretariat.registry import Registry, audit, outgoing, versions
from bureaus.secretariat.registry.databases import erasure, record
from bureaus.secretariat.registry.everything import METADATA
from bureaus.secretariat.settings import DEFAULT
from schemas.codes import Purpose
from schemas.errors import Misuse, Unavailable
from schemas.identity import Address
from schemas.messages import WhereaboutsQuery
from schemas.messages.codes import Asked
from schemas.messages.databases import DatabaseRecord
from schemas.messages.person import Name, Person
from schemas.messages.search_codes import RecordAct, RecordOutcome
from tests.support import sqlite_url

NOW = 1_700_000_000
NEWS = WhereaboutsQuery(asked=(Asked.STATUS,), case="CASE-1")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    found: str = request.getfixturevalue("fresh_database")
    return found


def difference(connection: Connection) -> object:
    shown = {"include_name": lambda name, kind, _: not (kind == "table" and (name or "").startswith(EXTRA))}
    return compare_metadata(MigrationContext.configure(connection, opts=shown), METADATA)


EXTRA = ("alembic_version", "fts_")
"""Tables that are made by a migration alone: indexes of one database's own kind."""


async def fill(registry: Registry) -> None:
    async with registry.writing() as connection:
        await audit.note(connection, time=1, who="a.example", act="approve", subject="R-1/2026", why="complete")
        assert await outgoing.post(connection, NEWS, to=["FR"], purpose=Purpose.ARREST, key="news")


async def rows(registry: Registry) -> list[tuple[object, ...]]:
    async with registry.reading() as connection:
        return [
            tuple(row)
            for columns in (list(audit.audit.c), _FIRST)
            for row in await connection.execute(select(*columns))
        ]


_FIRST = [column for column in outgoing.outgoing.c if column.name != "decided"]
"""What the first version had of it."""


async def test_migrations_make_the_tables_that_the_rooms_use_and_are_taken_back_around_data(url: str) -> None:
    registry = await Registry.open(url)
    await fill(registry)
    before = await rows(registry)
    async with registry.reading() as connection:
        assert await connection.run_sync(difference) == []
        revisions = await connection.run_sync(versions.revisions)
    for above, below in zip(revisions[::-1], revisions[-2::-1], strict=False):
        await registry.migrate(below)
        await registry.migrate(above)
        await registry.migrate(below)
        async with registry.reading() as connection:
            assert await connection.run_sync(versions.present) == below
    assert await rows(registry) == before
    await registry.migrate(versions.HEAD)
    async with registry.reading() as connection:
        assert await connection.run_sync(difference) == []
    assert await rows(registry) == before
    await registry.migrate(versions.BASE)
    async with registry.reading() as connection:
        assert await connection.run_sync(lambda c: inspect(c).get_table_names()) == ["alembic_version"]
    with pytest.raises(Misuse, match="no revision 0000"):
        await registry.migrate("0000")
    await registry.aclose()


async def test_messages_that_were_decided_before_the_sixth_version_are_kept_from_then_on(url: str) -> None:
    registry = await Registry.open(url)
    await fill(registry)
    async with registry.writing() as connection:
        await outgoing.post(connection, NEWS, to=["FR"], purpose=Purpose.ARREST, key="other")
        await outgoing.decided(connection, 1, b"d", None, now=1)
    await registry.migrate("0005")
    begun = int(time.time())
    await registry.migrate("0006")
    async with registry.reading() as connection:
        found = dict(tuple(row) for row in await connection.execute(select(*_KEYED)))
    assert found["news"] >= begun
    assert found["other"] is None
    await registry.aclose()


async def test_records_of_before_the_seventh_version_stay_and_are_older_than_every_message(url: str) -> None:
    registry = await Registry.open(url)
    said = DatabaseRecord(act=RecordAct.ADD, reference="BR-1", person=Person(name=Name(family="Example")))

    async def hand(one: DatabaseRecord, place: int) -> RecordOutcome:
        sender = Address("BR")
        async with registry.writing() as connection:
            return (
                await records.carry_out(connection, one, sender=sender, now=NOW, settings=DEFAULT, place=place)
            ).outcome

    async def places() -> dict[str, int]:
        both = union_all(*(select(table.c.reference, table.c.place) for table in (record, erasure)))
        async with registry.reading() as connection:
            return {row.reference: row.place for row in await connection.execute(both)}

    for reference in ("BR-1", "BR-2"):
        assert await hand(said.model_copy(update={"reference": reference}), 9) is RecordOutcome.RECORDED
    assert await hand(DatabaseRecord(act=RecordAct.DELETE, reference="BR-2"), 10) is RecordOutcome.RECORDED
    assert await places() == {"BR-1": 9, "BR-2": 10}
    await registry.migrate("0006")
    await registry.migrate("0007")
    assert await places() == {"BR-1": 0, "BR-2": 0}
    assert await hand(said.model_copy(update={"act": RecordAct.UPDATE}), 3) is RecordOutcome.RECORDED
    assert await places() == {"BR-1": 3, "BR-2": 0}
    await registry.aclose()


_KEYED = outgoing.outgoing.c.key, outgoing.outgoing.c.decided


async def test_a_message_is_deleted_so_long_after_it_was_decided_and_never_before(url: str) -> None:
    registry = await Registry.open(url)
    async with registry.writing() as connection:
        for key in ("early", "refused", "late", "waits"):
            await outgoing.post(connection, NEWS, to=["FR"], purpose=Purpose.ARREST, key=key)
        await outgoing.decided(connection, 1, b"d", None, now=100)
        await outgoing.decided(connection, 2, None, "recipient-unknown", now=100)
        await outgoing.decided(connection, 3, b"e", None, now=200)
    async with registry.writing() as connection:
        assert await outgoing.prune(connection, 200, 1) == 1
        assert await outgoing.prune(connection, 200, 2) == 1
        assert await outgoing.prune(connection, 200, 2) == 0
    async with registry.reading() as connection:
        there = [row.key for row in await connection.execute(select(*_KEYED).order_by(outgoing.outgoing.c.id))]
    assert there == ["late", "waits"]
    await registry.aclose()


async def test_a_later_version_is_refused_and_those_who_start_at_once_migrate_once(url: str) -> None:
    opened = await asyncio.gather(*(Registry.open(url) for _ in range(3)))
    async with opened[0].writing() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for registry in opened:
        await registry.aclose()
    with pytest.raises(Misuse, match="9999"):
        await Registry.open(url)


async def test_a_transaction_is_whole_or_nothing_and_writers_wait_for_each_other(url: str) -> None:
    registry, other = await Registry.open(url), await Registry.open(url)
    rung = registry.written.rung

    async def fail() -> None:
        async with registry.writing() as connection:
            await audit.note(connection, time=1, who="service", act="fail", subject="")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert registry.written.rung == rung

    async def note(which: Registry, number: int) -> None:
        async with which.writing() as connection:
            await audit.note(connection, time=number, who="service", act="note", subject=str(number))

    await asyncio.gather(*(note(which, number) for number in range(8) for which in (registry, other)))
    async with registry.reading() as connection:
        noted = await audit.acts(connection, since=4, who="service")
        assert [act.time for act in await audit.acts(connection, subject="7", limit=1)] == [7]
    assert sorted(act.time for act in noted) == [4, 4, 5, 5, 6, 6, 7, 7]
    assert [act.id for act in noted] == sorted((act.id for act in noted), reverse=True)
    await registry.aclose()
    await other.aclose()


async def test_a_registry_that_is_not_there_is_unavailable_and_its_password_is_not_said(tmp_path: Path) -> None:
    for gone in (sqlite_url(tmp_path / "no" / "folder"), "postgresql+asyncpg://nobody:secret@127.0.0.1:1/none"):
        with pytest.raises(Unavailable) as error:
            await Registry.open(gone)
        assert "secret" not in str(error.value)
    for wrong in ("mysql://nobody:secret@127.0.0.1/none", "secret", "sqlite:///file"):
        with pytest.raises(Misuse) as refused:
            Registry(wrong)
        assert "secret" not in str(refused.value)
