"""Faults of conduct: bureaus that do not read, that flood, that say everything twice and out of order; wrong clocks."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Final

from bureaus.links.http import HttpLink, client_context
from schemas.identity import Address
from tests.faults.fault import Fault, Strike
from tests.faults.ground import Ground, Sealed
from tests.faults.load import Load
from tests.faults.scene import Setting

SILENT: Final = (Address("FI"), Address("UY"))
"""Who does not read: one over the broker, one over HTTP."""
FULL: Final = 40
"""Messages that the inbox of the first of them holds."""
OFFSET: Final = "BUREAUNET_TEST_CLOCK_OFFSET"
FLOODER: Final = Address("KE")
FLOOD_QUOTA: Final = 2500
FLOOD_WINDOW: Final = 256
GATEWAYS: Final = (240, 540)
"""Seconds that the gateways' clocks are ahead of most bureaus'; keys are too young here for clocks to go back."""
AFTERWARDS: Final = 140
"""And the second one's after its restart: behind the first, and behind what it signed itself."""
RESPONDERS: Final = (300, 0, 240)
HASTY: Final = 440
"""Seconds that one sender is ahead: too far for the first gateway, and not for the second."""


def _deaf(load: Load) -> None:
    for address in SILENT:
        load.light[address].reads.clear()


async def _never_reads(strike: Strike) -> None:
    """Their inboxes fill, one is full; everybody else gets everything. In the end they read, and get everything too."""
    broker, load = strike.scene.broker, strike.load
    pattern = rf"^inbox\.{SILENT[0]}(\.urgent)?$"
    policy = f'{{"max-length":{FULL},"overflow":"reject-publish","delivery-limit":1000000}}'
    await broker.ctl("set_policy", "--priority", "9", "--apply-to", "queues", "full", pattern, policy)
    await load.until_receipts(len(load.sealed))
    owed = sum(len(set(s.recipients) - set(SILENT) - set(load.responders)) for s in load.sealed)
    async with asyncio.timeout(60.0):
        while sum(len(b.journal.handed) for b in load.light.values()) < owed:  # noqa: ASYNC110  # as in Load
            await asyncio.sleep(0.1)
    strike.say("everybody else has everything: now they read")
    await broker.ctl("clear_policy", "full")
    for address in SILENT:
        load.light[address].reads.set()


def _flood(load: Load) -> None:
    load.light[FLOODER].window = FLOOD_WINDOW


def _flood_setting(_dice: random.Random, _count: int) -> Setting:
    return Setting(quota=FLOOD_QUOTA)


def _flooding(ground: Ground, count: int, dice: random.Random) -> Sequence[Sealed]:
    """Two thirds for everyone, one third from one bureau, more than its quota lets through."""
    targets = [seat.address for seat in ground.light if seat.address != FLOODER]
    own = [ground.seal(FLOODER, (dice.choice(targets),)) for _ in range(count // 2)]
    return [*ground.envelopes[: count - count // 2], *own]


async def _floods(strike: Strike) -> None:
    """The others' envelopes are decided while the flood still comes."""
    others = [bureau for address, bureau in strike.load.light.items() if address != FLOODER]
    async with asyncio.timeout(120.0):
        while any(len(b.journal.receipts) < _sent(strike.load, b.seat.address) for b in others):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    left = _sent(strike.load, FLOODER) - len(strike.load.light[FLOODER].journal.receipts)
    strike.say(f"everybody else has every receipt; of the flood {left} are left")


def _sent(load: Load, address: Address) -> int:
    return sum(sealed.sender == address for sealed in load.sealed)


def _echo(load: Load) -> None:
    """One in three goes out four times at once: twice over its own link, and to each gateway; evidence three times."""
    ground, scene = load.scene.ground, load.scene
    for address, bureau in load.light.items():
        tls = client_context(*ground.tls_of(address))
        bureau.twice = 3
        bureau.others = tuple(HttpLink(gateway.url, tls) for gateway in scene.gateways)


def _shuffled(ground: Ground, count: int, dice: random.Random) -> Sequence[Sealed]:
    envelopes = list(ground.envelopes[:count])
    dice.shuffle(envelopes)
    return envelopes


async def _again(strike: Strike) -> None:
    """Old envelopes come again in the middle, and others under ids that are used."""
    load, ground = strike.load, strike.scene.ground
    old = [sealed for sealed in load.sealed if sealed.digest in load.light[sealed.sender].journal.receipts]
    await asyncio.gather(*(load.light[s.sender].submit(s) for s in strike.dice.sample(old, min(300, len(old)))))
    forged = [ground.seal_again(sealed) for sealed in old[:50]]
    await asyncio.gather(*(load.light[s.sender].submit(s) for s in forged))
    strike.say(f"{len(forged)} other envelopes came under used ids")


def _clock_setting(_dice: random.Random, _count: int) -> Setting:
    return Setting(rehearse={number: {OFFSET: str(seconds)} for number, seconds in enumerate(GATEWAYS)})


def _clock_people(load: Load) -> None:
    for responder, seconds in zip(load.responders.values(), RESPONDERS, strict=True):
        responder.arguments = ("--ahead", str(seconds))


def _clock_envelopes(ground: Ground, count: int, _dice: random.Random) -> Sequence[Sealed]:
    """A gateway refuses, with a receipt, a sender who is too far ahead of its own clock."""
    first, second, *_ = (seat.address for seat in ground.light)
    hasty = [ground.seal(first, (second,), ahead=HASTY) for _ in range(count // 50)]
    return [*ground.envelopes[: count - len(hasty)], *hasty]


async def _clocks(strike: Strike) -> None:
    gateway = strike.scene.gateways[1]
    await gateway.stop()
    await gateway.start({OFFSET: str(AFTERWARDS)})


FAULTS: Final = (
    Fault("never-reads", "conduct", "bureaus that never read, one with a full inbox", _never_reads, prepare=_deaf),
    Fault("floods", "conduct", "a bureau that floods", _floods, _flood_setting, _flood, _flooding),
    Fault("duplicates", "conduct", "everything twice and out of order", _again, prepare=_echo, envelopes=_shuffled),
    Fault(
        "clocks",
        "conduct",
        "clocks of a gateway and of bureaus minutes off",
        _clocks,
        _clock_setting,
        _clock_people,
        _clock_envelopes,
    ),
)
