"""The load of a fault: light bureaus over the real links, and bureaus with the SDK in processes of their own.

A light bureau submits the same bytes until it has a receipt, keeps what it is told in its file (journal.py), and hands
in a signed acknowledgement for each message that it took, until the gateway has it. It verifies nothing: the checker
does, afterwards. A bureau with the SDK answers every query; one that ends is started again.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

from bureaus.links import FROM_THE_START, Link
from bureaus.sandbox.process import Process
from schemas.claims import Head
from schemas.envelope import digest_of
from schemas.errors import BureaunetError, Unavailable
from schemas.evidence import Acknowledgement, Outcome, sign_acknowledgement
from schemas.identity import Address
from schemas.merkle import EMPTY
from schemas.wire import ItemType
from tests.faults.ground import Ground, Sealed, Seat, environment
from tests.faults.journal import Journal
from tests.faults.scene import Scene

WINDOW: Final = 24
"""Submissions of one bureau in the hands of the gateway."""
HANDS: Final = 8
"""Acknowledgements of one bureau in the hands of the gateway."""
RETRY: Final = 0.2
"""Seconds between two tries."""


@dataclass
class Timeline:
    """When things happened, on the monotonic clock."""

    receipts: list[float] = field(default_factory=list)
    handed: list[float] = field(default_factory=list)
    waits: list[tuple[Address, float, float]] = field(default_factory=list)
    """(sender, when it first submitted, when it had the receipt)."""
    copies: int = 0
    """Messages that came more than once over the wire, and were not taken again."""
    troubles: list[str] = field(default_factory=list)
    """Errors that a bureau should never meet."""

    def pause(self, since: float) -> float:
        """The longest time without a receipt after `since`, in seconds."""
        return _longest_gap(since, self.receipts)

    def longest_of_one(self, since: float) -> float:
        """The longest time that one sender was without a receipt after `since`, until its last one, in seconds."""
        moments: dict[Address, list[float]] = {}
        for sender, _, had in self.waits:
            moments.setdefault(sender, []).append(had)
        return max((_longest_gap(since, own) for own in moments.values()), default=0.0)


def _longest_gap(since: float, moments: Iterable[float]) -> float:
    times = [since, *(moment for moment in moments if moment >= since)]
    return max((late - early for early, late in pairwise(times)), default=0.0)


class LightBureau:
    """One bureau without the SDK."""

    def __init__(self, ground: Ground, seat: Seat, link: Link, journal: Journal, timeline: Timeline) -> None:
        self.seat = seat
        self.link = link
        self.journal = journal
        self.reads = asyncio.Event()
        self.reads.set()
        """Cleared, the bureau looks into its inbox no more."""
        self.outbox: deque[Sealed] = deque()
        self.twice = 0
        """One submission in so many goes out twice at once, and over the other links too, as do its acknowledgements
        of so many; 0 is none."""
        self.others: tuple[Link, ...] = ()
        self.window = WINDOW
        self._ground, self._timeline = ground, timeline
        self.owed: asyncio.Queue[bytes] = asyncio.Queue()
        """What it took and did not acknowledge."""
        self._unacknowledged = 0
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to read and to acknowledge."""
        workers = [self._read(), *(self._acknowledge() for _ in range(HANDS))]
        self._tasks = [asyncio.create_task(worker) for worker in workers]
        for task in self._tasks:
            task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """End, and close the link."""
        for task in self._tasks:
            task.remove_done_callback(self._ended)
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for link in (self.link, *self.others):
            await link.aclose()

    @property
    def owing(self) -> int:
        """Acknowledgements that are not handed in."""
        return self._unacknowledged

    async def send(self) -> None:
        """Submit everything in the outbox; returns when each has its receipt."""
        await asyncio.gather(*(self._send_some() for _ in range(self.window)))

    async def _send_some(self) -> None:
        count = 0
        while self.outbox:
            sealed = self.outbox.popleft()
            count += 1
            if self.twice and count % self.twice == 0:
                others = (self.submit(sealed, link) for link in self.others)
                await asyncio.gather(self.submit(sealed), self.submit(sealed), *others)
            else:
                await self.submit(sealed)

    async def submit(self, sealed: Sealed, link: Link | None = None) -> None:
        """Submit the same bytes until there is a receipt."""
        began = time.monotonic()
        while True:
            try:
                receipt = await (link or self.link).submit(sealed.body)
            except Unavailable as error:
                await asyncio.sleep(min(error.retry_after or RETRY, 2.0))
            except BureaunetError as error:
                self._trouble("submit", error)
                return
            else:
                self.journal.receipt(sealed.digest, receipt)
                now = time.monotonic()
                self._timeline.receipts.append(now)
                self._timeline.waits.append((self.seat.address, began, now))
                return

    async def _read(self) -> None:
        after = FROM_THE_START
        while True:
            await self.reads.wait()
            try:
                async for batch in self.link.items(after):
                    for item in batch:
                        after = max(after, item.index)
                        if item.type is ItemType.ENVELOPE:
                            self._take(digest_of(item.statement), item.acceptance, item.statement)
                    if not self.reads.is_set():
                        break
            except Unavailable:
                await asyncio.sleep(RETRY)
            except BureaunetError as error:
                self._trouble("read", error)
                return

    def _take(self, digest: bytes, acceptance: bytes, statement: bytes) -> None:
        if self.journal.hand(digest, acceptance, statement):
            self._timeline.handed.append(time.monotonic())
            self._unacknowledged += 1
            self.owed.put_nowait(digest)
        else:
            self._timeline.copies += 1

    async def _acknowledge(self) -> None:
        ground, address = self._ground, self.seat.address
        signer = ground.keys[address].signing[0]
        for count in itertools.count(1):
            digest = await self.owed.get()
            said = Acknowledgement(
                address, digest, Outcome.PROCESSED, int(time.time()), ground.network.id, Head(0, EMPTY)
            )
            body = sign_acknowledgement(said, signer)
            others = self.others if self.twice and count % self.twice == 0 else ()
            for link in (self.link, *others):
                await self._hand_in(link, body)
            self._unacknowledged -= 1

    async def _hand_in(self, link: Link, body: bytes) -> None:
        while True:
            try:
                await link.acknowledge(body)
            except Unavailable:
                await asyncio.sleep(RETRY)
            except BureaunetError as error:
                self._trouble("acknowledge", error)
                return
            else:
                return

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A worker that ends by itself while the load runs is a trouble, even one that nobody's error tells of."""
        why = "cancelled" if task.cancelled() else repr(task.exception())
        self._timeline.troubles.append(f"{self.seat.address} stopped working: {why}")

    def _trouble(self, doing: str, error: BureaunetError) -> None:
        self._timeline.troubles.append(f"{self.seat.address} {doing}: {type(error).__name__} {error.reason}")


class Responder:
    """A bureau with the SDK, in its own process, started again whenever it ends."""

    def __init__(self, address: Address, home: Path, log: Path) -> None:
        self.address = address
        self.home = home
        self.starts = 0
        self.arguments: tuple[str, ...] = ()
        """Of its next start."""
        self._log = log
        self.process: Process | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, and keep it running."""
        self._task = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        while True:
            arguments, self.arguments = self.arguments, ()
            command: list[str | Path] = [sys.executable, "-m", "tests.faults.responder", self.home, *arguments]
            self.process = Process(f"bureau {self.address}", command, log=self._log, environment=environment())
            self.process.start()
            self.starts += 1
            await self.process.wait()
            await asyncio.sleep(0.3)

    async def stop(self) -> None:
        """End it in good order."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self.process is not None and self.process.running:
            await self.process.stop()


class Load:
    """Everybody, and what they are to send."""

    def __init__(self, scene: Scene, timeline: Timeline, light: Mapping[Address, LightBureau]) -> None:
        self.scene = scene
        self.timeline = timeline
        self.light = light
        self.responders: dict[Address, Responder] = {}
        self.sealed: list[Sealed] = []

    def give(self, envelopes: Iterable[Sealed]) -> None:
        """Put envelopes into their senders' outboxes."""
        for sealed in envelopes:
            self.sealed.append(sealed)
            self.light[sealed.sender].outbox.append(sealed)

    @property
    def receipts(self) -> int:
        """Receipts that are had."""
        return len(self.timeline.receipts)

    async def send(self) -> None:
        """Send everything."""
        await asyncio.gather(*(bureau.send() for bureau in self.light.values()))

    async def until_receipts(self, count: int) -> None:
        """Wait until so many receipts are had."""
        while self.receipts < count:  # noqa: ASYNC110  # receipts come one by one, nobody else waits for a number
            await asyncio.sleep(0.02)

    @property
    def owing(self) -> int:
        """Acknowledgements that light bureaus have not handed in."""
        return sum(bureau.owing for bureau in self.light.values())


@asynccontextmanager
async def loaded(scene: Scene, prepare: Callable[[Load], None] | None = None) -> AsyncIterator[Load]:
    """Everybody on the scene's network, reading. `prepare` may change them before they start."""
    ground, timeline = scene.ground, Timeline()
    files = scene.folder / "bureaus"
    files.mkdir()
    light = {
        seat.address: LightBureau(ground, seat, scene.link(seat), Journal(files / f"{seat.address}.journal"), timeline)
        for seat in ground.light
    }
    load = Load(scene, timeline, light)
    for seat in ground.responders:
        url = scene.gateway_of(seat.address).url
        home = await ground.copy_bureau(seat.address, scene.bureau_home(seat.address), url, scene.broker_url)
        load.responders[seat.address] = Responder(seat.address, home, files / f"{seat.address}.log")
    try:
        if prepare is not None:
            prepare(load)
        for bureau in light.values():
            bureau.start()
        for responder in load.responders.values():
            responder.start()
        yield load
    finally:
        await asyncio.gather(*(bureau.stop() for bureau in light.values()))
        await asyncio.gather(*(responder.stop() for responder in load.responders.values()))
        for bureau in light.values():
            bureau.journal.close()
