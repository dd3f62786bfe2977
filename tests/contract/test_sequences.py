"""PostgreSQL's driver is told what arrays are: pinned to the versions of it that were tried."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Sized

import asyncpg
import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from gateway.adapters.sql import Database, sequences
from gateway.adapters.sql.straight import fetch

_ARRAYS = "SELECT $1::bytea[] AS bytes, $2::text[] AS texts, $3::bigint[] AS numbers, $4::boolean[] AS flags"


def test_the_driver_is_of_the_version_that_was_tried() -> None:
    """Fails when the driver moves on: see that its array codec still asks by these names alone, and widen."""
    assert sequences.was_tried()


def test_the_driver_asks_for_these_classes_by_these_names() -> None:
    code = "import asyncpg.protocol.protocol as p; print(p.IterableABC.__name__, p.SizedABC.__name__)"
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert said.split() == [Iterable.__name__, Sized.__name__]


def test_with_another_version_the_driver_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in sequences.NAMES:
        monkeypatch.setattr(sequences.inside(), name, object())
    left = [getattr(sequences.inside(), name) for name in sequences.NAMES]
    monkeypatch.setattr(sequences, "TRIED", "0.0.")
    sequences.tell_driver()
    assert [getattr(sequences.inside(), name) for name in sequences.NAMES] == left


@pytest.mark.postgres
@pytest.mark.parametrize("kind", [list, tuple])
async def test_arrays_arrive_as_they_were_given(fresh_database: str, kind: type) -> None:
    given = [b"\x00", None, b""], ["a", "{,}", None], [1, None, -(2**62)], [True, False, None]
    database = Database(fresh_database)
    try:
        async with database.asking() as connection:
            (found,) = await fetch(connection, _ARRAYS, *map(kind, given))
            assert tuple(found) == given
            (empty,) = await fetch(connection, _ARRAYS, *[kind()] * 4)
            assert tuple(empty) == ([], [], [], [])
            with pytest.raises(DBAPIError):
                await fetch(connection, _ARRAYS, "abc", *given[1:])
    finally:
        await database.close()


@pytest.mark.postgres
async def test_the_driver_still_takes_arrays_within_arrays_and_no_text_for_one(fresh_database: str) -> None:
    sequences.tell_driver()
    url = make_url(fresh_database).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(url)
    try:
        assert await connection.fetchval("SELECT $1::bigint[]", [[1, 2], [3, 4]]) == [[1, 2], [3, 4]]
        with pytest.raises(asyncpg.DataError):
            await connection.fetchval("SELECT $1::text[]", "abc")
    finally:
        await connection.close()
