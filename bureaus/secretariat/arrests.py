"""What the secretariat is told of arrests on notices and records: taken down, so that what is done with is found.

The bureau that holds a person asks the owner (`arrest.provisional/1`) and may send that to the secretariat too, which
answers NOTED; a copy of `extradition.answer/1` tells the end. Rules: a bureau speaks of its own arrests alone, one row
for each of its cases, by its first word; an end that was told stays. Nothing here decides anything: an owner withdraws
its notice, and quality reminds it of one whose person was arrested.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, and_, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.exchange import Received
from bureaus.secretariat.office import Chore, Office
from bureaus.secretariat.registry import audit
from bureaus.secretariat.registry.arrests import arrest
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.messages.arrest_codes import Extradition, Sought
from schemas.messages.arrests import ArrestAnswer, ArrestProvisional, ExtraditionAnswer

HELD: Final = "held"


def register(office: Office) -> None:
    """Take what bureaus tell of arrests and of their ends."""

    async def held(received: Received) -> None:
        message = received.message
        if not isinstance(message, ArrestProvisional):
            raise Misuse("only provisional arrests are taken here")
        async with office.registry.writing() as connection:
            await _take(connection, received.sender.bureau, received.digest, message, office.now())
        await received.answer(ArrestAnswer(word=Sought.NOTED, case=message.case))

    async def ended(received: Received) -> None:
        message = received.message
        if not isinstance(message, ExtraditionAnswer):
            raise Misuse("only outcomes of extradition are taken here")
        async with office.registry.writing() as connection:
            await _end(connection, received.sender.bureau, message, office.now())

    office.bureau.on(ArrestProvisional)(held)
    office.bureau.on(ExtraditionAnswer)(ended)


def chores(_office: Office) -> Sequence[Chore]:
    """Nothing is done by itself."""
    return ()


async def state(connection: AsyncConnection, number: str) -> list[tuple[Address, str, int]]:
    """Arrests on a notice or record, oldest first: whose, `held` or how it ended, and since when, in seconds."""
    query = select(arrest.c.bureau, arrest.c.state, arrest.c.changed).where(arrest.c.number == number)
    rows = await connection.execute(query.order_by(arrest.c.arrested))
    return [(Address(bureau), str(how), int(changed)) for bureau, how, changed in rows]


async def _take(
    connection: AsyncConnection, bureau: Address, digest: bytes, message: ArrestProvisional, now: int
) -> None:
    known = select(arrest.c.digest).where(_of(bureau, message.case))
    if (await connection.execute(known)).first() is not None:
        return
    number = message.record or "" if message.notice is None else message.notice.number
    values = {
        "digest": digest,
        "bureau": bureau,
        "case": message.case,
        "number": number,
        "arrested": message.arrested,
        "state": HELD,
        "changed": now,
    }
    await connection.execute(insert(arrest).values(values))
    await audit.note(connection, time=now, who=bureau, act="told of an arrest", subject=number)


async def _end(connection: AsyncConnection, bureau: Address, message: ExtraditionAnswer, now: int) -> None:
    if message.case is None or message.word is Extradition.IN_PROCESS:
        return
    open_ = and_(_of(bureau, message.case), arrest.c.state == HELD)
    changed = update(arrest).where(open_).values(state=message.word.value.lower(), changed=now)
    number = (await connection.execute(changed.returning(arrest.c.number))).scalar_one_or_none()
    if number is not None:
        await audit.note(connection, time=now, who=bureau, act="told of an arrest's end", subject=number)


def _of(bureau: Address, case: str) -> ColumnElement[bool]:
    return and_(arrest.c.bureau == bureau, arrest.c.case == case)
