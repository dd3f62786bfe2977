"""What asks for an answer and is for no room here: answered at once by a refusal, so that nobody waits for a silence.

A bureau may send any kind to the secretariat. Rules: who asks here where somebody is learns that the secretariat seeks
nobody (its databases and its relays are asked otherwise); a call of the duty desk, which is ours to make, finds no
query of the caller's. Each refusal is a row of the audit. Nothing is read into a question but that it came.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bureaus.exchange import Received
from bureaus.secretariat.office import Chore, Office
from bureaus.secretariat.registry import audit
from schemas.errors import Misuse
from schemas.messages import WhereaboutsQuery, WhereaboutsResponse
from schemas.messages.codes import DutyFinding, Finding, RefusalGround
from schemas.messages.duty import DutyAnswer, DutyCall

WHERE_TO_ASK: Final = (
    "The General Secretariat seeks nobody itself: ask its databases, or a bureau, directly or by relay."
)


def register(office: Office) -> None:
    """Decline what no other room takes."""

    async def declined(received: Received) -> None:
        answer = refusal(received)
        async with office.registry.writing() as connection:
            who, subject = str(received.sender), received.digest.hex()[:16]
            act = f"declined {received.message.KIND}"
            await audit.note(connection, time=office.now(), who=who, act=act, subject=subject)
        await received.answer(answer)

    office.bureau.on(WhereaboutsQuery)(declined)
    office.bureau.on(DutyCall)(declined)


def chores(_office: Office) -> Sequence[Chore]:
    """Nothing is done by itself."""
    return ()


def refusal(received: Received) -> WhereaboutsResponse | DutyAnswer:
    """What is said instead of an answer.

    Raises:
        Misuse: it is of a kind that is not declined.
    """
    message = received.message
    if isinstance(message, WhereaboutsQuery):
        ground = RefusalGround.NOT_AVAILABLE
        return WhereaboutsResponse(finding=Finding.REFUSED, case=message.case, ground=ground, remarks=WHERE_TO_ASK)
    if isinstance(message, DutyCall):
        return DutyAnswer(query=message.query, finding=DutyFinding.NOT_HERE)
    raise Misuse("only what no room takes is declined here")
