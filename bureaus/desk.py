"""An open bureau from inside: its parts, built in order and tied together. `bureaus/client.py` is what programs see.

    store, link -> keeper (what we go by) -> outbox, inbox, proofs -> handlers

Data travels one way: the inbox keeps and rings, handlers take and commit, the outbox submits and rings, proofs follow.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bureaus import attested, logs
from bureaus.calling import tell
from bureaus.drafts import Attached, Draft
from bureaus.enrolment import Identity
from bureaus.exchange import Bell, Exchange, Handler, Received, Sent, answer_code
from bureaus.expiry import Expiry
from bureaus.gossip import Gossip
from bureaus.guard import Guard
from bureaus.handlers import Handlers
from bureaus.inbox import Inbox
from bureaus.keeper import Keeper
from bureaus.links import Link
from bureaus.mark import WitnessMark
from bureaus.outbox import Outbox
from bureaus.proofs import Proofs, Proven
from bureaus.pump import Workers
from bureaus.refusals import refusing
from bureaus.settings import Limits
from bureaus.store import Store, receiving, sending
from bureaus.store.identity import Keys
from bureaus.voided import Voiding
from bureaus.witness import Witness
from schemas import envelope, messages
from schemas.attestations import EVENTS, Attestation
from schemas.codes import Answer, Handling
from schemas.errors import Misuse
from schemas.evidence import Event, Outcome
from schemas.identity import Address
from schemas.messages import Message
from schemas.misbehaviour import Evidence
from schemas.network import Network
from schemas.receipts import Acceptance

_log: Final = logs.get(__name__)
_SILENCE: Final = frozenset({Event.ANSWER_OVERDUE, Event.ESCALATED})


@dataclass(frozen=True, slots=True)
class Keyring:
    """Our keys, and what guards them in the store."""

    keys: Keys
    guard: Guard


class OpenBureau:
    """The parts of an open bureau; a `Desk` for the messages that it hands out."""

    def __init__(
        self,
        who: Identity,
        network: Network,
        keyring: Keyring,
        store: Store,
        link: Link,
        clock: Callable[[], int],
        limits: Limits,
        handlers: dict[str, Handler],
    ) -> None:
        """`handlers` is by kind, and may grow. `clock` gives milliseconds since the epoch."""
        self.who = who
        self.keys = keys = keyring.keys
        self.guard = keyring.guard
        self.store = store
        self.link = link
        self.now = clock
        self.arrivals = Bell()
        """Rung when a message may wait for a reader."""
        self.keeper = Keeper(store, link, network, who.address, clock, limits, keys)
        self.outbox = Outbox(store, link, self.keeper, keys, clock, limits)
        self.inbox = Inbox(store, link, self.keeper, keys, clock, limits)
        self.voiding = Voiding(store, self.outbox.acceptance)
        self.expiry = Expiry(clock)
        self.proofs = Proofs(store, link, lambda: self.keeper.trust.policy, limits)
        self.gossip = Gossip(self.keeper.heads, self._accuse, limits)
        self.witness = Witness(store, link, self.keeper, keys, clock, limits, WitnessMark(who.home))
        self.handlers = Handlers(self, store, self.inbox, self.outbox, handlers, clock, limits, self.view)
        self._registered = handlers
        self._looked = 0
        """The directory version by which we looked for void messages."""
        self.told: list[Callable[[Attestation], None]] = []
        """Told of each attestation, once."""
        self._limits = limits
        self._workers = Workers()
        self._tie()

    def _tie(self) -> None:
        if self._limits.proofs:
            self.outbox.when_accepted = self.proofs.wake
        self.keeper.when_refreshed = self._refreshed
        self.inbox.handled = lambda: tuple(self._registered)
        self.inbox.when_kept = self._kept
        self.inbox.when_heard = self.gossip.heard
        self.inbox.when_attested = self._attested
        self._workers.on_failure(self.outbox.ring_all)
        self._workers.on_failure(self.arrivals.ring)

    async def _refreshed(self) -> None:
        trust = self.keeper.trust
        if trust.directory.version != self._looked:
            await self.voiding.look(trust.directory)
            self._looked = trust.directory.version
        self.expiry.look(trust)

    def _attested(self, said: Attestation, asked: int | None) -> None:
        say = _log.warning if said.event in _SILENCE else _log.info
        say("attested", what=str(said.event), digest=said.query.hex(), asked=said.asked, asker=said.asker)
        if asked is not None:
            self.outbox.ring([asked])
        tell(self.told, said)

    def _kept(self, answered: Sequence[int]) -> None:
        self.outbox.ring(answered)
        self.handlers.wake()
        self.arrivals.ring()

    async def _accuse(self, detail: str, evidence: Evidence) -> None:
        await self.keeper.accuse(detail, evidence.encode())

    def start(self) -> None:
        """Start everything that a bureau does by itself."""
        name = self.who.address
        self._workers.start(f"{name} outbox", self.outbox.run())
        self._workers.start(f"{name} inbox", self.inbox.run())
        self._workers.start(f"{name} acknowledgements", self.inbox.run_acknowledgements())
        self._workers.start(f"{name} handlers", self.handlers.run())
        self._workers.start(f"{name} keeper", self.keeper.keep_fresh())
        if self._limits.proofs:
            self._workers.start(f"{name} proofs", self.proofs.run())
            self._workers.start(f"{name} witnessed proofs", self.proofs.run_witnessed())
        self._workers.start(f"{name} gossip", self.gossip.run())
        if self._limits.witness:
            self._workers.start(f"{name} witness", self.witness.run())

    async def aclose(self) -> None:
        """End it all; what was not finished waits in the store."""
        await self._workers.aclose()
        await self.link.aclose()
        await self.store.aclose()
        self.guard.close()

    def check(self) -> None:
        """Raise what the background work failed for, if it did."""
        self._workers.check()

    # ---------------------------------------------------------------------------------------- for messages handed out

    def view(self, kept: receiving.Kept) -> Received:
        """A kept message as programs see it."""
        header = envelope.read(kept.statement).header
        message, attachments = messages.decode_whole(header.kind, kept.content)
        return Received(
            message,
            header,
            kept.digest,
            self.outbox.acceptance(kept.receipt),
            self.inbox.ours(header)[0],
            again=kept.starts > 0,
            _desk=self,
            attachments=attachments,
        )

    async def send_answer(
        self,
        received: Received,
        message: Message,
        code: Answer | None,
        handling: Handling | None,
        attachments: Attached = (),
    ) -> Sent:
        """Answer a message: as `Received.answer`."""
        header = received.header
        said = answer_code(message, code)
        draft = Draft(
            sender=received.to,
            operation=header.sub,
            to=(header.iss,),
            kind=messages.kind_of(message),
            content=messages.encode(message, attachments),
            purpose=header.purpose,
            urgency=header.urgency,
            handling=header.handling if handling is None else handling,
            thread=received.thread,
            re=received.digest,
            answer=said,
            until=_until(message) if said is Answer.MORE_TIME else None,
        )
        return await self.outbox.send(self, draft, Sent)

    async def sending(self, intent: int) -> sending.Sending:
        """Where something sent stands in the store."""
        found = await self.store.run(sending.sending, intent)
        if found is None:
            raise Misuse("the store has no such message")
        return found

    def acceptance(self, receipt: bytes) -> Acceptance:
        """A kept receipt, verified again."""
        return self.outbox.acceptance(receipt)

    async def answers(self, intent: int, after: int) -> list[tuple[int, Received]]:
        """Answers of an exchange after a sequence number."""
        return [(kept.sequence, self.view(kept)) for kept in await self.store.run(receiving.answers, intent, after)]

    async def prove(self, digest: bytes, deadline: float | None, *, witnessed: bool = False) -> Proven:
        """The verified proof of an accepted message; `witnessed` waits for the quorum."""
        return await self.proofs.prove(digest, deadline, witnessed=witnessed)

    async def attestations(self, digest: bytes) -> list[Attestation]:
        """What the gateway attests about a message."""
        kept = await self.store.run(receiving.attestations, digest)
        return [attested.read(raw, self.keeper.trust) for event, raw in kept if event in EVENTS]

    async def refusing(self, to: Sequence[Address]) -> tuple[str, ...]:
        """Those of `to` that refuse our messages, as far as the gateway can be asked."""
        return await refusing(self.link, to)

    # ---------------------------------------------------------------------------------------- for the client

    async def restore(self, digest: bytes) -> Exchange | None:
        """An exchange of ours, by the digest of any of its envelopes; None where there is none."""
        found = await self.store.run(sending.find, digest)
        if found is None or not found.asks:
            return None
        exchange = Exchange(self, Draft.decode(found.draft), found.digest, found.expires)
        exchange.intent = found.intent
        self.outbox.watch(exchange)
        return exchange

    async def read_next(self) -> receiving.Kept:
        """The next message that no handler is for, marked as running; waits until there is one."""
        while True:
            rung = self.arrivals.rung
            self.check()
            kept = await self.store.run(receiving.pick_unhandled, tuple(self._registered))
            if kept is not None:
                return kept
            await self.arrivals.after(rung)

    async def finish(self, kept: receiving.Kept) -> None:
        """A reader is done with a message: acknowledged as processed."""
        header = envelope.read(kept.statement).header
        words = self.inbox.acknowledgements(kept.digest, self.inbox.ours(header), Outcome.PROCESSED)
        await self.store.run(receiving.complete, kept.digest, words, (), self.now())
        self.inbox.when_acknowledged()

    async def put_back(self, kept: receiving.Kept) -> None:
        """A reader was cut off: the message waits again."""
        with contextlib.suppress(Misuse):  # the bureau was closed first; the next start puts it back
            await self.store.run(receiving.put_back, kept.digest)


def _until(message: Message) -> int | None:
    until = getattr(message, "until", None)
    return until if isinstance(until, int) else None
