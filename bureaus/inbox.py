"""What we are told: fetched, checked (bureaus/verification.py), committed with the inbox's cursor, and acknowledged.

Order of work for a batch: fetch sealed parts that came apart, ask the store what it knows already, verify, refresh our
copies once where they may be behind, and commit everything at once. Only then is the next batch asked for.

Rules: a message that verifies is kept once, whatever is sent again. One that answers an exchange of ours, and whose
kind has no handler, is processed by being kept: the exchange has it. Any other waits for a handler or for whoever
reads `Bureau.inbox()`, and is acknowledged when that is done. What does not verify is refused by a signed
acknowledgement where the gateway's acceptance and the sender's key were in order, and kept aside either way; nothing
gets stuck on it, and it does not move the cursor: what it says of its own place is nobody's word.

Nor is what a message that verifies says of its place, and what else lies below it. So the cursor only spares reading
the same again within one opening of the bureau: at each opening, and every `reread_seconds`, the inbox is read from its
start. The gateway keeps there what nobody acknowledged; whoever hid mail behind a false place hides it no longer then.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from operator import attrgetter
from typing import Final

from bureaus import attested, logs
from bureaus.keeper import Keeper
from bureaus.links import FROM_THE_START, Link
from bureaus.pump import Backoff, Pump
from bureaus.settings import Limits
from bureaus.store import Store, receiving
from bureaus.store.identity import Keys
from bureaus.verification import Facts, Refused, Verified, verify
from schemas import envelope, wire
from schemas.attestations import Attestation
from schemas.claims import Head, Header
from schemas.codes import Urgency
from schemas.errors import BureaunetError, Forbidden, Malformed, Reason, Unavailable, Untrusted
from schemas.evidence import Acknowledgement, Outcome, sign_acknowledgement
from schemas.identity import Address
from schemas.misbehaviour import Source, Statement
from schemas.wire import InboxItem, ItemType

_log: Final = logs.get(__name__)


class Inbox:
    """Takes in what waits at the gateway, and hands in our acknowledgements."""

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
        self._limits = limits
        self._acknowledgements = Pump(
            self._unsent, self._hand_in, attrgetter("digest", "iss"), limits, limits.acknowledgements
        )
        self.handled: Callable[[], Collection[str]] = tuple
        """The kinds that handlers are registered for."""
        self.when_kept: Callable[[Sequence[int]], None] = lambda _: None
        """Called after each batch with the exchanges that it answered."""
        self.when_heard: Callable[[str, Head, Statement], None] = lambda _, __, ___: None
        """Called with each tree head in what verified: (whose word, the head, the signed statement)."""
        self.when_attested: Callable[[Attestation, int | None], None] = lambda _, __: None
        """Called once with each attestation, and with the exchange of ours that it is about, where it is about one."""
        self.when_acknowledged: Callable[[], None] = self._acknowledgements.wake

    # ---------------------------------------------------------------------------------------- taking in

    async def run(self) -> None:
        """Take in what comes, for ever."""
        backoff = Backoff(self._limits)
        clock = asyncio.get_running_loop().time
        reread = clock()
        while True:
            try:
                after = await self._store.run(receiving.cursor)
                if clock() >= reread:
                    after, reread = FROM_THE_START, clock() + self._limits.reread_seconds
                stream = self._link.items(after)
                while (items := await _next(stream, reread)) is not None:
                    await self._take(items)
                    backoff.reset()
            except Unavailable as error:
                await asyncio.sleep(backoff.next(error.retry_after))
            except (Malformed, Untrusted, Forbidden) as error:
                _log.error("the inbox cannot be read", reason=error.reason)
                await asyncio.sleep(backoff.next())

    async def _take(self, items: Sequence[InboxItem]) -> None:
        envelopes = [item for item in items if item.type is ItemType.ENVELOPE]
        rest = [item for item in items if item.type is not ItemType.ENVELOPE]
        verified = await self._take_envelopes(envelopes, move=not rest) if envelopes else []
        for item in rest:
            take = self._take_receipt if item.acceptance else self._take_attestation
            verified += [item] if await take(item) else []
        if verified and rest:
            await self._store.run(receiving.move_cursor, max(item.index for item in verified))

    async def _take_envelopes(self, items: Sequence[InboxItem], *, move: bool) -> list[InboxItem]:
        """Take them in, and the cursor past them where nothing else is in their batch: those that verified now."""
        items = [await self._whole(item) for item in items]
        digests = [envelope.digest_of(item.statement) for item in items]
        known = await self._store.run(receiving.known, digests, _ids(items))
        # By the whole item, not its digest: a false copy must not stand in for the true one beside it.
        fresh = list(dict.fromkeys(i for d, i in zip(digests, items, strict=True) if d not in known.digests))
        outcomes = self._verify(fresh, known.ids)
        if any(isinstance(outcome, Refused) and outcome.may_be_behind for outcome in outcomes):
            await self._catch_up()
            outcomes = self._verify(fresh, known.ids)
        taken: dict[bytes, receiving.Taken] = {}
        for item, outcome in zip(fresh, outcomes, strict=True):
            if isinstance(outcome, Verified):
                taken.setdefault(outcome.digest, self._taken(item, outcome))
        refused = [(item, one) for item, one in zip(fresh, outcomes, strict=True) if isinstance(one, Refused)]
        aside = [self._aside(item, one, answer=one.digest not in taken) for item, one in refused]
        verified = [item for item, outcome in zip(fresh, outcomes, strict=True) if isinstance(outcome, Verified)]
        cursor = max(item.index for item in verified) if move and verified else None
        batch = receiving.Batch(list(taken.values()), aside, known.digests, cursor)
        answered = await self._store.run(receiving.take, batch, self.handled(), self._clock())
        self._acknowledgements.wake()
        self.when_kept(answered)
        return verified

    def _verify(self, items: Collection[InboxItem], ids: dict[tuple[str, bytes], bytes]) -> list[Verified | Refused]:
        seen = dict(ids)
        outcomes: list[Verified | Refused] = []
        for item in items:
            outcome = verify(item, Facts(self._keeper.trust, self._keys.sealing, seen))
            if isinstance(outcome, Verified):
                header = outcome.statement.header
                seen[header.iss, header.cti] = outcome.digest
                self.when_heard(header.iss, header.head, Statement(Source.ENVELOPE, item.statement))
            outcomes.append(outcome)
        return outcomes

    async def _catch_up(self) -> None:
        try:
            await self._keeper.catch_up()
        except Unavailable:
            raise
        except BureaunetError as error:  # what we have stands, and decides
            _log.error("the gateway's word does not verify", reason=error.reason)

    async def _whole(self, item: InboxItem) -> InboxItem:
        """The item with its sealed part, fetched by its hash where it came apart or spoilt, and can be had."""
        try:
            sealed_hash = envelope.read(item.statement).sealed_hash
            if item.sealed is not None and hashlib.sha256(item.sealed).digest() == sealed_hash:
                return item
            sealed = await self._link.get(f"{wire.SEALED}/{sealed_hash.hex()}")
        except (Malformed, Forbidden, Untrusted):  # the checks say what is wrong with it
            return item
        return InboxItem(item.index, item.type, item.acceptance, item.statement, sealed)

    def _taken(self, item: InboxItem, verified: Verified) -> receiving.Taken:
        header = verified.statement.header
        return receiving.Taken(
            verified.digest,
            header.iss,
            header.cti,
            header.kind,
            header.urgency is Urgency.URGENT,
            item.statement,
            item.acceptance,
            verified.opened.salt,
            verified.opened.content,
            tuple(digest for digest in (header.thread, header.re) if digest is not None),
            self.acknowledgements(verified.digest, verified.addressed, Outcome.PROCESSED),
        )

    def _aside(self, item: InboxItem, refused: Refused, *, answer: bool = True) -> receiving.Aside:
        _log.warning("kept aside", digest=refused.digest.hex(), check=refused.number, reason=refused.reason)
        refusals: tuple[receiving.Acknowledgement, ...] = ()
        if answer and refused.acknowledged and refused.header is not None:
            refusals = self.acknowledgements(refused.digest, self.ours(refused.header), Outcome.REFUSED, refused.reason)
        raw = item.encode()
        number, reason = refused.number, refused.reason
        return receiving.Aside(hashlib.sha256(raw).digest(), refused.digest, number, reason, raw, refusals)

    async def _take_attestation(self, item: InboxItem) -> bool:
        """Keep what the gateway says of answers, once, and tell of it; or put it aside: whether it verified."""
        try:
            try:
                said = attested.verify(item, self._keeper.trust)
            except (Untrusted, Forbidden):  # the gateway's key, or the unit that is ours, may be new
                await self._catch_up()
                said = attested.verify(item, self._keeper.trust)
        except (Malformed, Untrusted, Forbidden) as error:
            _log.warning("an attestation does not verify", reason=error.reason)
            refused = Refused(1, error.reason, error.detail, hashlib.sha256(item.statement).digest())
            await self._store.run(receiving.take, receiving.Batch((), [self._aside(item, refused)]), (), self._clock())
            return False
        kept = receiving.Attested(said.index.to_bytes(8), said.query, str(said.event), item.statement)
        fresh, asked = await self._store.run(receiving.keep_attestation, kept, self._clock())
        if fresh:
            self.when_attested(said, asked)
        return True

    async def _take_receipt(self, item: InboxItem) -> bool:
        """Keep a receipt that nobody waits for, or put it aside: whether it verified."""
        raw, now = item.acceptance, self._clock()
        key = hashlib.sha256(raw).digest()
        try:
            said = self._keeper.trust.acceptance(raw)
        except (Malformed, Untrusted) as error:
            _log.warning("a receipt does not verify", reason=error.reason)
            refused = Refused(1, error.reason, error.detail, key)
            await self._store.run(receiving.take, receiving.Batch((), [self._aside(item, refused)]), (), now)
            return False
        kept = receiving.Attested(key, said.digest, str(said.event), raw)
        await self._store.run(receiving.keep_attestation, kept, now)
        return True

    # ---------------------------------------------------------------------------------------- acknowledging

    def ours(self, header: Header) -> tuple[Address, ...]:
        """Our addresses that a message came to; our first where aud names none."""
        trust = self._keeper.trust
        return tuple(address for address in header.aud if trust.is_ours(address)) or (trust.address,)

    def acknowledgements(
        self, digest: bytes, ours: Sequence[Address], outcome: Outcome, reason: Reason | None = None
    ) -> tuple[receiving.Acknowledgement, ...]:
        """Our signed word about a message, by each of our addresses that it came to.

        Raises:
            Untrusted: `key-not-valid`, we have no key to sign with.
        """
        trust = self._keeper.trust
        seconds = self._clock() // 1000
        signer = trust.signer(self._keys.signing, seconds)
        words = (
            Acknowledgement(address, digest, outcome, seconds, trust.network.id, trust.head, reason) for address in ours
        )
        return tuple(
            receiving.Acknowledgement(word.digest, word.iss, sign_acknowledgement(word, signer)) for word in words
        )

    async def run_acknowledgements(self) -> None:
        """Hand in what is signed, for ever."""
        await self._acknowledgements.run()

    async def _unsent(self, most: int) -> list[receiving.Acknowledgement]:
        return await self._store.run(receiving.unsent, most)

    async def _hand_in(self, entry: receiving.Acknowledgement) -> None:
        reason: Reason | None = None
        try:
            await self._link.acknowledge(entry.body)
        except (Malformed, Untrusted, Forbidden) as error:
            reason = error.reason
            _log.warning("an acknowledgement was refused", digest=entry.digest.hex(), reason=reason)
        await self._store.run(receiving.acknowledged, entry, reason)


def _ids(items: Sequence[InboxItem]) -> list[tuple[str, bytes]]:
    ids: list[tuple[str, bytes]] = []
    for item in items:
        try:
            header = envelope.read(item.statement).header
        except Malformed:  # the checks say so
            continue
        ids.append((header.iss, header.cti))
    return ids


async def _next(stream: AsyncIterator[Sequence[InboxItem]], until: float) -> Sequence[InboxItem] | None:
    """The next batch; None where there is none until then, by the loop's time, or the stream ended."""
    try:
        async with asyncio.timeout_at(until):
            return await anext(stream, None)
    except TimeoutError:
        return None
