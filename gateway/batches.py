"""What is done with a batch: its facts are fetched, each job is decided, all is committed at once, submitters are told.

Order of work: facts (one question for the whole batch, and one for its acknowledgements) -> steps 5 to 12 of admission,
and acknowledgements -> one transaction -> outcomes. Rules: one message has one outcome; what another process decided
meanwhile is looked up again; a refusal without an index is not final.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from gateway import admission, recording
from gateway.aside import Unprocessed, set_aside
from gateway.collector import Job
from gateway.gatehouse import Gatehouse
from gateway.jobs import Batch, Evidence, Payload, Result, work_of
from gateway.ports import (
    Admitted,
    Candidate,
    Clock,
    Decided,
    Facts,
    Handover,
    Outcome,
    Rejected,
    Repeated,
    Store,
    Verdict,
    Watcher,
)
from gateway.ports_facts import Asked
from gateway.settings import Pipeline
from gateway.standing import Standing
from gateway.trust import TrustKeeper
from gateway.work import Done, Publication, Ruling, Work
from schemas.errors import BureaunetError, Forbidden, Malformed, Reason, Unavailable
from schemas.evidence import Event, SignedAcknowledgement
from schemas.identity import Address, Signer
from schemas.network import Network
from schemas.receipts import Acceptance, sign_acceptances
from schemas.wire import ItemType


class Batches:
    """Does batches, one at a time."""

    def __init__(
        self,
        *,
        store: Store,
        network: Network,
        signer: Signer,
        clock: Clock,
        watcher: Watcher,
        limits: Pipeline,
        standing: Standing,
        hand_on: Callable[[Done], None],
    ) -> None:
        """`hand_on` is told what each commit did."""
        self._store, self._network, self._signer = store, network, signer
        self._clock, self._watcher, self._limits = clock, watcher, limits
        self._standing, self._hand_on = standing, hand_on
        self.keeper = TrustKeeper(store, network)
        self.gatehouse = Gatehouse(limits, watcher)
        self.full: frozenset[Address] = frozenset()
        """HTTP inboxes that take nothing more for now."""

    async def refresh(self) -> None:
        """Take in the statements that came since; where that fails, what is in force stays so until the next look."""
        try:
            await self._look()
        except Unavailable as error:
            self._watcher.saw("trust-unread", reason=error.reason)

    async def _look(self) -> None:
        """Take in the statements that came since, up to one that does not verify. Raises Unavailable."""
        try:
            await self.keeper.refresh()
        except Unavailable:
            raise
        except BureaunetError as error:
            self._watcher.saw("trust-unread", reason=error.reason)

    async def run(self, batch: Batch) -> None:
        """Do these jobs, and resolve each.

        Raises:
            Unavailable: nothing was done. Whatever one of the jobs cannot be processed for.
        """
        self._standing.check()
        jobs = {id(job.payload): job for job in batch}
        candidates = [job.payload for job in batch if isinstance(job.payload, Candidate)]
        given = [job for job in batch if isinstance(job.payload, Evidence)]
        facts = await self._facts(candidates, sized=bool(given))
        verdicts, facts = await self._decide(candidates, facts)
        work = work_of(batch, facts, self._limits, self.full)
        work.handovers += await self._handovers(given, facts)
        outcomes: dict[bytes, Outcome] = {}
        unrecorded: list[Rejected] = []
        for verdict in verdicts:
            if isinstance(verdict, Repeated):
                outcomes[verdict.digest] = _repeated(verdict.digest, verdict.decided)
            elif isinstance(verdict, Admitted):
                work.rulings.append(Ruling(verdict.candidate))
            elif isinstance(verdict, Rejected) and not self._rule(verdict, work):
                unrecorded.append(verdict)
        done = await recording.commit(self._store, work, self._signer, self._network.id, self._standing.begins)
        self._standing.reached(done.size)
        outcomes |= {outcome.digest: outcome for outcome in self.refuse(unrecorded)}
        outcomes |= self._outcomes(verdicts, done, work.now)
        if work.publications:
            await self.refresh()
        self._tell(batch, outcomes, done)
        self._hand_on(done)
        overtaken = [jobs[id(candidate)] for candidate in candidates if candidate.statement.digest not in outcomes]
        if overtaken:  # another process decided them meanwhile: look again, now it is known
            await self.run(overtaken)

    async def _decide(self, candidates: Sequence[Candidate], facts: Facts) -> tuple[Sequence[Verdict], Facts]:
        """Decide; where something would be refused, first look for statements that another process took meanwhile.

        Raises:
            Unavailable: we cannot look. A refusal is final, and would be by statements that may be old.
        """
        verdicts = admission.decide(candidates, facts, self._limits)
        if not any(isinstance(verdict, Rejected) for verdict in verdicts):
            return verdicts, facts
        await self._look()
        if self.keeper.trust is facts.trust:
            return verdicts, facts
        facts = replace(facts, trust=self.keeper.trust)
        return admission.decide(candidates, facts, self._limits), facts

    async def _facts(self, candidates: Sequence[Candidate], *, sized: bool) -> Facts:
        headers = [candidate.statement.header for candidate in candidates]
        now = self._clock.now()
        if not candidates:
            return Facts(self.keeper.trust, now, await self._store.size() if sized else 0)
        named = {digest for header in headers for digest in (header.thread, header.re) if digest is not None}
        bureaus = sorted({str(header.iss.bureau) for header in headers})
        digests = [candidate.statement.digest for candidate in candidates]
        ids = [(str(header.iss), bytes(header.cti)) for header in headers]
        known = await self._store.known(Asked(digests, ids, sorted(named), bureaus, recording.minute_of(now)))
        return Facts(
            self.keeper.trust,
            now,
            known.size,
            known.decided,
            known.ids,
            known.threads,
            {one.bureau: one.messages for one in known.spent},
            {one.bureau: one.size for one in known.spent},
        )

    async def _handovers(self, given: Batch, facts: Facts) -> list[Handover]:
        """Acknowledgements that are to be recorded; the others' submitters are told."""
        read: list[tuple[Job[Payload, Result], SignedAcknowledgement]] = []
        for job in given:
            assert isinstance(job.payload, Evidence)  # noqa: S101  # they were chosen so
            try:
                read.append((job, admission.read_evidence(job.payload.link, job.payload.body, facts)))
            except BureaunetError as error:
                job.fail(error)
        keys = [(signed.acknowledgement.digest, signed.acknowledgement.iss) for _, signed in read]
        owed = await self._store.owed(sorted(set(keys)))
        handovers: list[Handover] = []
        for (job, signed), key in zip(read, keys, strict=True):
            copy = owed.get(key)
            if copy is None:
                job.fail(Forbidden(Reason.NOT_ADDRESSED, "no copy of this message was made for this recipient"))
            elif not copy.acknowledged:
                handovers.append(Handover(signed, copy))
        return handovers

    def _rule(self, rejected: Rejected, work: Work) -> bool:
        """Add a refusal to what is recorded, where it is one that is, and the bureau's cap is not reached."""
        candidate = rejected.candidate
        if candidate is None or not rejected.recorded:
            return False
        if not self.gatehouse.records(str(candidate.statement.header.iss.bureau), work.now):
            return False
        work.rulings.append(Ruling(candidate, rejected.reason))
        return True

    def refuse(self, rejected: Sequence[Rejected]) -> list[Outcome]:
        """Signed refusals that make no entry: for the link alone, and not final."""
        if not rejected:
            return []
        now = self._clock.now()
        items = [Acceptance(r.digest, Event.SUBMISSION_REJECTION, None, now, r.reason) for r in rejected]
        receipts = sign_acceptances(items, self._network.id, self._signer)
        for refusal in rejected:
            self.gatehouse.refused(refusal, None, self._clock.now())
        return [_refusal(r, receipt, None) for r, receipt in zip(rejected, receipts, strict=True)]

    def _outcomes(self, verdicts: Sequence[Verdict], done: Done, began: int) -> dict[bytes, Outcome]:
        """Outcomes of what was recorded, counted and told to the watcher."""
        outcomes: dict[bytes, Outcome] = {}
        for verdict in verdicts:
            digest = verdict.candidate.statement.digest if isinstance(verdict, Admitted) else verdict.digest
            decision = done.decisions.get(digest)
            if decision is None:
                continue
            if isinstance(verdict, Admitted):
                outcomes[digest] = Outcome(digest, decision.receipt, accepted=True, index=decision.index)
                self.gatehouse.admitted(verdict.candidate, decision.index, began, self._clock.now())
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
                        again = not outcome.repeated and outcome.digest in told
                        job.resolve(replace(outcome, repeated=True) if again else outcome)
                        told.add(outcome.digest)
                case Publication() as publication:
                    job.resolve(done.publications[publication.statement.hash])
                case _:
                    job.resolve(None)  # unless it failed above
        for handover in done.handed:
            self._handed_over(handover)
        if done.consigned:
            digests = " ".join(sorted({digest.hex() for digest, _ in done.consigned}))
            self._watcher.saw("consigned", copies=len(done.consigned), digests=digests)

    def _handed_over(self, handover: Handover) -> None:
        owed = handover.owed
        self._watcher.saw(
            "handed-over",
            digest=handover.key[0].hex(),
            recipient=owed.recipient,
            operation=owed.operation,
            kind=owed.kind,
            urgency=owed.urgency,
            outcome=handover.signed.acknowledgement.outcome,
            milliseconds=self._clock.now() - owed.received,
        )

    async def offend(self, job: Job[Payload, Result], error: Exception) -> None:
        """A job that fails by itself: a submission is set aside for the operator, others learn the error."""
        if not isinstance(job.payload, Candidate):
            job.fail(error)
            return
        submission, now = job.payload.submission, self._clock.now()
        cause, digest = type(error).__name__, job.payload.statement.digest.hex()
        found = Unprocessed(submission.link, submission.body, cause, now, ItemType.ENVELOPE)
        said = "the submission could not be processed; there was no room to set it aside"
        if await set_aside(self._store, self._watcher, self._limits, found):
            self._watcher.saw("quarantined", digest=digest, link=submission.link, cause=cause)
            said = "the submission could not be processed and was set aside"
        job.fail(Malformed(Reason.UNREADABLE, said))


def _repeated(digest: bytes, decided: Decided) -> Outcome:
    return Outcome(digest, decided.receipt, decided.accepted, decided.index, repeated=True)


def _refusal(rejected: Rejected, receipt: bytes, index: int | None) -> Outcome:
    return Outcome(rejected.digest, receipt, accepted=False, index=index, reason=rejected.reason, step=rejected.step)
