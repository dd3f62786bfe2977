"""The pipeline: what comes over a link is admitted, routed, recorded, acknowledged, consigned, in micro-batches.

Order of work: `submit` takes a submission through steps 1 to 4 at once and queues it. A batch fetches its facts, goes
through steps 5 to 12, and commits messages, copies and entries in one transaction with the receipts; then submitters
learn their outcomes, and copies for the broker are published. Their confirmations come back as jobs of a later batch.

Rules: recorded before acknowledged; one message has one outcome; what another process decided meanwhile is looked up
again. Links' quotas and caps are counted in this process, bureaus' in the store. A refusal without an index is not
final.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from gateway import admission, recording
from gateway.aside import Unprocessed, set_aside
from gateway.collector import Collector, Job
from gateway.gatehouse import Gatehouse
from gateway.jobs import Batch, Payload, Result, work_of
from gateway.placing import Failures, Placements, Placer
from gateway.ports import (
    Admitted,
    Candidate,
    Clock,
    Decided,
    Facts,
    Handover,
    Inboxes,
    Outcome,
    Placed,
    Rejected,
    Repeated,
    Store,
    Submission,
    Trust,
    Verdict,
    Watcher,
)
from gateway.publishing import Publishing
from gateway.recording import Done, Publication, Ruling, Work
from gateway.settings import Pipeline
from gateway.trust import TrustKeeper
from schemas.errors import BureaunetError, Forbidden, Malformed, Reason, Unavailable, Untrusted
from schemas.evidence import Event
from schemas.identity import Address, Signer
from schemas.network import Network
from schemas.receipts import Acceptance, sign_acceptances
from schemas.wire import ItemType
from schemas.witness import is_cosignature

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
    ) -> None:
        """`signer` holds the acceptance key. Without `inboxes`, copies for the broker wait in the store."""
        self._store, self._network, self._signer = store, network, signer
        self._clock, self._watcher = clock, watcher
        self._limits = limits or Pipeline()
        self._keeper = TrustKeeper(store, network)
        self.gatehouse = Gatehouse(self._limits, watcher)
        self.consigned: Callable[[frozenset[Address]], None] = lambda _inboxes: None
        """Told which HTTP inboxes a commit put something into."""
        self.cosigned: Callable[[Address, bytes], Awaitable[None]] = _unasked
        """Takes witnesses' cosignatures: gateway/witnesses.py."""
        self._collector: Collector[Payload, Result] = Collector(self._run, self._offend, self._limits)
        self._placer = None if inboxes is None else Placer(inboxes, watcher, self._confirmed)
        self._poll: asyncio.Task[None] | None = None
        self._full: frozenset[Address] = frozenset()
        """HTTP inboxes that take nothing more for now."""

    @property
    def trust(self) -> Trust:
        """The signed statements in force."""
        return self._keeper.trust

    @property
    def waiting(self) -> int:
        """Jobs that wait for a batch."""
        return self._collector.waiting

    async def start(self) -> None:
        """Read what is in force, and begin to take submissions.

        Raises:
            Unavailable: `store`.
        """
        await self._keeper.refresh()
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
        if self._placer is not None:
            await self._placer.finish()
        await self._collector.stop()

    async def _poll_trust(self) -> None:
        while True:
            await asyncio.sleep(self._limits.trust_poll_milliseconds / 1000)
            await self._refresh()

    async def _refresh(self) -> None:
        try:
            await self._keeper.refresh()
        except BureaunetError as error:  # what is in force stays so until the next look
            self._watcher.saw("trust-unread", reason=error.reason)

    # ---- what comes in

    async def submit(self, submission: Submission) -> Outcome:
        """Decide a submission: its signed receipt, accepted or refused.

        Raises:
            Unavailable: `overloaded` or `store`, or `link-quota` where too much from this bureau waits; nothing was
                decided, the same may come again.
            Malformed: `unreadable`, it could not be processed at all and was set aside for the operator; no receipt
                can name what it is, and sending it again does not help.
        """
        within = self.gatehouse.admit(submission.link, submission.received)
        received = admission.receive(submission, self._network.id, within_quota=within)
        if isinstance(received, Rejected):
            return self._refuse([received])[0]
        result = await self._collector.put(received, len(submission.body), sender=_sender(submission.link))
        if not isinstance(result, Outcome):
            raise Unavailable(Reason.STORE, "the submission was not decided")
        return result

    async def evidence(self, link: Address, body: bytes) -> None:
        """Take a recipient's signed acknowledgement, or a witness' cosignature; the same again is taken without effect.

        Raises:
            Malformed: its form. Untrusted: `network`, `key-unknown`, `signature`. Forbidden: `link-identity`,
                `key-not-valid`, `key-void`, `not-addressed` (no copy was made for it). Unavailable.
        """
        if is_cosignature(body):
            await self.cosigned(link, body)
            return
        facts = Facts(self.trust, self._clock.now(), await self._store.size())
        signed = admission.read_evidence(link, body, facts)
        owed = await self._store.owed(signed.acknowledgement.digest, signed.acknowledgement.iss)
        if owed is None:
            raise Forbidden(Reason.NOT_ADDRESSED, "no copy of this message was made for this recipient")
        if not owed.acknowledged:
            await self._collector.put(Handover(signed, owed), len(body), sender=_sender(link))
            digest = signed.acknowledgement.digest.hex()
            self._watcher.saw("handed-over", digest=digest, recipient=owed.recipient, operation=owed.operation)

    # ---- what the broker and the chores bring

    async def _confirmed(self, placed: Placements) -> None:
        await self._collector.put(placed, _ENTRY_SIZE * len(placed), force=True)

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
        for entry in self.gatehouse.summaries(self._clock.now()):
            await self._collector.put(entry, _ENTRY_SIZE, force=True)

    async def look_at_inboxes(self) -> None:
        """See which HTTP inboxes are full: what comes for them is kept until there is room.

        Raises:
            Unavailable: `store`.
        """
        full = await self._store.full_inboxes(self._limits.inbox_items)
        for inbox in full - self._full:
            self._watcher.saw("inbox-full", inbox=inbox)
        self._full = full

    async def make_room(self) -> int:
        """Put copies that were kept into their inboxes, where there is room again: how many.

        Raises:
            Unavailable.
        """
        await self.look_at_inboxes()
        kept = await self._store.held_back(self._full, self._limits.publish_items)
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

    # ---- a batch

    async def _run(self, batch: Batch) -> None:
        jobs = {id(job.payload): job for job in batch}
        candidates = [job.payload for job in batch if isinstance(job.payload, Candidate)]
        facts = await self._facts(candidates)
        verdicts, facts = await self._decide(candidates, facts)
        work = work_of(batch, facts, self._limits, self._full)
        outcomes: dict[bytes, Outcome] = {}
        unrecorded: list[Rejected] = []
        for verdict in verdicts:
            if isinstance(verdict, Repeated):
                outcomes[verdict.digest] = _repeated(verdict.digest, verdict.decided)
            elif isinstance(verdict, Admitted):
                work.rulings.append(Ruling(verdict.candidate))
            elif isinstance(verdict, Rejected) and not self._rule(verdict, work):
                unrecorded.append(verdict)
        done = await recording.commit(self._store, work, self._signer, self._network.id)
        outcomes |= {outcome.digest: outcome for outcome in self._refuse(unrecorded)}
        outcomes |= self._outcomes(verdicts, done)
        if work.publications:
            await self._refresh()
        self._tell(batch, outcomes, done)
        self._hand_on(done)
        overtaken = [jobs[id(candidate)] for candidate in candidates if candidate.statement.digest not in outcomes]
        if overtaken:  # another process decided them meanwhile: look again, now it is known
            await self._run(overtaken)

    async def _decide(self, candidates: Sequence[Candidate], facts: Facts) -> tuple[Sequence[Verdict], Facts]:
        """Decide; where something would be refused, first look for statements that another process took meanwhile."""
        verdicts = admission.decide(candidates, facts, self._limits)
        if not any(isinstance(verdict, Rejected) for verdict in verdicts):
            return verdicts, facts
        try:
            await self._keeper.refresh()
        except BureaunetError as error:
            self._watcher.saw("trust-unread", reason=error.reason)
        if self.trust is facts.trust:
            return verdicts, facts
        facts = replace(facts, trust=self.trust)
        return admission.decide(candidates, facts, self._limits), facts

    async def _facts(self, candidates: Sequence[Candidate]) -> Facts:
        headers = [candidate.statement.header for candidate in candidates]
        now = self._clock.now()
        if not candidates:
            return Facts(self.trust, now, 0)
        named = {digest for header in headers for digest in (header.thread, header.re) if digest is not None}
        bureaus = sorted({str(header.iss.bureau) for header in headers})
        spent = await self._store.spent(bureaus, recording.minute_of(now))
        return Facts(
            self.trust,
            now,
            await self._store.size(),
            await self._store.decided([candidate.statement.digest for candidate in candidates]),
            await self._store.ids([(str(header.iss), bytes(header.cti)) for header in headers]),
            await self._store.threads(sorted(named)),
            {one.bureau: one.messages for one in spent},
            {one.bureau: one.size for one in spent},
        )

    def _rule(self, rejected: Rejected, work: Work) -> bool:
        """Add a refusal to what is recorded, where it is one that is, and the bureau's cap is not reached."""
        candidate = rejected.candidate
        if candidate is None or not rejected.recorded:
            return False
        if not self.gatehouse.records(str(candidate.statement.header.iss.bureau), work.now):
            return False
        work.rulings.append(Ruling(candidate, rejected.reason))
        return True

    def _refuse(self, rejected: Sequence[Rejected]) -> list[Outcome]:
        """Signed refusals that make no entry: for the link alone, and not final."""
        if not rejected:
            return []
        now = self._clock.now()
        items = [Acceptance(r.digest, Event.SUBMISSION_REJECTION, None, now, r.reason) for r in rejected]
        receipts = sign_acceptances(items, self._network.id, self._signer)
        for refusal in rejected:
            self.gatehouse.refused(refusal, None, self._clock.now())
        return [_refusal(r, receipt, None) for r, receipt in zip(rejected, receipts, strict=True)]

    def _outcomes(self, verdicts: Sequence[Verdict], done: Done) -> dict[bytes, Outcome]:
        """Outcomes of what was recorded, counted and told to the watcher."""
        outcomes: dict[bytes, Outcome] = {}
        for verdict in verdicts:
            digest = verdict.candidate.statement.digest if isinstance(verdict, Admitted) else verdict.digest
            decision = done.decisions.get(digest)
            if decision is None:
                continue
            if isinstance(verdict, Admitted):
                outcomes[digest] = Outcome(digest, decision.receipt, accepted=True, index=decision.index)
                self.gatehouse.admitted(verdict.candidate, decision.index, self._clock.now())
            elif isinstance(verdict, Rejected):
                outcomes[digest] = _refusal(verdict, decision.receipt, decision.index)
                self.gatehouse.refused(verdict, decision.index, self._clock.now())
        return outcomes

    def _tell(self, batch: Batch, outcomes: Mapping[bytes, Outcome], done: Done) -> None:
        """Resolve the jobs: of one statement twice in a batch, the second learns the first's outcome."""
        told: set[bytes] = set()
        for job in batch:
            match job.payload:
                case Candidate() as candidate:
                    outcome = outcomes.get(candidate.statement.digest)
                    if outcome is not None:
                        job.resolve(replace(outcome, repeated=outcome.repeated or outcome.digest in told))
                        told.add(outcome.digest)
                case Publication() as publication:
                    job.resolve(done.publications[publication.statement.hash])
                case _:
                    job.resolve(None)

    def _hand_on(self, done: Done) -> None:
        """After the commit: wake those who wait, publish what goes over the broker."""
        if done.inboxes:
            self.consigned(frozenset(done.inboxes))
        if done.pending and self._placer is not None:
            self._placer.soon(done.pending)

    async def _offend(self, job: Job[Payload, Result], error: Exception) -> None:
        """A job that fails by itself: a submission is set aside for the operator, others learn the error."""
        if not isinstance(job.payload, Candidate):
            job.fail(error)
            return
        submission, now = job.payload.submission, self._clock.now()
        cause, digest = type(error).__name__, job.payload.statement.digest.hex()
        found = Unprocessed(submission.link, submission.body, cause, now, ItemType.ENVELOPE)
        if await set_aside(self._store, self._watcher, self._limits, found):
            self._watcher.saw("quarantined", digest=digest, link=submission.link, cause=cause)
        job.fail(Malformed(Reason.UNREADABLE, "the submission could not be processed and was set aside"))


async def _unasked(_link: Address, _body: bytes) -> None:
    raise Untrusted(Reason.CHECKPOINT, "nobody is asked to witness here")


def _sender(link: Address) -> str:
    """Whose turn it is: all links of a bureau share one."""
    return str(link.bureau)


def _repeated(digest: bytes, decided: Decided) -> Outcome:
    return Outcome(digest, decided.receipt, decided.accepted, decided.index, repeated=True)


def _refusal(rejected: Rejected, receipt: bytes, index: int | None) -> Outcome:
    return Outcome(rejected.digest, receipt, accepted=False, index=index, reason=rejected.reason, step=rejected.step)
