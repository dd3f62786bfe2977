"""What the gateway attests of answers reaches a program once and verified; what does not verify moves nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bureaus.client import Exchange
from bureaus.outcomes import Fate
from schemas.attestations import Attestation, sign_attestation
from schemas.codes import Purpose
from schemas.directory import Use
from schemas.evidence import Event
from schemas.identity import Address
from schemas.keys import SigningKey
from schemas.wire import InboxItem, ItemType
from tests.unit.bureaus.network import OPERATION, QUERY, Team, eventually

FR, BR, AR = Address("FR"), Address("BR"), Address("AR")


def statement(team: Team, said: Attestation, key: SigningKey | None = None, net: bytes | None = None) -> bytes:
    """As the gateway signs it, but for what is given."""
    own = team.network._keys[Use.ACCEPTANCE]  # noqa: SLF001  # the network in memory has no clock that would attest
    return sign_attestation(said, net or team.network.network.id, key or own)


def put(team: Team, to: Address, index: int, raw: bytes) -> None:
    """Into an inbox, unasked."""
    network = team.network
    network._inboxes[to].append(InboxItem(index, ItemType.RECEIPT, b"", raw, None))  # noqa: SLF001  # as above
    arrived, network._arrived = network._arrived, asyncio.Event()  # noqa: SLF001  # as above
    arrived.set()


async def asked(team: Team, exchange: Exchange, event: Event = Event.ANSWER_OVERDUE) -> Attestation:
    """What is attested of BR's silence."""
    await exchange.accepted(60)
    now = team.network.clock()
    return Attestation(event, 500, now, exchange.digest, BR, FR, OPERATION, now - 1000, 1)


async def test_an_attested_silence_ends_the_wait_for_an_outcome_and_is_told_once(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    fr, told = team.open("FR"), list[Attestation]()
    fr.on_attestation(told.append)
    async with fr:
        exchange = await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)
        outcome = asyncio.create_task(exchange.outcome())
        said = await asked(team, exchange)
        assert (await exchange.sides())[BR].fate is Fate.AWAITING
        raw = statement(team, said)
        for _ in range(2):
            put(team, FR, said.index, raw)
        later = replace(said, event=Event.ESCALATED, index=501)
        put(team, FR, later.index, statement(team, later))
        async with asyncio.timeout(60):
            side = (await outcome)[BR]
        assert (side.fate, side.ended, side.answer, side.ground) == (Fate.SILENT, True, None, None)
        await eventually(lambda: len(told) == 2)
        assert told == [said, later]
        assert await exchange.attestations() == [said, later]
    async with team.open("FR") as again:
        kept = await again.exchange(exchange.digest)
        assert (await kept.outcome())[BR].attestation == later


@pytest.mark.parametrize("how", ["key", "network", "place", "others"])
async def test_what_does_not_verify_is_told_to_nobody_and_moves_no_cursor(tmp_path: Path, how: str) -> None:
    team = await Team.gather(tmp_path)
    fr, told = team.open("FR"), list[Attestation]()
    fr.on_attestation(told.append)
    async with fr:
        exchange = await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)
        said = await asked(team, exchange)
        false, index = replace(said, index=900), 900
        match how:
            case "key":
                raw = statement(team, false, key=SigningKey.generate())
            case "network":
                raw = statement(team, false, net=bytes(32))
            case "place":
                raw, index = statement(team, false), 901
            case _:
                raw = statement(team, replace(false, asked=BR, asker=AR))
        put(team, FR, index, raw)
        put(team, FR, said.index, statement(team, said))  # a false one, though its index is higher, hides no true one
        await eventually(lambda: bool(told))
        assert told == [said]
        assert (await fr.counts())["received"]["quarantined"] == 1
        async with asyncio.timeout(60):
            assert (await exchange.outcome())[BR].fate is Fate.SILENT


async def test_the_bureau_asked_hears_reminders_that_end_nothing(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    br, told = team.open("BR"), list[Attestation]()
    br.on_attestation(told.append)
    async with team.open("FR") as fr, br:
        exchange = await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)
        reminder = await asked(team, exchange, Event.ANSWER_REMINDER)
        put(team, BR, reminder.index, statement(team, reminder))
        await eventually(lambda: told == [reminder])
        assert (await exchange.sides())[BR].fate is Fate.AWAITING
