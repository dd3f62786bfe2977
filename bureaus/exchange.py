"""What the SDK hands out: a message received, a message sent, and an exchange with its answers.

All three are views of the store: an exchange survives the end of the process (`Bureau.exchange(digest)`), and its
answers are read again from the beginning by whoever iterates anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol

from bureaus import units
from bureaus.drafts import Attached, Draft
from bureaus.outcomes import Sides, sides
from bureaus.store import sending
from schemas.attestations import Attestation
from schemas.claims import Header
from schemas.codes import Answer, Handling
from schemas.errors import Forbidden, Misuse, Reason, SenderRefused, Unavailable
from schemas.identity import Address
from schemas.messages import Message
from schemas.receipts import Acceptance

if TYPE_CHECKING:
    from bureaus.proofs import Proven

_ENDS: frozenset[Answer | None] = frozenset({Answer.FINAL, Answer.REFUSED})


class Desk(Protocol):
    """What a message needs of its bureau."""

    async def send_answer(
        self,
        received: Received,
        message: Message,
        code: Answer | None,
        handling: Handling | None,
        attachments: Attached = (),
    ) -> Sent:
        """Send an answer."""

    async def sending(self, intent: int) -> sending.Sending:
        """Where something sent stands in the store."""

    def acceptance(self, receipt: bytes) -> Acceptance:
        """A kept receipt, verified again."""

    async def answers(self, intent: int, after: int) -> list[tuple[int, Received]]:
        """Answers of an exchange after a sequence number."""

    async def prove(self, digest: bytes, deadline: float | None, *, witnessed: bool = False) -> Proven:
        """The verified proof of an accepted message."""

    async def attestations(self, digest: bytes) -> list[Attestation]:
        """What the gateway attests about a message."""

    async def refusing(self, to: Sequence[Address]) -> tuple[str, ...]:
        """Those of `to` that refuse our messages, as far as the gateway can be asked."""

    def check(self) -> None:
        """Raise what the bureau's background work failed for, if it did."""

    def now(self) -> int:
        """Milliseconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message that passed the ten checks of protocol section 4."""

    message: Message
    header: Header
    digest: bytes
    receipt: Acceptance
    """The gateway's acceptance, verified: its ledger index and time."""
    to: Address
    """Which of our addresses it came to."""
    again: bool = False
    """A handler had this message before and was cut off or failed: what it did outside of the store may be done."""
    _desk: Desk | None = field(default=None, repr=False, compare=False)
    attachments: tuple[memoryview, ...] = field(default=(), repr=False)
    """The bytes of what the message lists, in its order: views of the content, checked against size and hash."""

    @property
    def sender(self) -> Address:
        """Who signed it."""
        return self.header.iss

    @property
    def kind(self) -> str:
        """Kind and version."""
        return self.header.kind

    @property
    def operation(self) -> str:
        """The operation's id."""
        return self.header.sub

    @property
    def thread(self) -> bytes:
        """The digest that its exchange is known by."""
        return self.header.thread or self.digest

    async def answer(
        self,
        message: Message,
        *,
        code: Answer | None = None,
        handling: Handling | None = None,
        attachments: Attached = (),
    ) -> Sent:
        """Answer the sender, in the same exchange, operation and purpose.

        `code` is what the answer is to the answer clock; left out, the message says (a response to whereabouts), or
        it is final. `handling` left out is the query's. `attachments` are as in `Bureau.ask`.

        Raises:
            Untrusted: we may not seal now. Malformed: a claim or size outside the protocol.
        """
        if self._desk is None:
            raise Misuse("this message belongs to no open bureau")
        return await self._desk.send_answer(self, message, code, handling, attachments)


class Bell:
    """Tells every waiter that something changed since it looked."""

    def __init__(self) -> None:
        self.rung = 0
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Wake everybody."""
        self.rung += 1
        self._event.set()
        self._event = asyncio.Event()

    async def after(self, rung: int) -> int:
        """Wait until it has been rung more often than `rung` times: how often by then."""
        while self.rung <= rung:
            await self._event.wait()
        return self.rung

    async def before(self, end: float, rung: int) -> bool:
        """As `after`, until the loop's time `end`: whether it was rung."""
        try:
            async with asyncio.timeout_at(end):
                await self.after(rung)
        except TimeoutError:
            return False
        return True


class Sent:
    """A message on its way: in the store, sealed; then accepted or refused for good."""

    asks: ClassVar[bool] = False
    """Whether answers are expected."""

    def __init__(self, desk: Desk, draft: Draft, digest: bytes, expires: int) -> None:
        self._desk = desk
        self._bell = Bell()
        self._undone = False
        self.draft = draft
        self.digest = digest
        """The digest of its envelope; another once it had to be sealed again under a new id."""
        self.expires = expires
        """Seconds since the epoch."""
        self.intent: int | None = None
        """Its id in the store; None until the handler that it was sent in has committed."""
        self.receipt: Acceptance | None = None
        """The verified acceptance, once there is one."""

    async def accepted(self, timeout: float | None = None) -> Acceptance:  # noqa: ASYNC109  # a bound on this one wait, kept by asyncio.timeout
        """Wait for the gateway's decision, at most `timeout` seconds: the verified acceptance.

        Raises:
            Forbidden: refused for good, with the gateway's reason (SenderRefused where recipients take none of our
            messages). Unavailable: no decision in time; it stays in the outbox. Misuse: inside a handler.
        """
        units.refuse_waiting(self._desk, "acceptance")
        try:
            async with asyncio.timeout(timeout):
                rung = self._bell.rung
                while (receipt := await self._decided()) is None:
                    rung = await self._bell.after(rung)
        except TimeoutError:
            raise Unavailable(Reason.UNREACHABLE, "the gateway has not decided yet; the message waits") from None
        return receipt

    async def proof(self, deadline: float | None = 30.0, *, witnessed: bool = False) -> Proven:
        """The verified proof that the acceptance is in the ledger, waited for at most `deadline` seconds.

        Its `standing` says whether the quorum of witnesses signed it; `witnessed` waits until it has, where the
        directory names witnesses.

        Raises:
            Forbidden: it was refused. Unavailable: not in time. Untrusted: what the gateway gives does not prove it.
        """
        await self.accepted(deadline)
        return await self._desk.prove(self.digest, deadline, witnessed=witnessed)

    async def attestations(self) -> list[Attestation]:
        """What the gateway attested about it since, verified: that an answer is overdue, that it was refused."""
        return await self._desk.attestations(self.digest)

    def ring(self) -> None:
        """Something about it changed in the store."""
        self._bell.ring()

    def undo(self) -> None:
        """The handler that it was sent in did not complete."""
        self._undone = True
        self.ring()

    async def _decided(self) -> Acceptance | None:
        self._desk.check()
        if self._undone or self.intent is None:
            raise Misuse("the handler that sent this has not completed: nothing was sent")
        if self.receipt is not None:  # accepted is for good
            return self.receipt
        state = await self._desk.sending(self.intent)
        self.digest, self.expires = state.digest, state.expires
        if state.state is sending.State.REFUSED:
            reason = Reason(state.reason) if state.reason else Reason.MISUSE
            if reason is Reason.SENDER_REFUSED:
                raise SenderRefused(await self._desk.refusing(self.draft.to))
            raise Forbidden(reason, "the gateway refused it; the refusal is kept with the message")
        if state.receipt is not None and state.state is sending.State.ACCEPTED:
            self.receipt = self._desk.acceptance(state.receipt)
        return self.receipt


class Exchange(Sent):
    """A message that expects answers."""

    asks: ClassVar[bool] = True

    @property
    def waiting_for(self) -> frozenset[Address]:
        """Recipients from whom no final answer has been seen by an iteration yet."""
        return frozenset(self.draft.to) - self._ended

    def __init__(self, desk: Desk, draft: Draft, digest: bytes, expires: int) -> None:
        super().__init__(desk, draft, digest, expires)
        self._ended: set[Address] = set()

    async def responses(self, deadline: float | None = None) -> AsyncGenerator[Received, None]:
        """Answers in order of arrival, until every recipient gave a final one or the deadline.

        `deadline` is in seconds from now; left out, it is the time to reply by, or the message's expiry. No order is
        promised between senders. Answers that were taken before are given again.

        Raises:
            Forbidden: the message was refused for good. Misuse: inside a handler.
        """
        units.refuse_waiting(self._desk, "a response")
        end = asyncio.get_running_loop().time() + self._seconds_left(deadline)
        seen = 0
        while True:
            rung = self._bell.rung
            await self._decided()
            for sequence, received in await self._desk.answers(self._id, seen):
                seen = sequence
                if received.header.answer in _ENDS:
                    self._ended.add(received.sender)
                yield received
            if not self.waiting_for or not await self._bell.before(end, rung):
                return

    async def sides(self) -> Sides:
        """Where each recipient's side stands now, by its address."""
        answers = [received for _, received in await self._desk.answers(self._id, 0)]
        return sides(self.draft.to, answers, await self.attestations())

    async def outcome(self) -> Sides:
        """Wait until each recipient answered finally or refused, or the gateway attested its silence: every side.

        What is asked is timed by the gateway (protocol section 5.7), so that this ends; a kind that has no time of its
        own is timed by its `reply_by` alone. An answer may come after silence: ask again then.

        Raises:
            Forbidden: the message was refused for good. Misuse: inside a handler.
        """
        units.refuse_waiting(self._desk, "an outcome")
        rung = self._bell.rung
        while True:
            await self._decided()
            found = await self.sides()
            if all(side.ended for side in found.values()):
                return found
            rung = await self._bell.after(rung)

    @property
    def _id(self) -> int:
        if self.intent is None:
            raise Misuse("the handler that sent this has not completed: nothing was sent")
        return self.intent

    def _seconds_left(self, deadline: float | None) -> float:
        if deadline is not None:
            return deadline
        return (self.draft.reply_by or self.expires) - self._desk.now() / 1000


Handler = Callable[[Received], Awaitable[None]]
"""What `Bureau.on` registers."""


def answer_code(message: Message, code: Answer | None) -> Answer:
    """The header's answer code for an answering message: as said, as the message says, or final."""
    if code is not None:
        return code
    said = getattr(message, "answer", None)
    return said if isinstance(said, Answer) else Answer.FINAL
