"""Rotation under load and revocation, through a real gateway and the authority's and the bureaus' own commands."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bureaus import rotation
from bureaus.client import Bureau, Exchange, Received
from bureaus.sandbox.network import PrivateNetwork, Seat
from bureaus.voided import Voided
from schemas.codes import Purpose
from schemas.directory import Link
from schemas.errors import Forbidden, Reason
from schemas.identity import Address
from tests.unit.bureaus.network import NO_TRACE, QUERY, operation

pytestmark = pytest.mark.asyncio(loop_scope="module")
CODES = ("FR", "BR", "AR")
OPERATION = "infra-rotation"
QUERIES = 60
LINKS = [Link.HTTP, pytest.param(Link.AMQP, marks=[pytest.mark.broker, pytest.mark.postgres])]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=LINKS)
async def network(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[PrivateNetwork]:
    seats = [Seat(Address(code), code) for code in CODES]
    async with PrivateNetwork(tmp_path_factory.mktemp("rotation"), seats, link=request.param) as network:
        async with network.bureau(Address("FR")) as fr:
            await fr.publish_operation(operation("FR", CODES, int(time.time()), name=OPERATION))
        yield network


def authority(network: PrivateNetwork) -> Path:
    return network.network_file.parent


async def load(network: PrivateNetwork) -> None:
    await network.command("participant", "load", "--home", network.gateway_home, authority(network) / "directory.cbor")


async def rotate(network: PrivateNetwork, bureau: Bureau) -> None:
    made = await bureau.rotate()
    await network.command("authority", "approve", "--home", authority(network), made.path)
    await load(network)
    await eventually_lists(bureau, made.request.signing.key_id)


async def eventually_lists(bureau: Bureau, key_id: bytes) -> None:
    async with asyncio.timeout(60):
        while bureau.trust.own.signing[0].key.key_id != key_id:
            await bureau.refresh()
            await asyncio.sleep(0.05)


async def test_both_ends_rotate_while_they_talk_and_nothing_is_lost(network: PrivateNetwork) -> None:
    br = network.bureau(Address("BR"))

    @br.on("whereabouts.query/1")
    async def answer(query: Received) -> None:
        await query.answer(NO_TRACE)

    asked: list[Exchange] = []

    async def talk(fr: Bureau) -> None:
        for _ in range(QUERIES):
            asked.append(await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST))
            await asyncio.sleep(0.05)

    async with network.bureau(Address("FR")) as fr, br:
        talking = asyncio.create_task(talk(fr))
        await rotate(network, fr)
        await rotate(network, br)
        await talking
        for exchange in asked:
            assert [said.sender async for said in exchange.responses(deadline=60.0)] == ["BR"]
        assert await fr.settled(60)
        counts = await fr.counts()
        assert counts["sent"].get("waiting", 0) == 0
        assert counts["sent"]["accepted"] >= QUERIES
    certificate = (authority(network) / "certificates" / "FR.pem").read_bytes()
    await rotation.complete(network.home(Address("FR")), certificate)
    async with network.bureau(Address("FR")) as fr:
        again = await fr.ask(QUERY, to=["AR"], operation=OPERATION, purpose=Purpose.ARREST)
        assert (await again.accepted(60)).accepted


async def test_a_revoked_key_sends_no_more_and_its_recipients_are_told(network: PrivateNetwork) -> None:
    told: list[Voided] = []
    br = network.bureau(Address("BR"))
    br.on_void(told.append)
    async with network.bureau(Address("AR")) as ar, br:
        sent = await ar.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)
        accepted = await sent.accepted(60)
        inbox = br.inbox()
        assert (await anext(inbox)).digest == sent.digest
        await inbox.aclose()
        key = ar.trust.own.signing[0].key.key_id.hex()
        home = authority(network)
        revoke = ("revoke", "AR", "--key", key[:16], "--void-from", str(accepted.index), "--home", home, "--json")
        made = json.loads(await network.command("authority", *revoke))
        assert made["changes"] == [f"AR: signing key {key[:16]} is void from ledger index {accepted.index} on"]
        await load(network)
        async with asyncio.timeout(60):
            while not told:
                await br.refresh()
                await asyncio.sleep(0.05)
        assert [one.digest for one in told] == [sent.digest]
        later = await ar.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)
        with pytest.raises(Forbidden) as caught:
            await later.accepted(60)
        assert caught.value.reason is Reason.KEY_VOID
