"""Reaching a bureau through the secretariat, and being reached: the bureaus' side of relays (docs/secretariat.md).

    exchange = await relaying.ask(fr, WhereaboutsQuery(...), to="KE", purpose=Purpose.LOCATION)
    async for received in exchange.responses():
        answer = relaying.opened(received)          # the answer, or a RelayGround

    @ke.on(RelayDelivery)
    async def handle(received: Received) -> None:
        question = relaying.opened(received)
        await relaying.answer(received, WhereaboutsResponse(...))

Rule: a delivery that no secretariat sent never comes this far: gateway and recipient refuse it (schemas/rights.py).
"""

from __future__ import annotations

from typing import Final

from bureaus.client import Bureau
from bureaus.exchange import Exchange, Received, Sent
from schemas.codes import Handling, Purpose, Urgency
from schemas.directory import ParticipantKind
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.messages import Message
from schemas.messages.codes import RelayGround
from schemas.messages.relay import RelayAnswer, RelayConsent, RelayDelivery, RelayRequest
from schemas.messages.relayed import answer_to, enclose, open_enclosed

SERVICES: Final = "ipsg-services"
"""The operation that the secretariat's services are exchanged in."""


def secretariat(bureau: Bureau) -> str:
    """The secretariat's address, by the directory. Raises Misuse where it lists none, or several."""
    rows = [row for row in bureau.trust.directory.participants if row.kind is ParticipantKind.SECRETARIAT]
    if len(rows) != 1:
        raise Misuse("the directory lists no secretariat" if not rows else "the directory lists several secretariats")
    return str(rows[0].address)


async def consent(bureau: Bureau, said: RelayConsent, *, operation: str = SERVICES) -> Sent:
    """Say whether the secretariat may relay questions to us: our newest word counts.

    Raises:
        Misuse: there is no secretariat. Otherwise as `Bureau.tell`.
    """
    return await bureau.tell(said, to=[secretariat(bureau)], operation=operation, purpose=Purpose.ADMINISTRATION)


async def ask(  # noqa: PLR0913  # what `Bureau.ask` takes, and whether the asker is named
    bureau: Bureau,
    message: Message,
    *,
    to: str,
    purpose: Purpose,
    operation: str = SERVICES,
    named: bool = False,
    urgency: Urgency = Urgency.ROUTINE,
    handling: Handling = Handling.H0,
    reply_by: int | None = None,
) -> Exchange:
    """Ask a bureau through the secretariat, `named` or not; the secretariat reads the question and the answer.

    Raises:
        Misuse: such a message is not relayed, or there is no secretariat. Otherwise as `Bureau.ask`.
    """
    request = RelayRequest(to=Address.parse(to), named=named, enclosed=enclose(message))
    return await bureau.ask(
        request,
        to=[secretariat(bureau)],
        operation=operation,
        purpose=purpose,
        urgency=urgency,
        handling=handling,
        reply_by=reply_by,
    )


async def answer(received: Received, message: Message, *, handling: Handling | None = None) -> Sent:
    """Answer a question that came through the secretariat.

    Raises:
        Misuse: it is no delivery, or the message answers no such question. Otherwise as `Received.answer`.
    """
    if not isinstance(received.message, RelayDelivery):
        raise Misuse(f"{received.kind} did not come through a relay")
    made, code = answer_to(received.message, message)
    return await received.answer(made, code=code, handling=handling)


def opened(received: Received) -> Message | RelayGround:
    """What a delivery or an answer encloses; of an answer without one, why.

    Raises:
        Misuse: it is neither. Malformed: it encloses no message of the kind that it says.
    """
    message = received.message
    if isinstance(message, RelayAnswer) and message.ground is not None:
        return message.ground
    if isinstance(message, RelayAnswer | RelayDelivery) and message.enclosed is not None:
        return open_enclosed(message.enclosed)
    raise Misuse(f"{received.kind} did not come through a relay")
