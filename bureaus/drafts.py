"""What we mean to say, before it is sealed: kept in the store, so that it can be sealed again under a new id."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from bureaus.settings import Limits
from bureaus.trust import Trust
from schemas import cbor, envelope, messages, wire
from schemas.claims import Header
from schemas.codes import Answer, Handling, Purpose, Urgency
from schemas.errors import Forbidden, Malformed, Reason
from schemas.identity import Address, MessageId, Signer
from schemas.messages import Message

Attached: TypeAlias = Sequence[bytes | memoryview]
"""The bytes of attachments, in the order in which their message lists them."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A message with everything but its id, times and seals. `reply_by` and `until` are seconds since the epoch."""

    sender: Address
    operation: str
    to: tuple[Address, ...]
    kind: str
    content: bytes
    purpose: Purpose
    urgency: Urgency = Urgency.ROUTINE
    handling: Handling = Handling.H0
    reply_by: int | None = None
    thread: bytes | None = None
    re: bytes | None = None
    answer: Answer | None = None
    until: int | None = None

    def encode(self) -> bytes:
        """CBOR for the store."""
        answer = None if self.answer is None else str(self.answer)
        return cbor.encode(
            [
                [str(self.sender), self.operation, [str(address) for address in self.to], self.kind, self.content],
                [str(self.purpose), str(self.urgency), str(self.handling), self.reply_by],
                [self.thread, self.re, answer, self.until],
            ]
        )

    @classmethod
    def decode(cls, data: bytes) -> Draft:
        """Take what `encode` made.

        Raises:
            Malformed: `structure`.
        """
        match cbor.decode(data):
            case [
                [str(sender), str(operation), [*to], str(kind), bytes(content)],
                [str(purpose), str(urgency), str(handling), None | int() as reply_by],
                [None | bytes() as thread, None | bytes() as re, None | str() as answer, None | int() as until],
            ]:
                return cls(
                    Address.parse(sender),
                    operation,
                    tuple(Address.parse(str(address)) for address in to),
                    kind,
                    content,
                    Purpose(purpose),
                    Urgency(urgency),
                    Handling(handling),
                    reply_by,
                    thread,
                    re,
                    None if answer is None else Answer(answer),
                    until,
                )
        raise Malformed(Reason.STRUCTURE, "a draft in the store is not of the form")


@dataclass(frozen=True, slots=True)
class Sealed:
    """A draft sealed and signed, ready for the outbox."""

    digest: bytes
    body: bytes
    """The framed submission."""
    expires: int
    """Seconds since the epoch."""
    salt: bytes
    """Of the commitment: the message is disclosed with it."""


def write(
    sender: Address,
    message: Message,
    to: Sequence[str],
    operation: str,
    choices: tuple[Purpose, Urgency, Handling],
    reply_by: int | None,
    attachments: Attached,
) -> Draft:
    """A draft to these addresses; `attachments` are the bytes of what the message lists.

    Raises:
        Misuse: the message would not be taken, or lists other attachments. Malformed: `address`.
    """
    recipients = tuple(Address.parse(address) for address in to)
    kind, content = messages.kind_of(message), messages.encode(message, attachments)
    return Draft(sender, operation, recipients, kind, content, *choices, reply_by)


def seal(draft: Draft, trust: Trust, keys: Sequence[Signer], now: int, limits: Limits) -> Sealed:
    """Seal a draft under a fresh id, at `now` in milliseconds since the epoch.

    Raises:
        Forbidden: `operation-unknown`, `recipient-unknown`. Malformed: a claim or size outside the protocol.
        Untrusted: `not-current`, `key-not-valid`, or an alarm.
    """
    seconds = now // 1000
    trust.check_sealing(seconds)
    operation = trust.operation(draft.operation)
    if operation is None:
        raise Forbidden(Reason.OPERATION_UNKNOWN, f"we know no operation {draft.operation}")
    header = Header(
        iss=draft.sender,
        sub=draft.operation,
        aud=draft.to,
        iat=seconds,
        exp=max(seconds + limits.lifetime_seconds, (draft.reply_by or 0) + limits.lifetime_seconds),
        cti=MessageId.new(now),
        net=trust.network.id,
        head=trust.head,
        kind=draft.kind,
        purpose=draft.purpose,
        exercise=trust.network.genesis.exercise or operation.training,
        urgency=draft.urgency,
        handling=draft.handling,
        thread=draft.thread,
        re=draft.re,
        reply_by=draft.reply_by,
        answer=draft.answer,
        until=draft.until,
    )
    signer = trust.signer(keys, seconds)
    salt = os.urandom(envelope.SALT_SIZE)
    sealed = envelope.seal(header, draft.content, trust.sealing_keys(draft.to, seconds), signer, salt=salt)
    return Sealed(sealed.digest, wire.encode_submission(sealed), header.exp, salt)
