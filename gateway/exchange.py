"""The pipeline: what comes over a link is admitted, routed, recorded, acknowledged, consigned, in micro-batches.

Order of work: `submit` takes a submission through steps 1 to 4 at once and queues it (collector.py, turns.py). A batch
fetches its facts, goes through steps 5 to 12 (batches.py), and commits messages, copies and entries in one transaction
with the receipts (recording.py); then submitters learn their outcomes, and copies for the broker are published
(placing.py). Their confirmations come back as jobs of a later batch.

Rules: recorded before acknowledged; nothing is taken while the database is not the one that this gateway knows
(standing.py). Links' quotas and caps are counted in this process (gatehouse.py), bureaus' in the store. Urgent
submissions wait for no routine ones: they have a collector of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from gateway import admission
from gateway.batches import Batches
from gateway.collector import Collector, into
from gateway.jobs import Batch, Evidence, Payload, Result
from gateway.passing import Turn
from gateway.placing import Failures, Placements, Placer
from gateway.ports import Candidate, Clock, Inboxes, Outcome, Placed, Store, Submission, Trust, Watcher
from gateway.ports_measures import Submitted
from gateway.publishing import Publishing
from gateway.settings import Pipeline
from gateway.standing import Standing
from gateway.work import Done
from schemas.codes import Urgency
from schemas.directory import Link
from schemas.envelope import MAX_STATEMENT
from schemas.errors import BureaunetError, Malformed, Reason, Unavailable, Untrusted
from schemas.identity import Address, Signer
from schemas.network import Network
from schemas.witness import is_cosignature

PATIENCE: Final = 0.02
"""Seconds that the broker's confirmations wait for a batch to go with: nobody waits for them."""
_ENTRY_SIZE: Final = 512
"""Bytes that a job without a body counts for."""


class Exchange(Publishing):
    """The gateway's pipeline, the same for both links."""

    def __init__(
        self,
        *,
        store: Store,
        network: Network,
        signer: Signer,
        clock: Clock,
        watcher: Watcher,
        limits: Pipeline | None = None,
        inboxes: Inboxes | None = None,
        standing: Standing | None = None,
    ) -> None:
        """`signer` holds the acceptance key. Without `inboxes`, copies for the broker wait in the store."""
        self._store, self._network = store, network
        self._clock, self._watcher = clock, watcher
        self._limits = limits or Pipeline()
        self._standing = standing or Standing(watcher)
        self._batches = Batches(
            store=store,
            network=network,
            signer=signer,
            clock=clock,
            watcher=watcher,
            limits=self._limits,
            standing=self._standing,
            hand_on=self._hand_on,
        )
        self._keeper, self.gatehouse = self._batches.keeper, self._batches.gatehouse
        self.consigned: Callable[[frozenset[Address]], None] = lambda _inboxes: None
        """Told which HTTP inboxes a commit put something into."""
        self.cosigned: Callable[[Address, bytes], Awaitable[None]] = _unasked
        """Takes witnesses' cosignatures: gateway/witnesses.py."""
        self.turn = Turn()
        """Shared by batches while they are decided and committed: an exercise's time passes between them."""
        at_once = self._limits.model_copy(update={"linger_milliseconds": 0, "batches_at_once": 1})
        self._express: Collector[Payload, Result] = Collector(self._run, self._batches.offend, at_once)
        """Urgent submissions, in batches of their own beside the others'."""
        self._collector: Collector[Payload, Result] = Collector(
            self._run, self._batches.offend, self._limits, behind=self._express
        )
        self._placer = None if inboxes is None else Placer(inboxes, watcher, self._confirmed, self._limits)
        self._poll: asyncio.Task[None] | None = None

    @property
    def trust(self) -> Trust:
        """The signed statements in force."""
        return self._keeper.trust

    @property
    def waiting(self) -> int:
        """Jobs that wait for a batch."""
        return self._express.waiting + self._collector.waiting

    @property
    def trust_ahead(self) -> Trust | None:
        """By what a submission may be looked at ahead of its batch: nothing of one that may find no room to wait.

        Nor where an urgent one may come at any moment: it would wait for this, as it does not for others' batches.
        """
        idle = self.waiting < self._limits.batch_items and not self._express.was_busy
        return self._keeper.trust if idle else None

    async def start(self) -> None:
        """Read what is in force, and begin to take submissions.

        Raises:
            Unavailable: `store`.
        """
        await self._keeper.refresh()
        self._express.start()
        self._collector.start()
        self._poll = asyncio.create_task(self._poll_trust(), name="trust")

    async def stop(self) -> None:
        """Take no more, finish what was taken, record what was counted."""
        if self._poll is not None:
            self._poll.cancel()
            await asyncio.gather(self._poll, return_exceptions=True)
        try:
            await self.summarise()
        except Unavailable as error:
            self._watcher.saw("refusals-unsummarised", reason=error.reason)
        await self._express.stop()
        if self._placer is not None:
            await self._placer.finish()
        await self._collector.stop()

    async def _run(self, batch: Batch) -> None:
        async with self.turn.shared():
            await self._batches.run(batch)

    async def _poll_trust(self) -> None:
        while True:
            await asyncio.sleep(self._limits.trust_poll_milliseconds / 1000)
            await self._batches.refresh()

    # ---- what comes in

    async def submit(self, submission: Submission) -> Outcome:
        """Decide a submission: its signed receipt, accepted or refused.

        Raises:
            Unavailable: `overloaded` or `store`, or `link-quota` where too much from this bureau waits; nothing was
                decided, the same may come again.
            Malformed: `unreadable`, it could not be processed at all and was set aside for the operator, where there
                was room; no receipt can name what it is, and sending it again does not help.
        """
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.submit_soon(submission, into(future))
        return await future

    def submit_soon(self, submission: Submission, told: Callable[[Outcome | Exception], None]) -> None:
        """As `submit`, for those who bring many: `told` learns the outcome or the error, at once or with its batch."""
        decided = partial(self._decided, submission.over, told)
        try:
            self._standing.check()
            within = self.gatehouse.admit(submission.link, submission.received)
            received = admission.receive(submission, self._network.id, within_quota=within, trust=self.trust_ahead)
            if isinstance(received, Candidate):
                urgent = received.statement.header.urgency is Urgency.URGENT
                lane = self._express if urgent else self._collector
                lane.call(received, len(submission.body), decided, sender=_sender(submission.link))
                return
            outcome = self._batches.refuse([received])[0]
        except Exception as error:  # noqa: BLE001  # whatever it is, who submitted learns it
            decided(error)
        else:
            decided(outcome)

    def _decided(self, over: Link, told: Callable[[Outcome | Exception], None], result: Result | Exception) -> None:
        """Tell what became of a submission, and count it."""
        if not isinstance(result, Outcome | Exception):
            result = Unavailable(Reason.STORE, "the submission was not decided")
        self._count_submitted(over, result)
        told(result)

    def _count_submitted(self, over: Link, result: Outcome | Exception) -> None:
        """Count what became of a submission."""
        if isinstance(result, Outcome):
            became = Submitted.ACCEPTED if result.accepted else Submitted.REFUSED
            became = Submitted.REPEATED if result.repeated else became
        elif isinstance(result, BureaunetError):
            became = Submitted.UNAVAILABLE if isinstance(result, Unavailable) else Submitted.UNREADABLE
        else:
            return
        self._watcher.saw("submitted", over=over, outcome=became, reason=result.reason)

    async def evidence(self, link: Address, body: bytes) -> None:
        """Take a recipient's signed acknowledgement, or a witness' cosignature; the same again is taken without effect.

        Raises:
            Malformed: its form. Untrusted: `network`, `key-unknown`, `signature`. Forbidden: `link-identity`,
                `key-not-valid`, `key-void`, `not-addressed` (no copy was made for it). Unavailable.
        """
        if is_cosignature(body):
            await self.cosigned(link, body)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.evidence_soon(link, body, into(future))
        await future

    def evidence_soon(self, link: Address, body: bytes, told: Callable[[Exception | None], None]) -> None:
        """As `evidence`, for those who bring many acknowledgements: `told` learns None, or the error."""
        try:
            self._standing.check()
            if len(body) > MAX_STATEMENT:
                raise Malformed(Reason.STATEMENT_TOO_LARGE, "an acknowledgement is smaller")  # noqa: TRY301  # as below
            self._collector.call(Evidence(link, body), len(body), partial(_recorded, told), sender=_sender(link))
        except Exception as error:  # noqa: BLE001  # whatever it is, who brought it learns it
            told(error)

    # ---- what the broker and the chores bring

    async def _confirmed(self, placed: Placements) -> None:
        await self._collector.put(placed, _ENTRY_SIZE * len(placed), force=True, patience=PATIENCE)

    async def fail(self, copies: Sequence[Placed]) -> None:
        """Record that these copies expired before they could be placed.

        Raises:
            Unavailable.
        """
        await self._collector.put(Failures(copies), _ENTRY_SIZE * len(copies), force=True)

    async def summarise(self) -> None:
        """Record how many refusals each link had that are no entries of their own.

        Raises:
            Unavailable.
        """
        left = self.gatehouse.summaries(self._clock.now())
        try:
            while left:
                await self._collector.put(left[0], _ENTRY_SIZE, force=True)
                del left[0]
        finally:
            self.gatehouse.unsaid(left)

    async def look_at_inboxes(self) -> None:
        """See which HTTP inboxes are full: what comes for them is kept until there is room.

        Raises:
            Unavailable: `store`.
        """
        asked = [row.address for row in self.trust.directory.participants if row.link is Link.HTTP]
        full = await self._store.full_inboxes(asked, self._limits.inbox_items)
        for inbox in full - self._batches.full:
            self._watcher.saw("inbox-full", inbox=inbox)
        self._batches.full = full

    async def make_room(self) -> int:
        """Put copies that were kept into their inboxes, where there is room again: how many.

        Raises:
            Unavailable.
        """
        await self.look_at_inboxes()
        kept = await self._store.held_back(self._batches.full, self._limits.publish_items)
        if kept:
            await self._confirmed(Placements(kept))
        return len(kept)

    async def republish(self) -> int:
        """Publish copies whose lease ended: how many.

        Raises:
            Unavailable: `store`.
        """
        if self._placer is None:
            return 0
        lease = self._limits.lease_seconds * 1000
        pending = await self._store.lease_pending(
            self._clock.now(), lease, self._limits.publish_items, self._limits.publish_bytes
        )
        await self._placer.place(pending)
        return len(pending)

    def _hand_on(self, done: Done) -> None:
        """After a commit: wake those who wait, publish what goes over the broker."""
        if done.inboxes:
            self.consigned(frozenset(done.inboxes))
        if done.pending and self._placer is not None:
            self._placer.soon(done.pending)


async def _unasked(_link: Address, _body: bytes) -> None:
    raise Untrusted(Reason.CHECKPOINT, "nobody is asked to witness here")


def _sender(link: Address) -> str:
    """Whose turn it is: all links of a bureau share one."""
    return str(link.bureau)


def _recorded(told: Callable[[Exception | None], None], result: Result | Exception) -> None:
    told(result if isinstance(result, Exception) else None)
