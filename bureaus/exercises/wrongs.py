"""Deliberate wrongs: what somebody might try, and what the gateway must say to each.

They start from a real query of the exercise, as its author sent it, and from keys that each wrongdoer holds itself.
They go past the SDK, which would not send them, and over the same link as everything else. An answer counts only as a
receipt that verifies.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from pydantic import JsonValue

from bureaus.links import Link
from bureaus.trust import Trust
from schemas import envelope, wire
from schemas.claims import Header
from schemas.directory import Use
from schemas.errors import Reason, Unavailable
from schemas.identity import Address, MessageId, Signer
from schemas.keys import SigningKey
from schemas.messages import WhereaboutsQuery, encode
from schemas.messages.codes import Asked
from schemas.receipts import Acceptance, read_acceptance


class Wrong(StrEnum):
    """What is tried."""

    FORGED_SIGNATURE = "forged-signature"
    STOLEN_ENVELOPE = "stolen-envelope"
    REUSED_ID = "reused-id"
    OUTSIDER = "outsider"
    REPLAY = "replay"


SAYS: Final = {
    Wrong.FORGED_SIGNATURE: "a forged signature",
    Wrong.STOLEN_ENVELOPE: "another bureau's envelope, sent over one's own link",
    Wrong.REUSED_ID: "other content under a used message id",
    Wrong.OUTSIDER: "a query by a bureau outside the operation",
    Wrong.REPLAY: "a replay: the same envelope once more",
}
EXPECTED: Final = {
    Wrong.FORGED_SIGNATURE: Reason.SIGNATURE,
    Wrong.STOLEN_ENVELOPE: Reason.LINK_IDENTITY,
    Wrong.REUSED_ID: Reason.ID_REUSED,
    Wrong.OUTSIDER: Reason.SENDER_NOT_MEMBER,
    Wrong.REPLAY: None,
}
"""The reason that each must be refused for; None for the replay, which gets its first acceptance again."""
_REFERENCE: Final = "DELIBERATE-WRONG"
ATTEMPTS: Final = 4
_PAUSE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Hand:
    """What a participant has in its hands: its link, its key, and what it verified."""

    address: Address
    link: Link
    key: Signer
    trust: Trust

    async def submit(self, body: bytes) -> tuple[bytes, Acceptance]:
        """Submit as it stands: the receipt, and what it says. Raises Malformed, Untrusted or Unavailable.

        A gateway that does not answer in time is given the same bytes again: it says what it said.
        """
        for _ in range(ATTEMPTS - 1):
            try:
                receipt = await self.link.submit(body)
                break
            except Unavailable as error:
                await asyncio.sleep(error.retry_after or _PAUSE)
        else:
            receipt = await self.link.submit(body)
        return receipt, read_acceptance(
            receipt, self.trust.network.id, self.trust.directory.service_keys(Use.ACCEPTANCE)
        )


@dataclass(frozen=True, slots=True)
class Sent:
    """A query of the exercise as its author submitted it, and the receipt that it got."""

    body: bytes
    receipt: bytes

    @property
    def header(self) -> Header:
        """Its claims."""
        return envelope.read(wire.decode_submission(self.body).statement).header


@dataclass(frozen=True, slots=True)
class Attempt:
    """One wrong and what the gateway said."""

    wrong: Wrong
    accepted: bool
    reason: Reason | None
    first_again: bool = False
    """Whether the receipt is the very one that the envelope got first."""
    receipt: bytes = field(default=b"", repr=False)
    by: Address | None = None
    """Over whose link it was tried: the receipt is theirs."""

    @property
    def says(self) -> str:
        """What was tried, in words."""
        return SAYS[self.wrong]

    @property
    def answer(self) -> str:
        """What the gateway said, in words."""
        if self.first_again:
            return "its first acceptance again"
        return "accepted" if self.accepted else f"refused: {self.reason}"

    @property
    def fault(self) -> str | None:
        """What is wrong with the gateway's answer; None if it is as it must be."""
        expected = EXPECTED[self.wrong]
        if expected is None:
            return None if self.first_again and self.accepted else f"not its first acceptance but {self.answer}"
        return None if not self.accepted and self.reason is expected else f"not refused as {expected} but {self.answer}"

    def to_json(self) -> dict[str, JsonValue]:
        """The attempt without ids and times."""
        return {
            "wrong": str(self.wrong),
            "tried": self.says,
            "accepted": self.accepted,
            "reason": None if self.reason is None else str(self.reason),
            "first_again": self.first_again,
            "as_it_must_be": self.fault is None,
        }


@dataclass(frozen=True, slots=True)
class _Forger:
    """Signs with a key of its own under the id of another's."""

    key_id: bytes
    own: Signer

    def sign(self, message: bytes) -> bytes:
        return self.own.sign(message)


async def try_all(sent: Sent, author: Hand, thief: Hand, outsider: Hand, now: int) -> tuple[Attempt, ...]:
    """Try every wrong at `now`, in milliseconds since the epoch.

    `sent` is a query of `author`; `thief` is of the same operation, `outsider` of none.

    Raises:
        Unavailable: the gateway gave no receipt. Malformed, Untrusted: one that does not verify.
    """
    forger = _Forger(thief.key.key_id, SigningKey.generate())
    tries = (
        (Wrong.FORGED_SIGNATURE, thief, _query(sent, thief, forger, now)),
        (Wrong.STOLEN_ENVELOPE, thief, sent.body),
        (Wrong.REUSED_ID, author, _query(sent, author, author.key, now, sent.header.cti)),
        (Wrong.OUTSIDER, outsider, _query(sent, outsider, outsider.key, now)),
        (Wrong.REPLAY, author, sent.body),
    )
    attempts = []
    for wrong, hand, body in tries:
        receipt, acceptance = await hand.submit(body)
        first_again = wrong is Wrong.REPLAY and receipt == sent.receipt
        attempts.append(Attempt(wrong, acceptance.accepted, acceptance.reason, first_again, receipt, hand.address))
    return tuple(attempts)


def _query(sent: Sent, hand: Hand, signer: Signer, now: int, used: MessageId | None = None) -> bytes:
    """A query of `hand`'s own to a bureau that `sent` went to, fresh but for its message id where one is given."""
    to, later = sent.header.aud[0], now // 1000 - sent.header.iat
    wanted = sent.header.reply_by
    header = replace(
        sent.header,
        iss=hand.address,
        aud=(to,),
        cti=used or MessageId.new(now),
        iat=now // 1000,
        exp=sent.header.exp + later,
        reply_by=None if wanted is None else wanted + later,
        thread=None,
        re=None,
    )
    content = encode(WhereaboutsQuery(asked=(Asked.STATUS,), case=_REFERENCE))
    return wire.encode_submission(envelope.seal(header, content, hand.trust.sealing_keys((to,), now // 1000), signer))
