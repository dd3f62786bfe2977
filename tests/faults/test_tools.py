"""The suite's own tools: the proxy tears and freezes, a journal comes back as written, hooks are read strictly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from bureaus.sandbox.process import LOOPBACK
from bureaus.sandbox.proxy import Proxy, Quality
from gateway.adapters.rehearsal import Ending, Rehearsal, Stage
from gateway.adapters.sql.database import Database
from gateway.adapters.sql.store import SqlStore
from schemas.errors import Malformed, Misuse
from schemas.identity import Address
from tests.faults.fault import Row
from tests.faults.journal import Journal, read_journal
from tests.faults.load import Timeline
from tests.faults.pace import compare
from tests.faults.table import lines


@asynccontextmanager
async def proxied_echo() -> AsyncIterator[Proxy]:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(4096):
                writer.write(data)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, LOOPBACK, 0)
    async with server, Proxy(server.sockets[0].getsockname()[1]) as proxy:
        yield proxy


async def said(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, words: bytes, within: float = 60.0) -> bytes:
    writer.write(words)
    async with asyncio.timeout(within):
        return await reader.readexactly(len(words))


async def test_the_proxy_passes_bytes_and_resets_connections_when_cut() -> None:
    async with proxied_echo() as proxy:
        line = await asyncio.open_connection(LOOPBACK, proxy.port)
        assert await said(*line, b"x" * 300_000) == b"x" * 300_000
        assert proxy.cut() == 1
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await said(*line, b"again")
        again = await asyncio.open_connection(LOOPBACK, proxy.port)
        assert await said(*again, b"again") == b"again"
        again[1].close()


async def test_a_narrow_line_takes_its_time_and_passes_all_of_it() -> None:
    async with proxied_echo() as proxy:
        proxy.quality = Quality(latency=0.01, bandwidth=100_000)
        line = await asyncio.open_connection(LOOPBACK, proxy.port)
        begun = asyncio.get_running_loop().time()
        sent = bytes(range(256)) * 40
        assert await said(*line, sent) == sent
        assert asyncio.get_running_loop().time() - begun >= 2 * 0.01 + len(sent) / 100_000
        line[1].close()


async def test_a_frozen_connection_stays_half_open_after_healing() -> None:
    async with proxied_echo() as proxy:
        old = await asyncio.open_connection(LOOPBACK, proxy.port)
        assert await said(*old, b"one") == b"one"
        assert proxy.freeze() == 1
        late = await asyncio.open_connection(LOOPBACK, proxy.port)
        proxy.heal()
        for line in (old, late):
            with pytest.raises(TimeoutError):
                await said(*line, b"two", 0.5)
        fresh = await asyncio.open_connection(LOOPBACK, proxy.port)
        assert await said(*fresh, b"three") == b"three"
        for _, writer in (old, late, fresh):
            writer.close()


def test_a_journal_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "FR.journal"
    with Journal(path) as journal:
        journal.receipt(b"a" * 32, b"receipt")
        assert journal.hand(b"b" * 32, b"acceptance", b"statement")
        assert not journal.hand(b"b" * 32, b"acceptance", b"statement")
    told = read_journal(path)
    assert told.receipts == [(b"a" * 32, b"receipt")]
    assert told.handed == [(b"b" * 32, b"acceptance", b"statement")]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(Malformed):
        read_journal(path)


def test_the_pause_is_the_longest_time_without_a_receipt_after_the_fault() -> None:
    assert Timeline(receipts=[0.0, 9.0, 10.0, 10.5, 13.0, 13.1]).pause(10.2) == pytest.approx(2.5)


FR, BR = Address("FR"), Address("BR")


def waits(before: float, during: float, count: int = 40) -> Timeline:
    """Of FR, before and after the moment 100; and of BR, which is slow throughout."""
    made = [(FR, float(n), n + before) for n in range(count)] + [
        (FR, 100.0 + n, 100 + n + during) for n in range(count)
    ]
    return Timeline(waits=[*made, *((BR, 50.0 + n, 1050.0 + n) for n in range(100))])


@pytest.mark.parametrize(("before", "during", "slowed"), [(0.1, 1.4, False), (0.1, 1.6, True), (2.0, 10.9, False)])
def test_others_are_slowed_when_they_wait_several_times_as_long(before: float, during: float, *, slowed: bool) -> None:
    pace = compare(waits(before, during), {FR}, 100.0, 200.0)
    assert pace is not None
    assert pace.ratio == pytest.approx(during / before)
    assert pace.slowed is slowed


def test_others_are_slowed_when_a_few_of_them_hardly_get_through() -> None:
    timeline = waits(0.1, 0.1, 100)
    timeline.waits += [(FR, 150.0, 170.0)] * 3
    pace = compare(timeline, {FR}, 100.0, 200.0)
    assert pace is not None
    assert pace.slowed


def test_nothing_is_compared_where_there_is_hardly_anything() -> None:
    assert compare(waits(0.1, 0.1, 20), {FR}, 100.0, 200.0) is None
    assert compare(waits(0.1, 0.1), {FR}, 200.0, 300.0) is None


def test_one_sender_may_wait_longer_than_all_of_them() -> None:
    had = [(FR, 0.0, 10.0 + n) for n in range(10)] + [(BR, 0.0, moment) for moment in (9.0, 11.0, 18.5)]
    timeline = Timeline([moment for _, _, moment in had], waits=had)
    assert timeline.longest_of_one(10.0) == pytest.approx(7.5)


def test_a_row_with_a_loss_is_not_good() -> None:
    row = Row("name", envelopes=10_000, accepted=10_500, pause=1.25, longest=6.5, seed=7)
    assert row.good
    assert not Row("name", lost=1).good
    assert "".join(lines([row])[-1].split()) == "name10000105000001.26.57"


def test_hooks_do_nothing_unless_asked_and_are_read_strictly() -> None:
    assert not Rehearsal.of({}).asked
    asked = Rehearsal.of({"BUREAUNET_TEST_KILL_AT": "after-commit:3", "BUREAUNET_TEST_CLOCK_OFFSET": "-60"})
    assert asked.ending == Ending(Stage.AFTER_COMMIT, 3)
    assert asked.offset == -60
    for bad in ({"BUREAUNET_TEST_KILL_AT": "sometimes:1"}, {"BUREAUNET_TEST_CLOCK_OFFSET": "a lot"}):
        with pytest.raises(Misuse):
            Rehearsal.of(bad)


def test_an_ending_counts_only_its_own_stage() -> None:
    ending = Ending(Stage.AFTER_PUBLISH, 3)
    for stage in (Stage.AFTER_COMMIT, Stage.AFTER_PUBLISH, Stage.AFTER_PUBLISH, Stage.ACKNOWLEDGING):
        ending.reach(stage)  # at the next one of its own, this process would end
    assert ending.left == 1


async def test_without_an_ending_the_store_is_the_plain_one(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}")
    assert type(Rehearsal().store(database)) is SqlStore
    await database.close()
