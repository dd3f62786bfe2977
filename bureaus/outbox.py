"""What we send: sealed, committed, submitted until the gateway has decided, and its receipt verified and kept.

An envelope is sealed before it enters the outbox, and stays there while the gateway is away. A refusal for a key that
was rotated meanwhile, or for our clock (bureaus/sealing_time.py), seals the draft again under a new id; any other
refusal is final and goes to whoever waits. The store decides what is due, urgent messages first, so that a crash
repeats a submission (which gets its first receipt again) and loses none.

Rule: nothing is sealed again but after a refusal on record, in the same commit. Such a refusal is final, so that no
stray copy of the first envelope can be accepted beside the second. One off the record is not: the same bytes go again.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Final, TypeVar

from bureaus import drafts, logs, units
from bureaus.calling import tell
from bureaus.drafts import Draft
from bureaus.exchange import Desk, Sent
from bureaus.keeper import Keeper
from bureaus.links import Link
from bureaus.pump import Pump
from bureaus.sealing_time import SealingTime
from bureaus.settings import Limits
from bureaus.steps import Step, StepName, sealed_at
from bureaus.store import Store, sending
from bureaus.store.identity import Keys
from schemas import envelope, wire
from schemas.codes import Urgency
from schemas.errors import BureaunetError, Forbidden, Reason, Unavailable, Untrusted
from schemas.receipts import Acceptance

_log: Final = logs.get(__name__)
_ROTATED: Final = frozenset({Reason.KEY_NOT_VALID, Reason.WRAP_KEY, Reason.EXPIRED})
"""Refusals that say nothing about the message: sealed again under a new id, it may pass."""
_AGAIN: Final = _ROTATED | {Reason.FUTURE}
_LATER: Final = frozenset({Reason.LINK_QUOTA, Reason.OVERLOADED})
_SentT = TypeVar("_SentT", bound=Sent)


class Outbox:
    """Seals, keeps and submits."""

    def __init__(
        self,
        store: Store,
        link: Link,
        keeper: Keeper,
        keys: Keys,
        clock: Callable[[], int],
        limits: Limits,
    ) -> None:
        """`clock` gives milliseconds since the epoch."""
        self._store = store
        self._link = link
        self._keeper = keeper
        self._keys = keys
        self._clock = clock
        self._time = SealingTime(clock)
        self._limits = limits
        self._live: weakref.WeakValueDictionary[int, Sent] = weakref.WeakValueDictionary()
        self._pump = Pump(self._due, self._submit, attrgetter("digest"), limits, limits.submissions)
        self.when_accepted: Callable[[], None] = lambda: None
        """Called when a message was accepted: it can be proved soon."""
        self.stepped: Sequence[Callable[[Step], None]] = ()
        """Called with each message that got its receipt, from its sealing on."""

    async def run(self) -> None:
        """Submit what is due, for ever."""
        await self._pump.run()

    async def send(self, desk: Desk, draft: Draft, make: type[_SentT]) -> _SentT:
        """Seal a draft and commit it to the outbox, or to the unit of the handler that we are inside of.

        Raises:
            Unavailable: there is no directory to seal by, or the store failed. Forbidden, Untrusted, Malformed: as
            `drafts.seal`.
        """
        trust = await self._keeper.ready_for(draft.operation, draft.to)
        sealed = drafts.seal(draft, trust, self._keys.signing, self._time(), self._limits)
        sent = make(desk, draft, sealed.digest, sealed.expires)
        posting = _posting(draft, sealed, asks=sent.asks)
        unit = units.current(desk)
        if unit is not None:
            unit.sent.append((sent, posting))
            return sent
        (intent,) = await self._store.run(sending.post, [posting], self._clock())
        self.posted([sent], [intent])
        return sent

    def posted(self, sent: Sequence[Sent], intents: Sequence[int]) -> None:
        """These were committed under these ids: they can go."""
        for one, intent in zip(sent, intents, strict=True):
            one.intent = intent
            self.watch(one)
        self._pump.wake()

    def watch(self, sent: Sent) -> None:
        """Ring it when it changes, as long as anybody holds it."""
        if sent.intent is not None:
            self._live[sent.intent] = sent

    def ring(self, intents: Sequence[int]) -> None:
        """Something about these intents changed in the store."""
        for intent in intents:
            sent = self._live.get(intent)
            if sent is not None:
                sent.ring()

    def ring_all(self) -> None:
        """Wake everybody who waits."""
        self.ring(list(self._live))

    def acceptance(self, receipt: bytes) -> Acceptance:
        """Verify a receipt of the gateway's.

        Raises:
            Malformed, Untrusted: as `Trust.acceptance`.
        """
        return self._keeper.trust.acceptance(receipt)

    async def _due(self, most: int) -> list[sending.Due]:
        return await self._store.run(sending.due, most)

    async def _submit(self, due: sending.Due) -> None:
        receipt = await self._link.submit(due.body)
        acceptance = await self._verified(receipt, due.digest)
        if acceptance.reason in _LATER:
            raise Unavailable(Reason(acceptance.reason), "the gateway asks us to wait")
        if acceptance.reason in _AGAIN and acceptance.index is None:
            raise Unavailable(Reason(acceptance.reason), "refused off the record, which is not final")
        log = _log.bind(digest=due.digest.hex(), bureau=self._keeper.trust.address)
        if acceptance.accepted and acceptance.index is not None:
            await self._store.run(sending.accept, due, receipt, acceptance.index)
            log.debug("accepted", index=acceptance.index)
            self.when_accepted()
        else:
            reason = acceptance.reason or Reason.NOT_ACCEPTED
            successor = await self._successor(due, acceptance)
            await self._store.run(sending.refuse, due, receipt, reason, successor)
            log.warning("refused", reason=reason, sealed_again=successor is not None)
        self.ring([due.intent])
        if self.stepped:
            self._tell(due, acceptance)

    def _tell(self, due: sending.Due, acceptance: Acceptance) -> None:
        header = envelope.read(wire.decode_submission(due.body).statement).header
        fields = {"operation": header.sub, "kind": header.kind, "urgency": str(header.urgency)}
        reason = None if acceptance.accepted else str(acceptance.reason)
        step = Step(StepName.ASK, due.digest, sealed_at(header.cti), self._clock(), str(header.iss), fields, reason)
        tell(self.stepped, step)

    async def _verified(self, receipt: bytes, digest: bytes) -> Acceptance:
        """The receipt, verified and for this digest; one that is not proves nothing, so that the envelope stays."""
        try:
            acceptance = self.acceptance(receipt)
        except BureaunetError as error:
            await self._keeper.catch_up()
            _log.warning("a receipt did not verify", reason=error.reason)
            raise Unavailable(Reason.UNREACHABLE, "the gateway's receipt did not verify") from None
        if acceptance.digest != digest:
            raise Unavailable(Reason.UNREACHABLE, "the gateway's receipt is for another message")
        return acceptance

    async def _successor(self, due: sending.Due, refusal: Acceptance) -> sending.Posting | None:
        """The draft sealed again, where the refusal says nothing about the message and it was not tried too often."""
        state = await self._store.run(sending.sending, due.intent)
        made = envelope.read(wire.decode_submission(due.body).statement).header.iat
        of_the_clock = self._time.heed(refusal, made)
        if state is None or not (of_the_clock or refusal.reason in _ROTATED):
            return None
        if await self._store.run(sending.resealed, due.intent) >= self._limits.resealings:
            return None
        draft = Draft.decode(state.draft)
        try:
            await self._keeper.catch_up()
            sealed = drafts.seal(draft, self._keeper.trust, self._keys.signing, self._time(), self._limits)
        except (Forbidden, Untrusted) as error:
            _log.warning("cannot be sealed again", reason=error.reason)
            return None
        return _posting(draft, sealed, asks=state.asks)


def _posting(draft: Draft, sealed: drafts.Sealed, *, asks: bool) -> sending.Posting:
    urgent = draft.urgency is Urgency.URGENT
    return sending.Posting(draft.encode(), sealed.digest, sealed.body, sealed.expires, asks, sealed.salt, urgent)
