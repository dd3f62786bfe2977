"""A database that was put back, or exchanged, under a running gateway: nothing more is taken; operators hear why."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import pytest
from aiohttp.test_utils import make_mocked_request

from gateway.adapters.memory import MemoryStore
from gateway.api.operators import OperatorsApi
from gateway.ports import Outcome
from gateway.standing import Standing
from gateway.watching import Watching
from schemas.errors import Reason, Unavailable, Untrusted
from schemas.identity import Address
from tests.support import World


class Exchanged(MemoryStore):
    """A store that can be exchanged for another one, as when a database is restored in place."""

    def put_back(self, other: MemoryStore) -> None:
        self._state = other._state  # noqa: SLF001  # as one database takes the place of another


async def readiness(operators: OperatorsApi) -> tuple[int, str]:
    response = await operators.ready(make_mocked_request("GET", "/readyz"))
    return response.status, str(response.text)


async def backup_of(world: World, *codes: str) -> MemoryStore:
    """A store with the directory, the operation, and one message of each of these."""
    store = MemoryStore()
    async with world.gateway(store) as exchange:
        for code in codes:
            await world.send(exchange, world.envelope(code, ["IPSG"]), code)
    return store


async def test_a_ledger_that_shrank_takes_nothing_from_that_batch_on_until_a_new_start() -> None:
    world, store = World(), Exchanged()
    backup = await backup_of(world)
    standing = Standing(world.watcher)
    async with world.gateway(store, standing=standing) as exchange:
        first = world.envelope("FR", ["BR"])
        assert (await world.send(exchange, first)).accepted
        kept = await store.size()
        store.put_back(backup)
        size = await store.size()
        for _ in range(2):
            with pytest.raises(Unavailable, match="put back") as error:
                await world.send(exchange, world.envelope("FR", ["BR"]))
            assert error.value.reason is Reason.STORE
        with pytest.raises(Unavailable):
            await exchange.evidence(Address("BR"), world.acknowledgement("BR", first.digest))
        with pytest.raises(Unavailable):
            await standing.look()
        assert await store.size() == size < kept, "the transaction that noticed it was undone"
        assert await store.quarantined() == 0
        (said,) = world.watcher.named("admission-unavailable")
        assert "put back" in str(said.fields["why"])
    again = world.exchange(store)
    await again.start()
    assert (await world.send(again, first)).accepted, "a new start goes by the mark alone"
    await again.stop()


async def test_many_at_once_are_told_to_ask_again_and_none_is_set_aside() -> None:
    world, store = World(), Exchanged()
    backup = await backup_of(world)
    async with world.gateway(store, standing=Standing(world.watcher)) as exchange:
        assert (await world.send(exchange, world.envelope("FR", ["BR"]))).accepted
        store.put_back(backup)
        sends = (world.send(exchange, world.envelope("FR", ["BR"])) for _ in range(20))
        found: list[Outcome | BaseException] = await asyncio.gather(*sends, return_exceptions=True)
        assert all(isinstance(one, Unavailable) for one in found)
        assert await store.quarantined() == 0


async def test_what_contradicts_the_mark_takes_nothing_and_is_not_ready_until_it_agrees_again() -> None:
    world, store = World(), MemoryStore()
    wrong = False

    async def agree() -> None:
        if wrong:
            raise Untrusted(Reason.CHECKPOINT, "it is another database")

    standing = Standing(world.watcher, agree)
    operators = OperatorsApi({"high-water": standing.look}, Watching(), [])
    async with world.gateway(store, standing=standing) as exchange:
        assert (await readiness(operators))[0] == HTTPStatus.OK
        wrong = True
        status, said = await readiness(operators)
        assert (status, "another database" in said) == (HTTPStatus.SERVICE_UNAVAILABLE, True)
        with pytest.raises(Unavailable, match="another database"):
            await world.send(exchange, world.envelope("FR", ["BR"]))
        wrong = False
        await standing.look()
        assert (await world.send(exchange, world.envelope("FR", ["BR"]))).accepted
    assert len(world.watcher.named("admission-unavailable")) == len(world.watcher.named("admission-resumed")) == 1


async def test_a_database_that_is_only_away_holds_nobody_back_once_it_is_there() -> None:
    world, store = World(), MemoryStore()

    async def agree() -> None:
        await store.size()

    standing = Standing(world.watcher, agree)
    async with world.gateway(store, standing=standing) as exchange:
        store.down = True
        with pytest.raises(Unavailable):
            await standing.look()
        store.down = False
        assert (await world.send(exchange, world.envelope("FR", ["BR"]))).accepted
    assert world.watcher.named("admission-unavailable") == []
