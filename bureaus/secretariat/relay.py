"""Relays a question between two bureaus that do not deal directly: opened here, and sealed again by the secretariat.

Order of a request: the target's consent, as it stands -> the enclosed message opened and checked -> a row, a reference
drawn at random, and the delivery, sealed to the target alone in the same operation, purpose, urgency and handling. Its
answer is opened, checked against the row, and goes to the asker under the secretariat's signature.

Rules: without both sides' signed consent nothing is relayed, and one ground covers every way in which the target does
not agree; an asker that is not named is in nothing that the target gets, not even by its own reference; what was
enclosed is kept in no row; an answer under H2 goes to no asker that the target was not told of. A request that comes
again finds its row; one question has one relay.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final

from pydantic import ValidationError
from sqlalchemy import Row, delete, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.exchange import Received
from bureaus.secretariat.office import Chore, Office
from bureaus.secretariat.registry import audit
from bureaus.secretariat.registry.relays import consent, relay
from schemas.codes import Answer, Handling
from schemas.errors import BureaunetError, Forbidden, Malformed, Misuse, Unavailable
from schemas.identity import Address
from schemas.messages import Message, WhereaboutsQuery
from schemas.messages.codes import RelayGround
from schemas.messages.relay import RelayAnswer, RelayConsent, RelayDelivery, RelayRequest
from schemas.messages.relayed import answers, code_of, enclose, open_enclosed, with_case

_REFERENCE_BYTES: Final = 12


class State(StrEnum):
    """Where a relay stands."""

    OPEN = "open"
    ANSWERED = "answered"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Consent:
    """What a bureau agrees to, in its newest word."""

    agrees: bool
    unnamed: bool
    not_from: frozenset[Address]
    until: int | None

    def covers(self, asker: Address, *, named: bool, now: int) -> bool:
        """Whether a question of `asker` may be relayed at `now`, in seconds."""
        denied = asker in self.not_from or asker.bureau in self.not_from
        return self.agrees and not denied and (named or self.unnamed) and (self.until is None or now < self.until)


NONE: Final = Consent(agrees=False, unnamed=False, not_from=frozenset(), until=None)
"""Of a bureau that never said."""


def shown(message: Message, reference: str, *, named: bool) -> tuple[Message, str | None]:
    """What the target is shown, and the asker's own reference where it is kept back.

    Raises:
        Misuse: without its asker's reference it is about nobody.
    """
    if named or not isinstance(message, WhereaboutsQuery):
        return message, None
    if message.person is None and message.notice is None:
        raise Misuse("a question whose asker is not named is about a person or a notice")
    return with_case(message, reference), message.case


def register(office: Office) -> None:
    """Take consents, requests and answers."""
    office.bureau.on(RelayConsent)(partial(_consented, office))
    office.bureau.on(RelayRequest)(partial(requested, office))
    office.bureau.on(RelayAnswer)(partial(_answered, office))


def chores(office: Office) -> Sequence[Chore]:
    """Tell askers whose question the network did not take."""
    return (Chore("relays", office.settings.relay_seconds, partial(look, office)),)


# ------------------------------------------------------------------------------------------ consent


async def _consented(office: Office, received: Received) -> None:
    message = received.message
    if not isinstance(message, RelayConsent):
        raise Misuse("only consents are taken here")
    bureau, place = received.sender.bureau, received.receipt.index or 0
    async with office.registry.writing() as connection:
        if received.sender != bureau:
            who, act = str(received.sender), "left a consent: a unit does not speak for its bureau"
            await audit.note(connection, time=office.now(), who=who, act=act, subject=bureau)
            return
        newer = select(exists().where(consent.c.bureau == bureau, consent.c.place >= place))
        if (await connection.execute(newer)).scalar_one():
            return
        await connection.execute(delete(consent).where(consent.c.bureau == bureau))
        values = {
            "bureau": bureau,
            "agrees": message.agrees,
            "unnamed": message.unnamed,
            "not_from": json.dumps([str(one) for one in message.not_from]),
            "until": message.until,
            "digest": received.digest,
            "place": place,
            "time": received.receipt.time // 1000,
        }
        await connection.execute(insert(consent).values(**values))
        act = "agreed to relays" if message.agrees else "agrees to no relays"
        await audit.note(connection, time=office.now(), who=str(received.sender), act=act, subject=bureau)


async def consented(connection: AsyncConnection, target: Address) -> Consent:
    """What the bureau of an address agrees to."""
    row = (await connection.execute(select(consent).where(consent.c.bureau == target.bureau))).first()
    if row is None:
        return NONE
    return Consent(row.agrees, row.unnamed, frozenset(map(Address, json.loads(row.not_from))), row.until)


# ------------------------------------------------------------------------------------------ the question


async def requested(office: Office, received: Received) -> None:
    """Relay a question, or say why not; one that was relayed already stays as it is."""
    message = received.message
    if not isinstance(message, RelayRequest):
        raise Misuse("only requests are taken here")
    async with office.registry.reading() as connection:
        there = (await connection.execute(select(relay).where(relay.c.request == received.digest))).first()
    if there is not None and there.delivery is not None and await _sent(office, bytes(there.delivery)):
        return
    reference = f"R-{secrets.token_hex(_REFERENCE_BYTES).upper()}" if there is None else str(there.reference)
    ground, delivery, own_case = await _delivery(office, received, message, reference)
    async with office.registry.writing() as connection:
        await connection.execute(delete(relay).where(relay.c.request == received.digest))  # of a run that was cut off
        values = {
            "request": received.digest,
            "reference": reference,
            "operation": received.operation,
            "asker": received.sender,
            "target": message.to,
            "named": message.named,
            "kind": message.enclosed.kind,
            "own_case": own_case,
            "handling": received.header.handling,
            "state": State.OPEN if ground is None else State.REFUSED,
            "ground": ground,
            "time": office.now(),
        }
        await connection.execute(insert(relay).values(**values))
        why = "" if ground is None else str(ground)
        act = "relays a question" if ground is None else "relays no question"
        await audit.note(connection, time=office.now(), who=audit.SERVICE, act=act, subject=reference, why=why)
    if ground is not None or delivery is None:
        await received.answer(RelayAnswer(ground=ground or RelayGround.CONTENT), code=Answer.REFUSED)
        return
    header = received.header
    try:
        sent = await office.bureau.ask(
            delivery,
            to=[str(message.to)],
            operation=received.operation,
            purpose=header.purpose,
            urgency=header.urgency,
            handling=header.handling,
            reply_by=header.reply_by,
        )
    except Forbidden:
        await _end(office, received.digest, State.REFUSED, RelayGround.UNREACHABLE)
        await received.answer(RelayAnswer(ground=RelayGround.UNREACHABLE), code=Answer.REFUSED)
        return
    async with office.registry.writing() as connection:
        marked = update(relay).where(relay.c.request == received.digest).values(delivery=sent.digest)
        await connection.execute(marked)


async def _delivery(
    office: Office, received: Received, message: RelayRequest, reference: str
) -> tuple[RelayGround | None, RelayDelivery | None, str | None]:
    """Why the question is not relayed, or what the target gets, and the asker's reference that it does not."""
    operation = office.bureau.trust.operation(received.operation)
    member = None if operation is None else operation.member(message.to, office.now())
    asked = received.sender
    if (
        member is None
        or not (member.sends and member.receives)
        or message.to.bureau in (asked.bureau, office.bureau.address)
    ):
        return RelayGround.SCOPE, None, None
    async with office.registry.reading() as connection:
        agreed = await consented(connection, message.to)
    if not agreed.covers(asked, named=message.named, now=office.now()):
        return RelayGround.NO_CONSENT, None, None
    try:
        inner, own_case = shown(open_enclosed(message.enclosed), reference, named=message.named)
        enclosed = enclose(inner)
    except (Malformed, Misuse, ValidationError):
        return RelayGround.CONTENT, None, None
    who = asked if message.named else None
    return None, RelayDelivery(reference=reference, asker=who, enclosed=enclosed), own_case


# ------------------------------------------------------------------------------------------ the answer


async def _answered(office: Office, received: Received) -> None:
    """Pass an answer on, once for each; an answer that belongs to no relay of its sender is noted and left."""
    message = received.message
    if not isinstance(message, RelayAnswer):
        raise Misuse("only answers are taken here")
    async with office.registry.reading() as connection:
        same = relay.c.reference == message.reference, relay.c.operation == received.operation
        row = (await connection.execute(select(relay).where(*same))).first()
    if row is None or not _belongs(row, received):
        async with office.registry.writing() as connection:
            who, subject = str(received.sender), received.digest.hex()[:16]
            act = "answered no open relay of its own"
            await audit.note(connection, time=office.now(), who=who, act=act, subject=subject)
        return
    passed, code = _passed(row, message, received.header.handling)
    ended = passed.ground is not None or code in (Answer.FINAL, Answer.REFUSED)
    question = await office.bureau.received(bytes(row.request))
    await question.answer(passed, code=code, handling=_stricter(received.header.handling, question.header.handling))
    if ended:
        state = State.ANSWERED if passed.ground is None else State.REFUSED
        await _end(office, bytes(row.request), state, passed.ground, received.digest)


def _belongs(row: Row[tuple[object, ...]], received: Received) -> bool:
    """Whether this is an answer of the target's to a relay that is open, or that this very answer ended."""
    target = Address(row.target).bureau == received.sender.bureau and received.header.re is not None
    return target and (row.state == State.OPEN or row.answer == received.digest)


def _passed(row: Row[tuple[object, ...]], message: RelayAnswer, handling: Handling) -> tuple[RelayAnswer, Answer]:
    """What the asker gets, and its code."""
    if message.enclosed is None:
        return RelayAnswer(ground=message.ground), Answer.REFUSED
    if handling is Handling.H2 and not row.named:
        return RelayAnswer(ground=RelayGround.HANDLING), Answer.REFUSED
    try:
        inner = open_enclosed(message.enclosed)
        if not answers(row.kind, message.enclosed.kind):
            return RelayAnswer(ground=RelayGround.CONTENT), Answer.REFUSED
        code, until = code_of(inner)
        back = inner if row.named else with_case(inner, row.own_case)
        return RelayAnswer(enclosed=enclose(back), until=until), code
    except (Malformed, Misuse, ValidationError):
        return RelayAnswer(ground=RelayGround.CONTENT), Answer.REFUSED


def _stricter(one: Handling, other: Handling) -> Handling:
    """The code that asks more of whoever gets it: an answer is never passed on under less than its sender said."""
    return max(one, other, key=tuple(Handling).index)


async def _end(
    office: Office, request: bytes, state: State, ground: RelayGround | None, answer: bytes | None = None
) -> None:
    async with office.registry.writing() as connection:
        values = {"state": state, "ground": ground, "answer": answer, "ended": office.now()}
        await connection.execute(update(relay).where(relay.c.request == request).values(**values))


async def look(office: Office) -> None:
    """Tell the asker of each open relay whose delivery the gateway refused for good; one that fails holds no other up.

    Raises:
        BureaunetError: at the end, the first that failed.
    """
    rows_of = select(relay).where(relay.c.state == State.OPEN).order_by(relay.c.time, relay.c.reference)
    async with office.registry.reading() as connection:
        rows = list(await connection.execute(rows_of))
    failure: BureaunetError | None = None
    for row in rows:
        try:
            await _look(office, row)
        except BureaunetError as error:
            failure = failure or error
    if failure is not None:
        raise failure


async def _look(office: Office, row: Row[tuple[object, ...]]) -> None:
    if row.delivery is None or not await _refused(office, bytes(row.delivery)):
        return
    question = await office.bureau.received(bytes(row.request))
    await question.answer(RelayAnswer(ground=RelayGround.UNREACHABLE), code=Answer.REFUSED)
    await _end(office, bytes(row.request), State.REFUSED, RelayGround.UNREACHABLE)


async def _sent(office: Office, delivery: bytes) -> bool:
    """Whether a delivery is on its way: one of a handler that was cut off is not."""
    try:
        await office.bureau.exchange(delivery)
    except Misuse:
        return False
    return True


async def _refused(office: Office, delivery: bytes) -> bool:
    try:
        sent = await office.bureau.exchange(delivery)
        await sent.accepted(_AT_ONCE)
    except Forbidden:
        return True
    except (Misuse, Unavailable):
        return False
    return False


_AT_ONCE: Final = 0.01
"""Seconds that a decision is waited for: it is there, or another look finds it."""
