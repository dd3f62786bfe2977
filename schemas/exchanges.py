"""What a record shows: who asked whom, when, each side's steps, and what is missing or came late.

A `Journal` takes the events of one operation in ledger order, each verified already, and refuses those that contradict
what went before: two outcomes for one digest, a handover of what was never consigned, an answer to nothing. Times are
milliseconds since the epoch by the gateway's clock.

Memory: about a kilobyte for each message with one recipient, and no content: who, when, two digests and what each side
did. Nothing can be let go before the end, since any message may still be answered, acknowledged, repeated or made void.
Addresses, kinds and key ids, which repeat, are held once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from schemas.claims import Header
from schemas.codes import Answer, Handling, Purpose
from schemas.errors import Reason, Untrusted
from schemas.evidence import Entry, Event
from schemas.identity import Address, MessageId
from schemas.keys import SigningPublic
from schemas.said_heads import DoubtfulHead

_FINAL = frozenset({Answer.FINAL, Answer.REFUSED})
_CLOCK = frozenset({Event.ANSWER_REMINDER, Event.ANSWER_OVERDUE, Event.ESCALATED})


@dataclass(slots=True)
class Delivery:
    """One recipient's side of a message; None for what has not happened."""

    recipient: Address
    consigned: int | None = None
    given_up: int | None = None
    """When the gateway gave the copy up. What its recipient acknowledged afterwards counts nevertheless: see `late`."""
    handed_over: int | None = None
    failed: int | None = None
    """When the delivery ended without a handover: given up by the gateway, or refused by the recipient."""
    reason: Reason | None = None
    """Why it failed, where it did."""
    clock: tuple[tuple[Event, int], ...] = ()
    """What the answer clock said of this recipient, and when: reminders, overdue, escalated."""

    late: bool = False
    """Whether the recipient acknowledged although the gateway, without a confirmation, had given the copy up."""

    @property
    def missing(self) -> str | None:
        """What this side still owes, in words."""
        if self.failed is not None or self.handed_over is not None:
            return None
        return "handover" if self.consigned is not None else "consignment"


@dataclass(slots=True)
class Message:
    """One accepted message and its deliveries."""

    digest: bytes
    index: int
    time: int
    sender: Address
    key_id: bytes
    cti: MessageId
    kind: str
    thread: bytes
    """The digest that its exchange is known by: its own where it opened it."""
    purpose: Purpose
    exercise: bool
    handling: Handling
    answer: Answer | None
    reply_by: int | None
    """Seconds since the epoch; where it is there, an answer is expected of every recipient."""
    sealed: bool
    """Whether the record still holds its sealed part."""
    deliveries: dict[Address, Delivery]
    overdue: int | None = None
    expired: int | None = None
    erased: int | None = None
    void: bool = False
    """Accepted at an index at or past its key's void-from: shown as accepted then, of no effect now."""

    @property
    def sealed_missing(self) -> bool:
        """Whether the record holds no sealed part and no entry that says that it was erased."""
        return not self.sealed and self.erased is None


@dataclass(slots=True)
class Exchange:
    """A message that opened an exchange, and all that followed in it, in ledger order."""

    opening: Message
    replies: list[Message] = field(default_factory=list)

    @property
    def unanswered(self) -> tuple[Address, ...]:
        """Recipients who owe a final answer or a refusal; nobody where none was asked for."""
        if self.opening.reply_by is None:
            return ()
        done = {reply.sender for reply in self.replies if reply.answer in _FINAL}
        return tuple(who for who in self.opening.deliveries if not any(who.covers(one) for one in done))

    def messages(self) -> Iterator[Message]:
        """All of them."""
        yield self.opening
        yield from self.replies


@dataclass(frozen=True, slots=True)
class Refusal:
    """A submission that was refused, and recorded as such."""

    digest: bytes
    index: int
    time: int
    party: Address | None
    kind: str | None
    reason: Reason


@dataclass(frozen=True, slots=True)
class Report:
    """A record that verified: what it shows."""

    operation: str
    name: str
    phase: str
    """The operation's, by its newest version in the record."""
    network: bytes
    size: int
    root: bytes
    """Of the checkpoint that every entry leads to."""
    checkpoint_time: int
    """Seconds since the epoch."""
    provisional: bool
    """Whether the quorum of witnesses has not signed the checkpoint."""
    witnesses: tuple[str, ...]
    """Who cosigned the checkpoint, by name; each line verified."""
    quorum: int
    """How many the policy asks for; 0 where the network names no witnesses."""
    directory_version: int
    length: int
    """Of the record, in bytes."""
    entries: int
    events: Mapping[Event, int]
    sealed: int
    exchanges: tuple[Exchange, ...]
    refusals: tuple[Refusal, ...]
    indices: Mapping[bytes, int]
    """Ledger index of the outcome of each digest, accepted or refused."""
    acceptance_keys: Mapping[bytes, SigningPublic]
    """The gateway's, by key id, of every directory in the record: what receipts are verified with."""
    doubtful_heads: tuple[DoubtfulHead, ...]
    """Signed tree heads that contradict the ledger: its speaker was shown another history, or signed an untruth."""

    @property
    def messages(self) -> int:
        """Accepted messages."""
        return sum(1 + len(exchange.replies) for exchange in self.exchanges)

    @property
    def missing(self) -> Mapping[str, int]:
        """How many deliveries and answers are still owed, by what is missing."""
        owed: Counter[str] = Counter()
        for exchange in self.exchanges:
            owed["answer"] += len(exchange.unanswered)
            for message in exchange.messages():
                owed["sealed part"] += message.sealed_missing
                owed.update(side.missing for side in message.deliveries.values() if side.missing)
        return {what: count for what, count in owed.items() if count}


def contradiction(detail: str) -> Untrusted:
    """What the record says cannot be together with what it said before."""
    return Untrusted(Reason.RECORD_CONTRADICTION, detail)


def _may_follow(message: Message, before: Message, *, answers: bool) -> None:
    """An exchange keeps its purpose, and its parties: who answers was a recipient, who adds was a party."""
    if message.exercise is not before.exercise:
        raise Untrusted(Reason.EXERCISE, "an exercise and a real message were mixed in an exchange")
    if message.purpose is not before.purpose:
        raise Untrusted(Reason.PURPOSE, "a message was accepted under another purpose than its exchange's")
    parties = {before.sender, *before.deliveries}
    allowed = before.deliveries.keys() if answers else parties
    if not any(message.sender.covers(party) for party in allowed):
        raise Untrusted(Reason.THREAD_PARTIES, "a message was accepted from outside its exchange")
    if not parties.issuperset(message.deliveries):
        reason = Reason.HANDLING if before.handling is Handling.H2 else Reason.THREAD_PARTIES
        raise Untrusted(reason, "a message was accepted to somebody outside its exchange")


class Journal:
    """Takes events in ledger order; see the module."""

    def __init__(self) -> None:
        self.messages: dict[bytes, Message] = {}
        self.exchanges: dict[bytes, Exchange] = {}
        self.refusals: list[Refusal] = []
        self.events: Counter[Event] = Counter()
        self.sealed = 0
        self._outcomes: dict[bytes, int] = {}
        self._ids: set[bytes] = set()
        self._addresses: dict[Address, Address] = {}
        self._kinds: dict[str, str] = {}
        self._key_ids: dict[bytes, bytes] = {}

    @property
    def indices(self) -> Mapping[bytes, int]:
        """Ledger index of the outcome of each digest."""
        return self._outcomes

    def _decide(self, digest: bytes, index: int) -> None:
        if digest in self._outcomes:
            raise contradiction("a message has two outcomes")
        self._outcomes[digest] = index

    def accept(self, header: Header, digest: bytes, key_id: bytes, index: int, time: int, *, sealed: bool) -> None:
        """A message was accepted.

        Raises:
            Untrusted: `record-contradiction`, here and in all that follows.
        """
        self._decide(digest, index)
        name = header.iss.encode() + header.cti  # an address cannot end where the 16 bytes begin elsewhere
        if name in self._ids:
            raise contradiction("two accepted messages of one sender have the same id")
        self._ids.add(name)
        message = Message(
            digest=digest,
            index=index,
            time=time,
            sender=self._addresses.setdefault(header.iss, header.iss),
            key_id=self._key_ids.setdefault(key_id, key_id),
            cti=header.cti,
            kind=self._kinds.setdefault(header.kind, header.kind),
            thread=header.thread or digest,
            purpose=header.purpose,
            exercise=header.exercise,
            handling=header.handling,
            answer=header.answer,
            reply_by=header.reply_by,
            sealed=sealed,
            deliveries={who: Delivery(who) for who in (self._addresses.setdefault(one, one) for one in header.aud)},
        )
        self._join(message, header.re)
        self.messages[digest] = message
        self.sealed += sealed

    def _join(self, message: Message, re: bytes | None) -> None:
        if message.thread == message.digest:
            self.exchanges[message.digest] = Exchange(message)
            return
        exchange = self.exchanges.get(message.thread)
        if exchange is None:
            raise contradiction("a message belongs to an exchange that the record does not hold")
        follows = self.messages.get(message.thread if re is None else re)
        if follows is None or follows.thread != message.thread:
            raise contradiction("a message answers one that its exchange does not hold")
        _may_follow(message, follows, answers=re is not None)
        exchange.replies.append(message)

    def refuse(self, entry: Entry, index: int) -> None:
        """A submission was refused."""
        if entry.digest is None or entry.reason is None:
            raise contradiction("a rejection names no digest or no reason")
        self._decide(entry.digest, index)
        self.refusals.append(Refusal(entry.digest, index, entry.time, entry.party, entry.kind, entry.reason))

    def message(self, entry: Entry) -> Message:
        """The accepted message that an entry speaks of."""
        found = None if entry.digest is None else self.messages.get(entry.digest)
        if found is None:
            raise contradiction(f"{entry.event} of a message that was not accepted")
        return found

    def delivery(self, entry: Entry) -> Delivery:
        """The side that an entry of a delivery speaks of."""
        message = self.message(entry)
        side = None if entry.party is None else message.deliveries.get(entry.party)
        if side is None:
            raise contradiction(f"{entry.event} for someone to whom the message is not addressed")
        return side

    def consign(self, entry: Entry) -> None:
        """A copy was placed in an inbox, or its delivery ended without that."""
        side = self.delivery(entry)
        if side.handed_over is not None or side.failed is not None:
            raise contradiction(f"{entry.event} after the delivery had ended")
        if entry.event is Event.CONTENT_CONSIGNMENT:
            side.consigned = entry.time
        else:
            side.given_up = side.failed = entry.time
            side.reason = entry.reason

    def hand_over(self, entry: Entry) -> None:
        """A recipient acknowledged, once, what was consigned, or given up: it may have come without a confirmation."""
        side = self.delivery(entry)
        if side.consigned is None and side.given_up is None:
            raise contradiction("a handover without a consignment before it")
        given_up = side.given_up is not None
        if side.handed_over is not None or side.late or (side.failed is not None and not given_up):
            raise contradiction("a second handover to one recipient")
        side.late = given_up
        if entry.event is Event.CONTENT_HANDOVER:
            side.handed_over, side.failed, side.reason = entry.time, None, None
        else:
            side.failed, side.reason = entry.time, entry.reason

    def note(self, entry: Entry) -> None:
        """The answer clock spoke, or a sealed part was erased; other events say nothing of a message."""
        if entry.event in _CLOCK:
            message = self.message(entry)
            if entry.event is Event.ANSWER_OVERDUE:
                message.overdue = entry.time
            if entry.party in message.deliveries:
                message.deliveries[entry.party].clock += ((entry.event, entry.time),)
        elif entry.event is Event.EXPIRED:
            self.message(entry).expired = entry.time
        elif entry.event is Event.CONTENT_ERASED:
            message = self.message(entry)
            if message.sealed:
                raise contradiction("the record holds a sealed part that was erased")
            message.erased = entry.time
