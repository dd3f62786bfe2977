"""What a fault is, and how one is run: load, a moment from the seed, the fault, the rest of the load, the judgement."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import asyncpg

from schemas.errors import BureaunetError
from schemas.identity import Address
from tests.faults.books import Progress, progress
from tests.faults.checker import DOUBLED, LOST, WRONG, Complaint, Verdict, judge, summary
from tests.faults.gathering import gather_evidence, read_side
from tests.faults.ground import Ground, Sealed
from tests.faults.load import Load, loaded
from tests.faults.pace import Pace, compare
from tests.faults.scene import Scene, Setting

SENDING_SECONDS: Final = 900.0
"""Until every envelope has its receipt, on a machine that has other work too,"""
STALLED_SECONDS: Final = 120.0
"""and so long, at most, without any receipt."""
SETTLING_SECONDS: Final = 150.0
"""After that, until every copy is handed over and every answer is there."""
COMPARABLE: Final = 2000
"""With so many envelopes there are receipts enough to compare."""
MEMORY_MIB: Final = 64.0
"""A gateway may hold so much more at the end than under load before the fault: what the allocator keeps of a surge."""
Say = Callable[[str], None]


@dataclass
class Strike:
    """What a fault gets to do its work with."""

    scene: Scene
    load: Load
    dice: random.Random
    say: Say
    began: float = 0.0
    loaded: list[float] = field(default_factory=list)
    """MiB that each gateway held just before, with the load's connections open."""
    complaints: list[Complaint] = field(default_factory=list)
    """What the fault itself found wrong."""
    pace: Pace | None = None
    """How the fault slowed those who took no part, where it looked."""

    def begin(self, words: str) -> None:
        """The fault strikes now."""
        self.began = time.monotonic()
        self.say(words)

    def look_at_pace(self, others: Collection[Address], ended: float) -> None:
        """Compare how long these waited for receipts before the fault, and during it."""
        self.pace = pace = compare(self.load.timeline, others, self.began, ended)
        if pace is None:
            self.say("too few receipts to compare how long they took")
            if len(self.load.sealed) >= COMPARABLE:
                self.complaints.append(
                    Complaint(WRONG, "the others had hardly a receipt before the fault, or during it")
                )
            return
        self.say(f"the others waited before: {pace.before}; during: {pace.during}")
        if pace.slowed:
            self.complaints.append(
                Complaint(WRONG, f"the others were slowed: {pace.before} before, {pace.during} then")
            )

    async def rest(self, low: float, high: float) -> None:
        """Let a random time pass, in seconds."""
        await asyncio.sleep(self.dice.uniform(low, high))


def _plain(_dice: random.Random, _count: int) -> Setting:
    return Setting()


def _nothing(_load: Load) -> None:
    """Everybody is as usual."""


def _all(ground: Ground, count: int, _dice: random.Random) -> Sequence[Sealed]:
    return ground.envelopes[:count]


@dataclass(frozen=True)
class Fault:
    """One fault of the suite."""

    name: str
    family: str
    about: str
    strike: Callable[[Strike], Awaitable[None]]
    setting: Callable[[random.Random, int], Setting] = _plain
    prepare: Callable[[Load], None] = _nothing
    envelopes: Callable[[Ground, int, random.Random], Sequence[Sealed]] = _all
    scene: type[Scene] = Scene
    embedded: bool = False
    latest: float = 0.6
    """It strikes when at most this part of the receipts is had; never before a tenth is."""


@dataclass
class Row:
    """What the suite prints of a fault."""

    fault: str
    envelopes: int = 0
    accepted: int = 0
    refused: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    pause: float = 0.0
    """Seconds without a receipt for anybody, at most, from the fault on."""
    longest: float = 0.0
    """The same for the one bureau that waited longest; part of it is how long the fault itself lasted."""
    copies: int = 0
    """Messages that came again over the wire and were not taken again."""
    memory: float = 0.0
    """MiB that the gateway which grew most holds at the end above what it held under load, just before the fault."""
    levels: list[tuple[float, float, float]] = field(default_factory=list)
    """MiB that each gateway held idle, under load just before the fault, and at the end: in the end another process,
    where it was started again."""
    slowed: float | None = None
    """How many times as long the others waited for a receipt during the fault (median), where that was looked at."""
    seconds: float = 0.0
    seed: int = 0
    complaints: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing was lost, nothing doubled, nothing wrong."""
        return not (self.lost or self.doubled or self.wrong)

    def as_json(self) -> dict[str, object]:
        """The row as written to the file."""
        return asdict(self)


async def run_fault(fault: Fault, ground: Ground, folder: Path, seed: int, count: int, say: Say) -> Row:
    """Run one fault under `count` envelopes; never raises for what the system under test does."""
    dice = random.Random(f"{seed}:{fault.name}")  # noqa: S311  # a moment is no secret
    row, began = Row(fault.name, seed=seed), time.monotonic()
    try:
        await _run(fault, ground, folder, count, dice, say, row)
    except (BureaunetError, TimeoutError, OSError, asyncpg.PostgresError) as error:
        row.wrong += 1
        row.complaints.append(f"the run ended: {type(error).__name__}: {error}")
    row.seconds = time.monotonic() - began
    return row


async def _run(fault: Fault, ground: Ground, folder: Path, count: int, dice: random.Random, say: Say, row: Row) -> None:
    say("starting")
    async with fault.scene(ground, folder, fault.setting(dice, count)) as scene:
        async with loaded(scene, fault.prepare) as load:
            level = [gateway.memory for gateway in scene.gateways]
            load.give(fault.envelopes(ground, count, dice))
            row.envelopes = len(load.sealed)
            strike = Strike(scene, load, dice, say)
            await _send(fault, strike)
            await _settle(strike)
            complaints = _after(strike, level, row)
        say("checking")
        evidence = await gather_evidence(scene)
        complaints += await read_side(scene, evidence.books, dice)
        verdict = await asyncio.to_thread(judge, evidence)
    _fill(row, verdict, complaints, strike)


async def _send(fault: Fault, strike: Strike) -> None:
    load = strike.load
    reporting = asyncio.create_task(_report(strike))
    sending = asyncio.create_task(load.send())
    try:
        async with asyncio.timeout(SENDING_SECONDS):
            await load.until_receipts(int(strike.dice.uniform(0.1, fault.latest) * len(load.sealed)))
            strike.loaded = [gateway.memory for gateway in strike.scene.gateways]
            strike.begin("striking")
            await fault.strike(strike)
            strike.say("going on")
            await _while_it_flows(sending, load)
    except TimeoutError:
        strike.say("not everything was decided in time")
    finally:
        for task in (reporting, sending):
            task.cancel()
        await asyncio.gather(reporting, sending, return_exceptions=True)


async def _while_it_flows(sending: asyncio.Task[None], load: Load) -> None:
    """Wait for the end of sending. Raises TimeoutError where no receipt comes any more."""
    while not sending.done():
        had = load.receipts
        await asyncio.wait({sending}, timeout=STALLED_SECONDS)
        if load.receipts == had and not sending.done():
            raise TimeoutError
    await sending


async def _report(strike: Strike) -> None:
    load = strike.load
    while True:
        await asyncio.sleep(5.0)
        strike.say(f"{load.receipts} of {len(load.sealed)} receipts, {len(load.timeline.handed)} handed over")


async def _settle(strike: Strike) -> None:
    """Wait until everything is where it belongs, and signed. What is not then, the checker finds."""
    load, found = strike.load, Progress(0, 0, 0)
    responders = {str(address) for address in load.responders}
    ends = time.monotonic() + SETTLING_SECONDS
    while time.monotonic() < ends:
        try:
            async with asyncio.timeout(60):
                found = await progress(strike.scene.database_url, responders)
        except (OSError, asyncpg.PostgresError):
            pass  # it may be away still
        else:
            if found.undelivered == load.owing == found.unsigned == 0 and found.answers >= found.handled:
                return
        await asyncio.sleep(0.5)
    said = f"{found.undelivered} copies undelivered, {found.answers} of {found.handled} answers"
    strike.say(f"{said}, {found.unsigned} entries unsigned")


def _after(strike: Strike, level: Sequence[float], row: Row) -> list[Complaint]:
    """What only a running network shows: memory, and errors that no bureau should meet."""
    loaded = strike.loaded or level
    row.levels = [
        (idle, max(idle, before), gateway.memory)  # one that has just ended itself held nothing
        for gateway, idle, before in zip(strike.scene.gateways, level, loaded, strict=True)
    ]
    row.memory = max(now - before for _, before, now in row.levels)
    shown = ", ".join(f"{idle:.0f}, {before:.0f}, {now:.0f}" for idle, before, now in row.levels)
    strike.say(f"each gateway's MiB idle, before the fault, now: {shown}")
    complaints = [*strike.complaints, *(Complaint(WRONG, words) for words in strike.load.timeline.troubles)]
    if row.memory > MEMORY_MIB:
        complaints.append(Complaint(WRONG, f"a gateway holds {row.memory:.0f} MiB more than before the fault"))
    if not all(gateway.running for gateway in strike.scene.gateways):
        complaints.append(Complaint(WRONG, "a gateway has ended by itself"))
    return complaints


def _fill(row: Row, verdict: Verdict, complaints: Sequence[Complaint], strike: Strike) -> None:
    verdict.complaints.extend(complaints)
    row.accepted, row.refused = verdict.accepted, verdict.refused
    row.lost, row.doubled, row.wrong = (verdict.count(kind) for kind in (LOST, DOUBLED, WRONG))
    row.pause = strike.load.timeline.pause(strike.began)
    row.longest = strike.load.timeline.longest_of_one(strike.began)
    row.copies = strike.load.timeline.copies
    row.slowed = None if strike.pace is None else strike.pace.ratio
    if verdict.complaints:
        row.complaints.append(summary(verdict.complaints))
