"""One batch, one transaction: everything that its jobs did is inserted, recorded and signed, or nothing is.

Order of work, which is also the order of the locks: messages in (iss, cti) order, copies to publish, copies touched by
confirmations and acknowledgements, quotas, answer clocks (timing.py), operation heads, the sequence row; then what
needs the indices: entries, receipts, HTTP inboxes, acknowledgements, statements. An entry's place in the batch:
statements, then each decision with the consignments that it leads to, confirmations, handovers, failures, summaries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from gateway import attesting, ledger, routing, timing
from gateway.attesting import News
from gateway.clocks import Clock
from gateway.ports import (
    Consignment,
    CopyKey,
    Handover,
    NewMessage,
    Pending,
    Placed,
    Spent,
    Store,
    Transaction,
)
from gateway.work import Decision, Done, Publication, Ruling, Work
from schemas.directory import Directory, Link
from schemas.envelope import Envelope
from schemas.errors import Reason
from schemas.evidence import Entry, Event, Outcome
from schemas.identity import Signer
from schemas.operation import SignedOperation
from schemas.preferences import SignedPreferences
from schemas.receipts import Acceptance, sign_acceptances
from schemas.wire import INLINE_RECIPIENTS


def _anywhere(_index: int) -> None:
    """The ledger may begin at any index."""


async def commit(
    store: Store, work: Work, signer: Signer, net: bytes, begins: Callable[[int], None] = _anywhere
) -> Done:
    """Do it all in one transaction. `begins` is told the first entry's index before the commit, and may raise.

    Raises:
        Unavailable: `store`, nothing was done; or by `begins`. Untrusted: `version-order`, another published this
            version first.
    """
    if work.empty:
        return Done()
    async with store.begin() as transaction:
        return await _Batch(transaction, work, signer, net, begins).run()


class _Batch:
    def __init__(
        self, transaction: Transaction, work: Work, signer: Signer, net: bytes, begins: Callable[[int], None]
    ) -> None:
        self._transaction, self._work, self._signer, self._net = transaction, work, signer, net
        self._begins = begins
        self._drafts: list[Entry] = []
        self._unplaced: set[CopyKey] = set()
        self._done = Done()

    def _draft(self, entry: Entry) -> int:
        """Add an entry: its ordinal."""
        self._drafts.append(entry)
        return len(self._drafts) - 1

    async def run(self) -> Done:
        work, transaction = self._work, self._transaction
        copies = {
            ruling.statement.digest: routing.route(ruling.statement, work.directory, self._due(ruling))
            for ruling in work.rulings
            if ruling.reason is None
        }
        owed = sorted(
            (copy for found in copies.values() for copy in found if not self._placed_at_once(copy)),
            key=lambda copy: (copy.digest, copy.recipient),
        )
        touched = {*(p.key for p in work.placed), *(p.key for p in work.failed), *(h.key for h in work.handovers)}
        inserted, locked = await transaction.insert(self._new(), owed, work.lease_until, sorted(touched))
        rulings = [ruling for ruling in work.rulings if ruling.statement.digest in inserted]
        self._unplaced = {key for key, owing in locked.items() if owing}
        again = {copy.key for copy in (*work.placed, *work.failed)} & (locked.keys() - self._unplaced)
        await transaction.spend(spending(rulings), minute_of(work.now))

        published = [self._draft(_publication(item, work.now)) for item in work.publications]
        decided, consigned = self._draft_rulings(rulings, copies)
        marks = self._draft_placed(work.placed)
        handed = self._draft_handovers(locked)
        failed = self._draft_failures()
        for note in work.notes:
            self._draft(note)
        accepted = [ruling.statement for ruling in rulings if ruling.reason is None]
        taken = [handover for handover, _ in handed]
        declined = await timing.record(transaction, accepted, taken, work.now, work.times)
        base = await self._append()

        receipts = await self._sign(rulings, base, decided)
        await transaction.insert_consigned([(copy, base + ordinal) for copy, ordinal in consigned])
        await transaction.mark_consigned([(*key, base + ordinal) for key, ordinal in marks])
        await transaction.keep_consigned(sorted(again))
        await transaction.remove_copies([handover.key for handover, _ in handed])
        await transaction.save_acknowledgements([(handover, base + ordinal) for handover, ordinal in handed])
        await transaction.mark_failed(failed)
        await self._attest(handed, declined, base)
        await self._save_publications(base, published)
        self._done.inboxes |= {copy.inbox for copy, _ in consigned}
        self._done.consigned += [(copy.digest, copy.recipient) for copy, _ in consigned] + [key for key, _ in marks]
        self._done.handed = [handover for handover, _ in handed]
        amqp = (copy for copy in owed if copy.link is Link.AMQP and copy.digest in inserted)
        self._done.pending = list(_pending(rulings, amqp, receipts))
        return self._done

    def _due(self, ruling: Ruling) -> int:
        """The day on which the sealed part goes: it is kept for whole days."""
        received = ruling.candidate.submission.received // routing.DAY
        return received + self._work.operations.get(ruling.statement.header.sub, 0) + 1

    async def _append(self) -> int:
        """Append the entries: the index of the first."""
        if not self._drafts:
            return 0
        base = (await ledger.record(self._transaction, self._drafts))[0][0]
        self._begins(base)
        self._done.size = base + len(self._drafts)
        return base

    def _placed_at_once(self, copy: Consignment) -> bool:
        """Whether this commit puts the copy into its inbox."""
        return copy.link is Link.HTTP and copy.inbox not in self._work.full

    def _new(self) -> list[NewMessage]:
        """The decided messages, in the order in which all insert them."""
        return sorted(
            (_new_message(ruling, self._due(ruling)) for ruling in self._work.rulings),
            key=lambda m: (m.statement.header.iss, m.statement.header.cti, m.statement.digest),
        )

    def _draft_rulings(
        self, rulings: Sequence[Ruling], copies: Mapping[bytes, Sequence[Consignment]]
    ) -> tuple[list[int], list[tuple[Consignment, int]]]:
        """Ordinals of the decisions' entries, and the HTTP copies with those of their consignments."""
        decided: list[int] = []
        consigned: list[tuple[Consignment, int]] = []
        for ruling in rulings:
            decided.append(self._draft(_ruling_entry(ruling, self._work)))
            header = ruling.statement.header
            for copy in copies.get(ruling.statement.digest, ()):
                if self._placed_at_once(copy):
                    placed = Placed(copy.digest, copy.recipient, header.sub, header.kind)
                    consigned.append((copy, self._draft(self._copy_entry(Event.CONTENT_CONSIGNMENT, placed))))
        return decided, consigned

    def _draft_placed(self, placed: Iterable[Placed]) -> list[tuple[CopyKey, int]]:
        """Consignments of copies that were pending until now, each once."""
        marks: list[tuple[CopyKey, int]] = []
        for copy in placed:
            if copy.key in self._unplaced:
                self._unplaced.discard(copy.key)
                marks.append((copy.key, self._draft(self._copy_entry(Event.CONTENT_CONSIGNMENT, copy))))
        return marks

    def _draft_handovers(self, locked: Mapping[CopyKey, bool]) -> list[tuple[Handover, int]]:
        """Handovers of copies that were there, each once; one that overtook its confirmation is consigned first."""
        handed: dict[CopyKey, tuple[Handover, int]] = {}
        for handover in self._work.handovers:
            key = handover.key
            if key not in locked or key in handed:
                continue
            if key in self._unplaced:
                self._unplaced.discard(key)
                placed = Placed(*key, handover.owed.operation, handover.owed.kind)
                self._done.consigned.append(key)
                self._draft(self._copy_entry(Event.CONTENT_CONSIGNMENT, placed))
            handed[key] = handover, self._draft(_handover_entry(handover, self._work.now))
        return list(handed.values())

    def _draft_failures(self) -> list[CopyKey]:
        failed: list[CopyKey] = []
        for copy in self._work.failed:
            if copy.key in self._unplaced:
                self._unplaced.discard(copy.key)
                self._draft(self._copy_entry(Event.CONTENT_CONSIGNMENT_FAILURE, copy, Reason.EXPIRED))
                failed.append(copy.key)
        return failed

    def _copy_entry(self, event: Event, copy: Placed, reason: Reason | None = None) -> Entry:
        return Entry(
            event,
            self._work.now,
            digest=copy.digest,
            operation=copy.operation,
            party=copy.recipient,
            kind=copy.kind,
            reason=reason,
        )

    async def _sign(self, rulings: Sequence[Ruling], base: int, decided: Sequence[int]) -> dict[bytes, Decision]:
        """Receipts over the entries' indices, one signature for all, kept with the messages."""
        if not rulings:
            return {}
        items = [
            Acceptance(ruling.statement.digest, _event(ruling), base + ordinal, self._work.now, ruling.reason)
            for ruling, ordinal in zip(rulings, decided, strict=True)
        ]
        receipts = sign_acceptances(items, self._net, self._signer)
        for item, receipt, ordinal in zip(items, receipts, decided, strict=True):
            self._done.decisions[item.digest] = Decision(receipt, base + ordinal)
        kept = {digest: (decision.index, decision.receipt) for digest, decision in self._done.decisions.items()}
        await self._transaction.save_receipts(kept)
        return self._done.decisions

    async def _attest(self, handed: Sequence[tuple[Handover, int]], declined: Mapping[int, Clock], base: int) -> None:
        """Tell askers that the program of the bureau asked refused their query: nobody there will answer."""
        news = [
            News(Event.CONTENT_HANDOVER_FAILURE, clock, base + handed[place][1], self._work.now)
            for place, clock in declined.items()
        ]
        attested = attesting.attest(news, self._work.directory, self._net, self._signer)
        await self._transaction.put_attestations(attested)
        self._done.inboxes |= attesting.inboxes(attested)

    async def _save_publications(self, base: int, ordinals: Sequence[int]) -> None:
        for item, ordinal in zip(self._work.publications, ordinals, strict=True):
            match item.statement:
                case Directory() as directory:
                    await self._transaction.save_directory(directory, item.raw, base + ordinal)
                case SignedOperation() as operation:
                    await self._transaction.save_operation(operation, base + ordinal)
                case SignedPreferences() as preferences:
                    await self._transaction.save_preferences(preferences, base + ordinal)
            self._done.publications[item.statement.hash] = base + ordinal


def minute_of(now: int) -> int:
    """The minute of `now` (milliseconds) that quotas are counted in: minutes since the epoch."""
    return now // 60_000


def spending(rulings: Iterable[Ruling]) -> list[Spent]:
    """What admitted messages count against their bureaus' quotas, by bureau."""
    found: dict[str, tuple[int, int]] = {}
    for ruling in rulings:
        if ruling.reason is None:
            name = str(ruling.statement.header.iss.bureau)
            messages, size = found.get(name, (0, 0))
            found[name] = messages + 1, size + len(ruling.candidate.submission.body)
    return [Spent(name, *found[name]) for name in sorted(found)]


def _event(ruling: Ruling) -> Event:
    return Event.SUBMISSION_ACCEPTANCE if ruling.reason is None else Event.SUBMISSION_REJECTION


def _new_message(ruling: Ruling, due: int) -> NewMessage:
    accepted = ruling.reason is None
    return NewMessage(
        ruling.statement,
        ruling.candidate.envelope.sealed if accepted else None,
        accepted,
        ruling.reason,
        ruling.candidate.submission.received,
        due if accepted else None,
        claims_id=ruling.reason is not Reason.ID_REUSED,
    )


def _ruling_entry(ruling: Ruling, work: Work) -> Entry:
    """The entry of a decision. A refusal says of the header only what the gateway knows to be no free text."""
    header = ruling.statement.header
    accepted = ruling.reason is None
    return Entry(
        _event(ruling),
        work.now,
        digest=ruling.statement.digest,
        operation=header.sub if header.sub in work.operations else None,
        party=header.iss,
        kind=header.kind if accepted else None,
        key_id=ruling.statement.key_id,
        reason=ruling.reason,
        answer=header.answer if accepted else None,
    )


def _handover_entry(handover: Handover, now: int) -> Entry:
    acknowledgement = handover.signed.acknowledgement
    refused = acknowledgement.outcome is Outcome.REFUSED
    return Entry(
        Event.CONTENT_HANDOVER_FAILURE if refused else Event.CONTENT_HANDOVER,
        now,
        digest=acknowledgement.digest,
        operation=handover.owed.operation,
        party=handover.owed.recipient,
        kind=handover.owed.kind,
        key_id=handover.signed.sign1.key_id,
        reason=acknowledgement.reason,
        evidence=handover.evidence,
    )


def _publication(item: Publication, now: int) -> Entry:
    statement = item.statement
    if isinstance(statement, Directory):
        return Entry(Event.DIRECTORY_UPDATED, now, digest=statement.hash)
    if isinstance(statement, SignedPreferences):
        said = statement.preferences
        event, digest = Event.PREFERENCES_UPDATED, statement.hash
        return Entry(event, now, digest=digest, party=said.owner, key_id=statement.key_id)
    operation = statement.operation
    return Entry(
        Event.OPERATION_UPDATED,
        now,
        digest=statement.hash,
        operation=operation.id,
        party=operation.owner,
        key_id=statement.key_id,
    )


def _pending(
    rulings: Sequence[Ruling], copies: Iterable[Consignment], decisions: Mapping[bytes, Decision]
) -> Iterator[Pending]:
    messages = {ruling.statement.digest: ruling for ruling in rulings}
    for copy in copies:
        ruling, decision = messages[copy.digest], decisions[copy.digest]
        header, envelope = ruling.statement.header, ruling.candidate.envelope
        inline = envelope.sealed if len(header.aud) <= INLINE_RECIPIENTS else None
        yield Pending(
            copy,
            decision.index,
            decision.receipt,
            Envelope(envelope.statement, inline),
            len(header.aud),
            header.sub,
            header.kind,
            attempts=0,
        )
