"""What a recipient checks before anybody sees a message: protocol section 4, in its order, with its numbers.

     1 the gateway's signed acceptance of this digest     6 operation, from our own copy
     2 network and type                                   7 (iss, cti) unseen
     3 sender's key, from our own verified directory      8 opens
     4 signature                                          9 commitment
     5 own address in aud                                10 content is of the kind that the header says

Pure: bytes, `Facts` and keys in; `Verified` or `Refused` out. A refusal at 1 to 3 cannot be answered to anybody in good
faith and is only kept aside; from 4 on the gateway stands for the message, and a signed acknowledgement says why not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from bureaus.trust import Trust
from schemas import envelope, messages
from schemas.claims import Header
from schemas.envelope import Opened, Statement
from schemas.errors import Forbidden, Malformed, Reason, Untrusted
from schemas.identity import Address, Opener
from schemas.messages import Message
from schemas.receipts import Acceptance
from schemas.rights import may_send
from schemas.wire import InboxItem

FIRST_ACKNOWLEDGED: Final = 4
"""Refusals from this check on are acknowledged as refused; earlier ones are kept aside."""
_FROM_OUR_COPY: Final = frozenset({1, 3, 6})
"""Checks that read our copy of the directory or of an operation, which may be behind."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the checks read of the world."""

    trust: Trust
    openers: Sequence[Opener]
    """Our sealing keys."""
    seen: Mapping[tuple[str, bytes], bytes] = field(default_factory=dict)
    """(iss, cti) -> digest of the message that we have under this id."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A message that passed all ten checks."""

    acceptance: Acceptance
    statement: Statement
    addressed: tuple[Address, ...]
    """Which of our addresses aud names."""
    opened: Opened
    message: Message

    @property
    def digest(self) -> bytes:
        """The envelope's digest."""
        return self.acceptance.digest


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that failed a check, and what is known of it by then."""

    number: int
    reason: Reason
    detail: str
    digest: bytes
    """Of the statement as received."""
    header: Header | None = None
    """From check 3 on."""

    @property
    def acknowledged(self) -> bool:
        """Whether a signed acknowledgement says that we refuse it."""
        return self.number >= FIRST_ACKNOWLEDGED

    @property
    def may_be_behind(self) -> bool:
        """Whether a newer directory or operation could make it pass."""
        return self.number in _FROM_OUR_COPY


class _Checks:
    """One item on its way through the checks; `number` is the one being made."""

    def __init__(self, item: InboxItem, facts: Facts) -> None:
        self.item = item
        self.facts = facts
        self.trust = facts.trust
        self.digest = envelope.digest_of(item.statement)
        self.number = 0
        self.header: Header | None = None

    def run(self) -> Verified:
        self.number = 1
        acceptance = self._acceptance()
        self.number = 2
        statement = self._statement()
        header = self.header = statement.header
        self.number = 3
        key = self.trust.sender_key(header.iss, statement.key_id, acceptance)
        self.number = 4
        statement.verify(key)
        self.number = 5
        addressed = self._addressed(header)
        self.number = 6
        self._operation(header, acceptance, addressed)
        self.number = 7
        self._unseen(header)
        self.number = 8
        opened = self._open(statement)
        self.number = 10
        message = messages.decode(header.kind, opened.content)
        return Verified(acceptance, statement, addressed, opened, message)

    def _acceptance(self) -> Acceptance:
        acceptance = self.trust.acceptance(self.item.acceptance)
        if acceptance.digest != self.digest or not acceptance.accepted or acceptance.index is None:
            raise Untrusted(Reason.NOT_ACCEPTED, "the receipt is not the acceptance of this message")
        return acceptance

    def _statement(self) -> Statement:
        statement = envelope.read(self.item.statement)
        if statement.header.net != self.trust.network.id:
            raise Untrusted(Reason.NETWORK, "the message is of another network")
        return statement

    def _addressed(self, header: Header) -> tuple[Address, ...]:
        own = tuple(address for address in header.aud if self.trust.is_ours(address))
        if not own:
            raise Forbidden(Reason.NOT_ADDRESSED, "the message is not addressed to us")
        return own

    def _operation(self, header: Header, acceptance: Acceptance, addressed: Sequence[Address]) -> None:
        operation = self.trust.operation_at(header.sub, acceptance.index or 0)
        if operation is None:
            raise Forbidden(Reason.OPERATION_UNKNOWN, "we know no such operation")
        seconds = acceptance.time // 1000
        sender = operation.member(header.iss, seconds)
        recipients = [operation.member(address, seconds) for address in addressed]
        exercise = self.trust.network.genesis.exercise or operation.training
        row = self.trust.directory.find(header.iss)
        may = row is not None and may_send(row.kind, header.kind)
        rules = (
            (Reason.OPERATION_CLOSED, not operation.closed),
            (Reason.SENDER_NOT_MEMBER, sender is not None and sender.sends),
            (Reason.RECIPIENT_NOT_MEMBER, any(member is not None and member.receives for member in recipients)),
            (Reason.KIND_NOT_ALLOWED, header.kind in operation.kinds and may),
            (Reason.PURPOSE, header.purpose in operation.purposes),
            (Reason.HANDLING, header.handling in operation.handling),
            (Reason.EXERCISE, header.exercise == exercise),
        )
        for reason, holds in rules:
            if not holds:
                raise Forbidden(reason, "against our copy of the operation")

    def _unseen(self, header: Header) -> None:
        if self.facts.seen.get((header.iss, header.cti), self.digest) != self.digest:
            raise Forbidden(Reason.ID_REUSED, "the sender used this id for another message")

    def _open(self, statement: Statement) -> Opened:
        if self.item.sealed is None:
            raise Untrusted(Reason.SEALED_HASH, "the sealed part is not to be had")
        named = {wrap.key_id for wrap in envelope.check_sealed(statement, self.item.sealed).wraps}
        opener = next((opener for opener in self.facts.openers if opener.key_id in named), None)
        if opener is None:
            raise Untrusted(Reason.UNSEALING, "it is sealed to no key of ours")
        try:
            return envelope.open_sealed(statement, self.item.sealed, opener)
        except Untrusted as error:
            if error.reason is Reason.COMMITMENT:
                self.number = 9
            raise


def verify(item: InboxItem, facts: Facts) -> Verified | Refused:
    """Run the ten checks over an inbox item of type `envelope`; its sealed part fetched where it came apart."""
    checks = _Checks(item, facts)
    try:
        return checks.run()
    except (Malformed, Untrusted, Forbidden) as error:
        return Refused(checks.number, error.reason, error.detail, checks.digest, checks.header)
