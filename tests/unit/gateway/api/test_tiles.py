"""Tiles over HTTP, and who may read an entry: parties, the operation's owner, and its auditors while they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.memory import MemoryStore, MemoryTree
from gateway.api import tiles
from gateway.api.bureaus import Handler
from gateway.api.problems import Refused, problem
from gateway.api.reading import ReadingApi
from gateway.api.requests import LINK
from schemas import merkle, wire
from schemas.directory import ParticipantKind
from schemas.errors import Reason
from schemas.identity import Address
from schemas.merkle import leaf_hash
from schemas.notes import read_checkpoint
from schemas.operation import Member, Role
from tests.support import NOW, Office, World

Client = TestClient[web.Request, web.Application]


@asynccontextmanager
async def reading(world: World, store: MemoryStore, tree: MemoryTree) -> AsyncIterator[Client]:
    """The API over plain HTTP, where a header says whose link it is."""

    @web.middleware
    async def linked(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[LINK] = Address(request.headers.get("X-Link", "FR"))
        try:
            return await handler(request)
        except Refused as refused:
            return problem(refused)

    application = web.Application(middlewares=[linked])
    application.add_routes(ReadingApi(store, world.ledger(tree), world.clock).routes())
    async with TestClient(TestServer(application)) as client:
        yield client


@given(st.integers(0, 7), st.integers(0, 10**18 - 1), st.integers(1, 256))
def test_a_tile_has_one_spelling_and_that_is_read(level: int, index: int, width: int) -> None:
    number, _, rest = tiles.path(level, index, width).partition("/")
    assert tiles.parse(number, rest) == (level, index, width)


@pytest.mark.parametrize(
    ("index", "written"), [(0, "000"), (5, "005"), (999, "999"), (1000, "x001/000"), (1234067, "x001/x234/067")]
)
def test_numbers_are_written_in_groups(index: int, written: str) -> None:
    assert tiles.path(0, index) == f"0/{written}"


@pytest.mark.parametrize(
    ("level", "rest"),
    [
        ("8", "000"),
        ("-1", "000"),
        ("00", "000"),
        ("0", "0"),
        ("0", "0000"),
        ("0", "x000/001"),
        ("0", "x001/x002"),
        ("0", "001/002"),
        ("0", "000.p/0"),
        ("0", "000.p/256"),
        ("0", "000.p/300"),
        ("0", "000.p/01"),
        ("0", "000.p"),
        ("0", "000/"),
        ("0", "../000"),
        ("0", "٠٠٠"),  # noqa: RUF001  # digits of another script
        ("0", "x001/" * 6 + "000"),
        ("0", "9" * 4000),
    ],
)
def test_another_spelling_is_refused(level: str, rest: str) -> None:
    with pytest.raises(Refused) as refused:
        tiles.parse(level, rest)
    assert (refused.value.status, refused.value.reason) == (HTTPStatus.BAD_REQUEST, Reason.STRUCTURE)


async def test_tiles_lead_to_the_signed_root_and_may_be_kept_for_ever() -> None:
    world, store = World(), MemoryStore()
    tree, count = MemoryTree(store), 256 * 256 + 300
    entries = [number.to_bytes(4) for number in range(count)]
    async with store.begin() as transaction:
        await transaction.append([(entry, None) for entry in entries])
    ledger = world.ledger(tree)
    await ledger.integrate(count)
    note = await ledger.checkpoint()
    assert note is not None
    root = read_checkpoint(note, world.network.policy).checkpoint.root

    async with reading(world, store, tree) as client:

        async def get(level: int, index: int, width: int = 256) -> list[bytes]:
            async with client.get(f"{wire.TILE}/{tiles.path(level, index, width)}") as response:
                assert response.status == HTTPStatus.OK, await response.text()
                assert "immutable" in response.headers["Cache-Control"]
                assert response.content_type == wire.TILE_TYPE
                data = await response.read()
            return [data[at : at + 32] for at in range(0, len(data), 32)]

        assert await get(0, 3) == [leaf_hash(entry) for entry in entries[768:1024]]
        assert await get(0, 3, 7) == (await get(0, 3))[:7], "a part of a full one stays"
        assert await get(1, 0) == [
            merkle.root([leaf_hash(e) for e in entries[at : at + 256]]) for at in range(0, 65536, 256)
        ]
        whole, last, rest = await get(2, 0, 1), await get(1, 1, 1), await get(0, 257, 44)
        peaks = [merkle.root(await get(1, 0)), last[0]]
        assert whole == peaks[:1]
        right = merkle.node_hash(last[0], merkle.root(rest))
        assert merkle.node_hash(whole[0], right) == root
        for beyond in (
            "0/257.p/45",
            "0/257",
            "1/001.p/2",
            "2/000.p/2",
            "3/000.p/1",
            "0/x999/x999/x999/x999/x999/999",
            "7/000",
        ):
            async with client.get(f"{wire.TILE}/{beyond}") as response:
                assert (response.status, (await response.json())["reason"]) == (HTTPStatus.NOT_FOUND, Reason.NOT_FOUND)
        for wrong in ("0/0", "0/000.p/256", "9/000", "0/%2e%2e/000", "0/" + "x000/" * 200 + "000"):
            async with client.get(f"{wire.TILE}/{wrong}") as response:
                assert response.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)


async def test_what_no_checkpoint_covers_is_not_given_though_it_is_integrated() -> None:
    world, store = World(), MemoryStore()
    tree = MemoryTree(store)
    ledger = world.ledger(tree)
    async with store.begin() as transaction:
        await transaction.append([(b"one", None)])
    await ledger.integrate(1)
    async with reading(world, store, tree) as client:
        async with client.get(f"{wire.TILE}/0/000.p/1") as response:
            assert response.status == HTTPStatus.NOT_FOUND
        await ledger.checkpoint()
        async with client.get(f"{wire.TILE}/0/000.p/1") as response:
            assert await response.read() == leaf_hash(b"one")


async def test_an_entry_is_for_parties_the_owner_and_present_auditors_and_nobody_else() -> None:
    world, store = World(), MemoryStore()
    world.offices |= {code: Office(Address(code)) for code in ("DE", "UNODC", "PL")}
    world.offices["UNODC"].kind = ParticipantKind.ORGANISATION
    world.first_directory()
    tree = MemoryTree(store)
    async with world.gateway(store) as exchange:
        outcome = await world.send(exchange, world.envelope("FR", ["BR"]))

        async def readers() -> set[str]:
            found = set()
            async with reading(world, store, tree) as client:
                for code in world.offices:
                    async with client.get(f"{wire.ENTRIES}/{outcome.index}", headers={"X-Link": code}) as response:
                        if response.status == HTTPStatus.OK:
                            found.add(code)
                        else:
                            assert response.status == HTTPStatus.NOT_FOUND
            return found

        assert await readers() == {"FR", "BR", "IPSG"}, "AR is a member and no party"
        members = world.operation.members
        audits = Member(Address("UNODC"), Role.AUDITOR, NOW - 1, NOW + 10)
        was = Member(Address("PL"), Role.AUDITOR, NOW - 10, NOW - 1)
        watches = Member(Address("DE"), Role.OBSERVER, NOW - 1)
        await exchange.publish_operation(Address("IPSG"), world.amend(members=(*members, audits, was, watches)))
        assert await readers() == {"FR", "BR", "IPSG", "UNODC"}
        refused = await world.send(exchange, world.envelope("FR", ["UNODC"]))
        assert refused.reason is Reason.RECIPIENT_NOT_MEMBER, "an auditor is sent nothing"
        sent = await world.send(exchange, world.envelope("UNODC", ["FR"]), link="UNODC")
        assert sent.reason is Reason.SENDER_NOT_MEMBER
        world.clock.move(10_000)
        assert await readers() == {"FR", "BR", "IPSG"}
