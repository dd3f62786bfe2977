"""The statements in force: verified whenever they are read, taken in once and in the ledger's order."""

from __future__ import annotations

import asyncio

import pytest

from gateway.adapters.memory import MemoryStore
from gateway.trust import NO_DIRECTORY, TrustKeeper
from schemas.directory import Directory, read_directory
from schemas.errors import BureaunetError, Reason
from schemas.identity import Address
from schemas.keys import SigningKey
from tests.support import World


async def keep(store: MemoryStore, *statements: tuple[Directory, bytes]) -> None:
    async with store.begin() as transaction:
        for directory, raw in statements:
            index = await transaction.append([(b"entry", None)])
            await transaction.save_directory(directory, raw, index)


async def test_nobody_is_known_before_the_first_directory() -> None:
    world = World()
    keeper = TrustKeeper(MemoryStore(), world.network)
    await keeper.refresh()
    assert keeper.trust.directory is NO_DIRECTORY
    assert keeper.trust.directory.find(Address("FR")) is None


async def test_looks_that_overlap_take_a_version_once() -> None:
    world, store = World(), MemoryStore()
    async with world.gateway(store) as exchange:
        keeper = TrustKeeper(store, world.network)
        await asyncio.gather(*(keeper.refresh() for _ in range(5)))
        await exchange.publish_directory(world.renew())
        await exchange.publish_operation(Address("IPSG"), world.amend(name="Renamed"))
        await asyncio.gather(*(keeper.refresh() for _ in range(5)))
    assert keeper.trust.directory == world.directory
    assert keeper.trust.operations[world.operation.id].operation.name == "Renamed"


async def test_a_stored_statement_that_does_not_verify_is_not_taken_and_those_before_it_are() -> None:
    world, store = World(), MemoryStore()
    forger = World()
    first = world.directory, world.directory_raw
    forged = read_directory(forger.directory_raw, forger.network)
    await keep(store, first)
    keeper = TrustKeeper(store, world.network)
    async with store.begin() as transaction:
        await transaction.append([(b"entry", None)])
        await transaction.save_directory(Directory(2, None, 0, (), ()), forger.directory_raw, 1)
    with pytest.raises(BureaunetError) as refused:
        await keeper.refresh()
    assert refused.value.reason in (Reason.NETWORK, Reason.KEY_UNKNOWN)
    assert keeper.trust.directory == world.directory
    assert keeper.trust.directory != forged


async def test_an_operation_stands_though_its_owners_key_was_changed_since() -> None:
    world, store = World(), MemoryStore()
    async with world.gateway(store) as exchange:
        world.offices["IPSG"].signing = SigningKey.generate()
        await exchange.publish_directory(world.renew())
    keeper = TrustKeeper(store, world.network)
    await keeper.refresh()
    assert keeper.trust.operations[world.operation.id].operation == world.operation
    assert keeper.trust.directory.version == 2
