"""Handlers: who is called with a message, how often, and what is committed when one has ended.

A message is marked as running before its handler is called, and what the handler sent, its completion and the signed
acknowledgement are one commit after it. So a handler that finished never runs again; one that was cut off runs again
and finds `again` true; one that fails is tried again after a while, and after the last try the message is
acknowledged as refused, `handler-failed`. A store that takes nothing, such as one on a full disk, is no failure of a
handler: what it did is undone, and it runs again once the store takes that. Messages of one exchange may be handled
side by side: no order is promised beyond `re`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from bureaus import logs
from bureaus.calling import tell
from bureaus.exchange import Handler, Received
from bureaus.inbox import Inbox
from bureaus.outbox import Outbox
from bureaus.pump import Backoff
from bureaus.settings import Limits
from bureaus.steps import Step, StepName
from bureaus.store import Store, receiving
from bureaus.units import Unit
from schemas import envelope
from schemas.errors import Reason, Unavailable, Untrusted
from schemas.evidence import Outcome

_log: Final = logs.get(__name__)


class Handlers:
    """Calls handlers with what waits for them."""

    def __init__(
        self,
        owner: object,
        store: Store,
        inbox: Inbox,
        outbox: Outbox,
        registered: dict[str, Handler],
        clock: Callable[[], int],
        limits: Limits,
        view: Callable[[receiving.Kept], Received],
    ) -> None:
        """`registered` is by kind, and may grow; `view` makes what a handler is called with."""
        self._owner = owner
        self._store = store
        self._inbox = inbox
        self._outbox = outbox
        self._registered = registered
        self._clock = clock
        self._limits = limits
        self._view = view
        self.stepped: Sequence[Callable[[Step], None]] = ()
        """Called with each message whose handler ended well."""
        self._running: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """A message may wait, or a handler was added."""
        self._wake.set()

    async def run(self) -> None:
        """Call handlers, for ever; when cancelled, cut off those that run: their messages stay."""
        backoff = Backoff(self._limits)
        try:
            while True:
                self._wake.clear()
                try:
                    wait = await self._start_some()
                    backoff.reset()
                except Unavailable as error:
                    wait = backoff.next(error.retry_after)
                await self._wait(wait)
        finally:
            running = list(self._running)
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _start_some(self) -> float | None:
        """Start what may run now: seconds until the next message may be tried again."""
        room = self._limits.handlers - len(self._running)
        if room > 0 and self._registered:
            picked, retry = await self._store.run(receiving.pick, tuple(self._registered), room, self._clock())
            for kept in picked:
                task = asyncio.create_task(self._handle(kept), name=f"handler {kept.kind}")
                self._running.add(task)
                task.add_done_callback(self._ended)
        else:
            retry = await self._store.run(receiving.next_retry, self._clock())
        return None if retry is None else max(0.05, (retry - self._clock()) / 1000)

    async def _wait(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wake.set()

    async def _handle(self, kept: receiving.Kept) -> None:
        unit, begun = Unit(self._owner), self._clock()
        try:
            unit.enter()
            await self._registered[kept.kind](self._view(kept))
            unit.closed = True
            completed = await self._complete(kept, unit)
        except asyncio.CancelledError as error:
            _undo(unit)
            if not _cancelling():
                await self._failed(kept, error)
                return
            await self._store.run(receiving.put_back, kept.digest)
            raise
        except Exception as error:  # noqa: BLE001  # whatever a handler raises is its failure, and never ours
            _undo(unit)
            await self._failed(kept, error)
        else:
            if completed:
                self._tell(kept, begun)

    async def _complete(self, kept: receiving.Kept, unit: Unit) -> bool:
        """Commit what a handler did: False where the store takes nothing, and the message waits again."""
        words = self._words(kept, Outcome.PROCESSED)
        postings = [posting for _, posting in unit.sent]
        try:
            intents = await self._store.run(receiving.complete, kept.digest, words, postings, self._clock())
        except Unavailable as error:
            _undo(unit)
            _log.warning("what a handler did could not be kept", digest=kept.digest.hex(), reason=error.reason)
            await self._keep(lambda: self._store.run(receiving.put_back, kept.digest))
            return False
        self._outbox.posted([sent for sent, _ in unit.sent], intents)
        self._inbox.when_acknowledged()
        _log.debug("handled", kind=kept.kind, digest=kept.digest.hex(), sent=len(postings))
        return True

    async def _keep(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write it down, however long the store takes nothing; who ends meanwhile puts it back at the next start."""
        backoff = Backoff(self._limits)
        while True:
            try:
                return await write()
            except Unavailable as error:
                await asyncio.sleep(backoff.next(error.retry_after))

    def _tell(self, kept: receiving.Kept, begun: int) -> None:
        if self.stepped:
            ours = self._inbox.ours(envelope.read(kept.statement).header)
            step = Step(StepName.HANDLE, kept.digest, begun, self._clock(), str(ours[0]), {"kind": kept.kind})
            tell(self.stepped, step)

    async def _failed(self, kept: receiving.Kept, error: BaseException) -> None:
        # The error's text may hold content: its type is enough to find it by.
        failures = kept.failures + 1
        log = _log.bind(kind=kept.kind, digest=kept.digest.hex(), error=type(error).__name__, failures=failures)
        if failures >= self._limits.handler_attempts:
            log.error("handler failed for good")
            try:
                words = self._words(kept, Outcome.REFUSED, Reason.HANDLER_FAILED)
            except Untrusted as trouble:  # it is still marked as running, and runs again at the next start
                log.exception("the failure could not be signed", reason=trouble.reason)
                return
            await self._keep(lambda: self._store.run(receiving.give_up, kept.digest, words))
            self._inbox.when_acknowledged()
        else:
            log.warning("handler failed")
            due = self._clock() + int(self._limits.handler_retry_seconds * 4**kept.failures * 1000)
            await self._keep(lambda: self._store.run(receiving.fail, kept.digest, due))

    def _words(
        self, kept: receiving.Kept, outcome: Outcome, reason: Reason | None = None
    ) -> tuple[receiving.Acknowledgement, ...]:
        ours = self._inbox.ours(envelope.read(kept.statement).header)
        return self._inbox.acknowledgements(kept.digest, ours, outcome, reason)


def _undo(unit: Unit) -> None:
    unit.closed = True
    for sent, _ in unit.sent:
        sent.undo()


def _cancelling() -> bool:
    """Whether our task was asked to end, and it is not the handler that raised this by itself."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
