"""The way in over the broker: each arrival is identified, handed to the pipeline as bytes, and its receipt sent back.

Order: who sent it (the exchange it came through and the user that the broker checked, which must be the same address),
what it is (the property `type`), then the pipeline. A submission's receipt goes to the sender's inbox before the broker
forgets the submission. What cannot be a message is set aside in quarantine, with the reason, and forgotten by the
broker: it is never requeued, so it stops nobody.

Rules: an arrival is decided, or waits. While the store is away everyone waits, longer each time; the broker keeps the
messages, and its prefetch limit stops more from coming.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Final, Protocol, TypeAlias, TypeVar

from gateway.aside import Unprocessed, set_aside
from gateway.ports import Arrival, Clock, Outcome, Owned, Receipts, Store, Submission, Watcher
from gateway.settings import Pipeline as Limits
from schemas.directory import Link
from schemas.errors import BureaunetError, Forbidden, Malformed, Reason, Unavailable
from schemas.identity import Address
from schemas.wire import MAX_SUBMISSION, ItemType, sender_of
from schemas.witness import is_cosignature

STRANGER: Final = Address("UNKNOWN")
"""Stands in quarantine for the sender of what came through no bureau's exchange."""
FIRST_PAUSE: Final = 0.1
"""Seconds."""
LONGEST_PAUSE: Final = 5.0
_DECODING: Final = 3
"""The admission step that refuses bytes which are no envelope (protocol section 3)."""
_INCOMING: Final = frozenset({ItemType.ENVELOPE, ItemType.EVIDENCE, ItemType.PREFERENCES})
_T = TypeVar("_T")


Decided: TypeAlias = Callable[[BaseException | None], None]
"""Learns that something is done, or what went wrong."""


class Pipeline(Protocol):
    """The part of the exchange that arrivals go to."""

    def submit_soon(self, submission: Submission, told: Callable[[Outcome | Exception], None]) -> None:
        """Decide a submission: `told` learns the outcome, or the error that `submit` raises."""

    async def submit(self, submission: Submission) -> Outcome:
        """Decide a submission. Raises Unavailable; Malformed where it can have no receipt."""

    def evidence_soon(self, link: Address, body: bytes, told: Callable[[Exception | None], None]) -> None:
        """Take an acknowledgement: `told` learns None when it is recorded, or the error that `evidence` raises."""

    async def evidence(self, link: Address, body: bytes) -> None:
        """Take an acknowledgement, or a cosignature. Raises Malformed, Untrusted, Forbidden, Unavailable."""

    async def publish_preferences(self, link: Address, body: bytes) -> int:
        """Take a version of a participant's refusals. Raises Malformed, Untrusted, Forbidden, Unavailable."""


class Gate:
    """Holds everyone back for a while, longer each time until something succeeds."""

    def __init__(self, first: float = FIRST_PAUSE, longest: float = LONGEST_PAUSE) -> None:
        self._first = first
        self._longest = longest
        self._pause = 0.0
        self._until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether nobody is held back."""
        return self._until <= 0.0 or self._until <= asyncio.get_running_loop().time()

    async def passed(self) -> None:
        """Wait until nobody is held back."""
        while (wait := self._until - asyncio.get_running_loop().time()) > 0:  # noqa: ASYNC110  # it may grow meanwhile
            await asyncio.sleep(wait)

    def close(self, asked: float | None) -> bool:
        """Hold back for `asked` seconds at least; False where it is closed already.

        Those who were let through together and fail together lengthen the pause once.
        """
        now = asyncio.get_running_loop().time()
        if now < self._until:
            return False
        self._pause = min(self._longest, max(self._first, self._pause * 2))
        self._until = now + max(self._pause, asked or 0.0) * random.uniform(0.75, 1.25)  # noqa: S311  # spreads load
        return True

    def succeeded(self) -> None:
        """Begin with the first pause next time."""
        self._pause = 0.0


class Together:
    """Receipts that are ready in one turn of the event loop, sent in one call: those of a batch are."""

    def __init__(self, receipts: Receipts) -> None:
        self._receipts = receipts
        self._waiting: list[tuple[Address, Outcome]] = []
        self._told: list[Decided] = []
        self._sending: set[asyncio.Task[None]] = set()

    async def send(self, link: Address, outcome: Outcome) -> None:
        """Send one with the others: returns when all of them are sent or given up (port Receipts)."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.soon(link, outcome, partial(_settle, future))
        await future

    def soon(self, link: Address, outcome: Outcome, told: Decided) -> None:
        """Send one with the others; `told` learns when all of them are sent or given up."""
        if not self._waiting:
            task = asyncio.create_task(self._send(), name="receipts")
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        self._waiting.append((link, outcome))
        self._told.append(told)

    async def _send(self) -> None:
        waiting, self._waiting, told, self._told = self._waiting, [], self._told, []
        failure: BaseException | None = None
        try:
            await self._receipts.send(waiting)
        except asyncio.CancelledError:
            failure = RuntimeError("cut off while receipts were sent")
            raise
        except Exception as error:  # noqa: BLE001  # whoever waits for a receipt of this call learns it
            failure = error
        finally:
            for one in told:
                one(failure)


@dataclass(slots=True)
class _Tried:
    """When an arrival was first brought to the pipeline, and what that said, until it is used."""

    received: int
    said: Outcome | Exception | None = None

    async def submitted(self, pipeline: Pipeline, link: Address, body: bytes) -> Outcome:
        """A submission's outcome. Raises as `Pipeline.submit`."""
        said = self._used()
        return await pipeline.submit(Submission(link, body, self.received, Link.AMQP)) if said is None else said

    async def acknowledged(self, pipeline: Pipeline, link: Address, body: bytes) -> None:
        """An acknowledgement is recorded. Raises as `Pipeline.evidence`."""
        self._used()
        await pipeline.evidence(link, body)

    def _used(self) -> Outcome | None:
        said, self.said = self.said, None
        if isinstance(said, Exception):
            raise said
        return said


class Intake:
    """Decides what the broker hands over; `decide` is the handler to start Arrivals with."""

    def __init__(
        self,
        pipeline: Pipeline,
        store: Store,
        receipts: Receipts,
        clock: Clock,
        watcher: Watcher,
        gate: Gate | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._store = store
        self._receipts = Together(receipts)
        self._clock = clock
        self._watcher = watcher
        self._gate = gate or Gate()
        self._limits = limits or Limits()
        self._later: set[asyncio.Task[None]] = set()

    def take(self, arrival: Arrival, decided: Decided, own: Owned = lambda _task: None) -> bool:
        """Take what comes in masses at once, without a task of its own: whether it is taken (`gateway.ports.Taking`).

        That is submissions and acknowledgements. What the pipeline does not decide as it should goes the way of all
        else from there.
        """
        evidence = arrival.type == ItemType.EVIDENCE and not is_cosignature(arrival.body)
        if not (evidence or arrival.type == ItemType.ENVELOPE) or not self._gate.is_open:
            return False
        try:
            link = identify(arrival)
        except BureaunetError:
            return False
        now = self._clock.now()
        told = partial(self._told, link, arrival, now, decided, own)
        if evidence:
            self._pipeline.evidence_soon(link, arrival.body, told)
        else:
            self._pipeline.submit_soon(Submission(link, arrival.body, now, Link.AMQP), told)
        return True

    def _told(
        self,
        link: Address,
        arrival: Arrival,
        received: int,
        decided: Decided,
        own: Owned,
        result: Outcome | Exception | None,
    ) -> None:
        """What the pipeline says of an arrival that was taken at once."""
        if result is None:
            self._gate.succeeded()
            decided(None)
        elif isinstance(result, Outcome) and result.step != _DECODING:
            self._gate.succeeded()
            self._receipts.soon(link, result, decided)
        else:
            self._go_on(arrival, _Tried(received, result), decided, own)

    def _go_on(self, arrival: Arrival, tried: _Tried, decided: Decided, own: Owned) -> None:
        """Decide what was tried once, in a task, which is whose who handed the arrival over."""
        task = asyncio.create_task(self.decide(arrival, tried), name="arrival")
        self._later.add(task)
        own(task)
        task.add_done_callback(partial(self._gone_on, decided))

    def _gone_on(self, decided: Decided, task: asyncio.Task[None]) -> None:
        self._later.discard(task)
        decided(RuntimeError("cut off") if task.cancelled() else task.exception())

    async def decide(self, arrival: Arrival, tried: _Tried | None = None) -> None:
        """Decide one arrival, however long the store is away. Returns when the broker may forget it."""
        cause = await self._taken(arrival, tried)
        if cause is not None:
            link = _claimed_link(arrival)
            if await self._served(lambda: self._quarantine(link, arrival, cause)):
                self._watcher.saw("arrival-quarantined", link=link, cause=cause, size=len(arrival.body))

    async def _taken(self, arrival: Arrival, tried: _Tried | None) -> str | None:
        """Hand an arrival to the pipeline; or say why it cannot be taken."""
        tried = tried or _Tried(self._clock.now())
        try:
            link = identify(arrival)
            match arrival.type:
                case ItemType.ENVELOPE:
                    return await self._submission(link, arrival.body, tried)
                case ItemType.EVIDENCE:
                    await self._served(lambda: tried.acknowledged(self._pipeline, link, arrival.body))
                    return None
                case ItemType.PREFERENCES:
                    await self._served(lambda: self._pipeline.publish_preferences(link, arrival.body))
                    return None
                case _:
                    return str(Reason.UNREADABLE)
        except BureaunetError as error:
            return str(error.reason)
        except Exception as error:  # noqa: BLE001  # a fault of ours met by one message must not stop the others
            self._watcher.saw("arrival-failed", link=_claimed_link(arrival), error=type(error).__name__)
            return type(error).__name__

    async def _submission(self, link: Address, body: bytes, tried: _Tried) -> str | None:
        try:
            outcome = await self._served(lambda: tried.submitted(self._pipeline, link, body))
        except Malformed as error:
            self._watcher.saw("arrival-unprocessed", link=link, cause=error.reason)
            return None  # the pipeline has put it into quarantine already, if there was room
        await self._receipts.send(link, outcome)
        return str(outcome.reason) if outcome.step == _DECODING else None

    async def _quarantine(self, link: Address, arrival: Arrival, cause: str) -> bool:
        item = ItemType(arrival.type) if arrival.type in _INCOMING else None
        found = Unprocessed(link, arrival.body[:MAX_SUBMISSION], cause, self._clock.now(), item)
        return await set_aside(self._store, self._watcher, self._limits, found)

    async def _served(self, call: Callable[[], Awaitable[_T]]) -> _T:
        """What `call` gives, once the world can serve it."""
        while True:
            await self._gate.passed()
            try:
                result = await call()
            except Unavailable as error:
                if error.reason is Reason.LINK_QUOTA:  # one bureau has too much in hand: it waits alone
                    await asyncio.sleep((error.retry_after or FIRST_PAUSE) * random.uniform(0.75, 1.25))  # noqa: S311  # spreads load
                elif self._gate.close(error.retry_after):
                    self._watcher.saw("arrivals-wait", cause=error.reason)
            else:
                self._gate.succeeded()
                return result


def _settle(future: asyncio.Future[None], error: BaseException | None) -> None:
    if not future.done():  # who is cancelled takes no other's receipt along
        future.set_result(None) if error is None else future.set_exception(error)


def identify(arrival: Arrival) -> Address:
    """Who sent an arrival: the owner of the exchange, who must also be the user that the broker checked.

    Raises:
        Malformed: `address`, it came through no bureau's exchange. Forbidden: `link-identity`, the user is another or
            is not named.
    """
    link = _owner(arrival.exchange)
    if arrival.user != link:
        raise Forbidden(Reason.LINK_IDENTITY, "the property user_id does not name the owner of the exchange")
    return link


@lru_cache(maxsize=4096)  # a network has some hundred; what is refused is not kept
def _owner(exchange: str) -> Address:
    return sender_of(exchange)


def _claimed_link(arrival: Arrival) -> Address:
    try:
        return sender_of(arrival.exchange)
    except Malformed:
        return STRANGER
