"""Faults of conduct: bureaus that do not read, that flood, that say everything twice and out of order; wrong clocks."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Collection, Sequence
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
FLOOD_WINDOW: Final = 900
FLOODED_WINDOW: Final = 4
"""Submissions of each other bureau in the hands of the gateway, then."""
GATEWAYS: Final = (240, 540)
"""Seconds that the gateways' clocks are ahead of most bureaus'; keys are too young here for clocks to go back."""
AFTERWARDS: Final = 140
"""And the second one's after its restart: behind the first, and behind what it signed itself."""
RESPONDERS: Final = (300, 0, 240)
HASTY: Final = 440
"""Seconds that one sender is ahead: too far for the first gateway, and not for the second."""


async def _never_reads(strike: Strike) -> None:
    """Two stop reading: their inboxes fill, one is full; the others get everything, as fast as before.

    In the end those two read again, and get everything too.
    """
    broker, load = strike.scene.broker, strike.load
    pattern = rf"^inbox\.{SILENT[0]}(\.urgent)?$"
    policy = f'{{"max-length":{FULL},"overflow":"reject-publish","delivery-limit":1000000}}'
    await broker.ctl("set_policy", "--priority", "9", "--apply-to", "queues", "full", pattern, policy)
    strike.begin("two bureaus read no more")
    for address in SILENT:
        load.light[address].reads.clear()
    await load.until_receipts(len(load.sealed))
    strike.look_at_pace(set(load.light) - set(SILENT), time.monotonic())
    async with asyncio.timeout(60.0):
        while not all(_has_everything(load, address) for address in set(load.light) - set(SILENT)):  # noqa: ASYNC110  # as in Load
            await asyncio.sleep(0.1)
    strike.say("everybody else has everything: now they read")
    await broker.ctl("clear_policy", "full")
    for address in SILENT:
        load.light[address].reads.set()


def _has_everything(load: Load, address: Address) -> bool:
    owed = {sealed.digest for sealed in load.sealed if address in sealed.recipients}
    return owed <= load.light[address].journal.handed.keys()


def _flood(load: Load) -> None:
    """Others have few submissions on their way at a time, so that their waits are the gateway's, not their own."""
    for bureau in load.light.values():
        bureau.window = FLOODED_WINDOW
    load.light[FLOODER].window = 0


def _flood_setting(_dice: random.Random, _count: int) -> Setting:
    return Setting(quota=FLOOD_QUOTA)


def _flooding(ground: Ground, count: int, dice: random.Random) -> Sequence[Sealed]:
    """Two thirds for everyone, one third from one bureau, more than its quota lets through."""
    targets = [seat.address for seat in ground.light if seat.address != FLOODER]
    own = [ground.seal(FLOODER, (dice.choice(targets),)) for _ in range(count // 3)]
    return [*ground.envelopes[: count - count // 3], *own]


async def _floods(strike: Strike) -> None:
    """One bureau submits all that it has at once; the others' envelopes are decided as fast as before."""
    load = strike.load
    flooder, others = load.light[FLOODER], set(load.light) - {FLOODER}
    flooder.window = FLOOD_WINDOW
    strike.begin(f"{len(flooder.outbox)} envelopes from one bureau, {FLOOD_WINDOW} at a time")
    flood = asyncio.create_task(flooder.send())
    try:
        async with asyncio.timeout(120.0):
            while not flood.done() and not _sent(load, others):  # noqa: ASYNC110  # as in Load
                await asyncio.sleep(0.1)
            ended = time.monotonic()
            strike.say(f"of the flood {len(flooder.outbox)} are left")
            while not _sent(load, others):  # noqa: ASYNC110  # as in Load
                await asyncio.sleep(0.1)
        strike.look_at_pace(others, ended)
        await flood
    finally:
        flood.cancel()


def _sent(load: Load, senders: Collection[Address]) -> bool:
    """Whether these have a receipt for each of their envelopes."""
    owed = Counter(sealed.sender for sealed in load.sealed)
    return all(len(load.light[sender].journal.receipts) >= owed[sender] for sender in senders)


def _echo(load: Load) -> None:
    """One in three goes out four times at once: twice over its own link, and to each gateway; evidence, three times.

    Evidence goes out of order, too: the last that is owed first.
    """
    ground, scene = load.scene.ground, load.scene
    for address, bureau in load.light.items():
        bureau.owed = asyncio.LifoQueue()
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
    strike.say(f"{_out_of_order(load):.0%} of the messages came before one that was sealed earlier")


def _out_of_order(load: Load) -> float:
    """Of the messages that bureaus took so far: the part before which one of the same sender's should have come."""
    places = {sealed.digest: place for place, sealed in enumerate(load.scene.ground.envelopes)}
    senders = {sealed.digest: sealed.sender for sealed in load.sealed}
    early = total = 0
    for bureau in load.light.values():
        least: dict[Address, int] = {}
        for digest in reversed([digest for digest in bureau.journal.handed if digest in places]):
            sender, place = senders[digest], places[digest]
            early += place > least.get(sender, place)
            least[sender] = min(least.get(sender, place), place)
            total += 1
    return early / max(1, total)


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
    Fault("never-reads", "conduct", "bureaus that never read, one with a full inbox", _never_reads, latest=0.4),
    Fault("floods", "conduct", "a bureau that floods", _floods, _flood_setting, _flood, _flooding, latest=0.4),
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
