"""What bureaus report of the cases of our operations: kept, corrected by who reported it, corroborated by others.

Order of a message: it is of an operation that we own, or it is noted and left; its row is added once, by its digest.
Rules: only the bureau that reported corrects, since a case is kept under who reported it; nobody corroborates its own;
exercises and real traffic are kept apart. What it all comes to is tally.py's.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias

from sqlalchemy import Table, delete, exists, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.exchange import Received
from bureaus.secretariat import tally
from bureaus.secretariat.office import Chore, Office
from bureaus.secretariat.registry import audit
from bureaus.secretariat.registry.results import case, corroboration, report
from bureaus.secretariat.tally import Listed, Reported, Said, Standing
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.messages import Message, Result
from schemas.messages.codes import CaseTag, Corroboration, ResultKind
from schemas.messages.result import Corrected, OperationCase, ResultCorrection, ResultCorroboration

NOT_OURS: Final = "of an operation that is not ours"
ITS_OWN: Final = "nobody corroborates its own result"
NOTHING: Final = "there is no such result"
_Values: TypeAlias = "dict[str, Any]"  # a row's values, as SQLAlchemy takes them
_Take: TypeAlias = "Callable[[AsyncConnection, Received, bool], Awaitable[str]]"
"""Keeps a message, an exercise or not: why it was left, or nothing."""


def register(office: Office) -> None:
    """Take results, corrections, corroborations and cases."""
    takers: dict[type[Message], _Take] = {
        Result: _take_result,
        ResultCorrection: _take_correction,
        ResultCorroboration: _take_corroboration,
        OperationCase: _take_case,
    }
    for model, take in takers.items():
        office.bureau.on(model)(_handler(office, take))


def chores(office: Office) -> Sequence[Chore]:  # noqa: ARG001  # every room has both
    """None: what follows from results is published by statements.py."""
    return ()


def _handler(office: Office, take: _Take) -> Callable[[Received], Awaitable[None]]:
    async def handle(received: Received) -> None:
        trust = office.bureau.trust
        operation = trust.operation(received.operation)
        exercise = received.header.exercise != trust.network.genesis.exercise
        async with office.registry.writing() as connection:
            if operation is None or operation.owner != office.bureau.address:
                why = NOT_OURS
            else:
                why = await take(connection, received, exercise)
            act = f"left {received.kind}" if why else f"took {received.kind}"
            subject = f"{received.operation} {received.digest.hex()[:16]}"
            who = str(received.sender)
            await audit.note(connection, time=office.now(), who=who, act=act, subject=subject, why=why)

    return handle


def _common(received: Received, exercise: bool) -> _Values:  # noqa: FBT001  # a value of the row
    return {
        "digest": received.digest,
        "operation": received.operation,
        "exercise": exercise,
        "place": received.receipt.index or 0,
        "time": received.receipt.time // 1000,
    }


async def _add(connection: AsyncConnection, table: Table, values: _Values) -> None:
    """Add a row, unless the handler's first run did."""
    known = await connection.execute(select(exists().where(table.c.digest == values["digest"])))
    if not known.scalar_one():
        await connection.execute(insert(table).values(**values))


def _what(result: Result | Corrected) -> _Values:
    return {
        "result": result.result,
        "country": result.place.country,
        "date": result.date,
        "people": result.rescued or 1,
        "contributors": json.dumps([str(one) for one in result.contributors]),
    }


async def _take_result(connection: AsyncConnection, received: Received, exercise: bool) -> str:  # noqa: FBT001
    message = received.message
    if not isinstance(message, Result):
        raise Misuse("only results are taken here")
    whose = {"bureau": received.sender.bureau, "reference": message.case, "corrects": False}
    await _add(connection, report, {**_common(received, exercise), **whose, **_what(message)})
    return ""


async def _take_correction(connection: AsyncConnection, received: Received, exercise: bool) -> str:  # noqa: FBT001
    message = received.message
    if not isinstance(message, ResultCorrection):
        raise Misuse("only corrections are taken here")
    bureau = received.sender.bureau
    if not await _reported(connection, received.operation, bureau, message.case):
        return NOTHING
    whose = {"bureau": bureau, "reference": message.case, "corrects": True}
    nothing: _Values = {"result": None, "people": 1, "contributors": "[]"}
    what = nothing if message.corrected is None else _what(message.corrected)
    await _add(connection, report, {**_common(received, exercise), **whose, **what})
    return ""


async def _reported(connection: AsyncConnection, operation: str, bureau: str, reference: str) -> bool:
    same = report.c.operation == operation, report.c.bureau == bureau, report.c.reference == reference
    return bool((await connection.execute(select(exists().where(*same)))).scalar_one())


async def _take_corroboration(connection: AsyncConnection, received: Received, exercise: bool) -> str:  # noqa: FBT001
    message = received.message
    if not isinstance(message, ResultCorroboration):
        raise Misuse("only corroborations are taken here")
    bureau = received.sender.bureau
    if message.reporter.bureau == bureau:
        return ITS_OWN
    values: _Values = {
        "reporter": message.reporter.bureau,
        "reference": message.case,
        "bureau": bureau,
        "result": message.result,
        "says": message.says,
    }
    await _add(connection, corroboration, {**_common(received, exercise), **values})
    return ""


async def _take_case(connection: AsyncConnection, received: Received, exercise: bool) -> str:  # noqa: FBT001, ARG001
    """The newest word of a bureau about a case replaces the one before."""
    message = received.message
    if not isinstance(message, OperationCase):
        raise Misuse("only cases are taken here")
    place, bureau = received.receipt.index or 0, received.sender.bureau
    same = case.c.operation == received.operation, case.c.bureau == bureau, case.c.reference == message.case
    newer = await connection.execute(select(exists().where(*same, case.c.place >= place)))
    if newer.scalar_one():
        return ""
    await connection.execute(delete(case).where(*same))
    values: _Values = {
        "operation": received.operation,
        "bureau": bureau,
        "reference": message.case,
        "tags": json.dumps([str(tag) for tag in message.tags]),
        "offence": message.offence,
        "notice": message.notice,
        "colour": message.colour,
        "place": place,
        "time": received.receipt.time // 1000,
    }
    await connection.execute(insert(case).values(**values))
    return ""


# ------------------------------------------------------------------------------------------ reading


async def cases(connection: AsyncConnection, operation: str) -> list[Listed]:
    """The cases that bureaus brought into an operation."""
    rows = await connection.execute(select(case).where(case.c.operation == operation))
    return [
        Listed(Address(row.bureau), row.reference, tuple(map(CaseTag, json.loads(row.tags))), row.offence, row.notice)
        for row in rows
    ]


async def standing(connection: AsyncConnection, operation: str, *, exercise: bool = False) -> list[Standing]:
    """What each case of an operation stands at that has a result."""
    here = report.c.operation == operation, report.c.exercise == exercise
    words = [
        Reported(
            Address(row.bureau),
            row.reference,
            None if row.result is None else ResultKind(row.result),
            row.place,
            row.country,
            row.date,
            row.people,
            tuple(map(Address, json.loads(row.contributors))),
            row.corrects,
        )
        for row in await connection.execute(select(report).where(*here))
    ]
    there = corroboration.c.operation == operation, corroboration.c.exercise == exercise
    said = [
        Said(
            Address(row.reporter),
            row.reference,
            Address(row.bureau),
            ResultKind(row.result),
            Corroboration(row.says),
            row.place,
        )
        for row in await connection.execute(select(corroboration).where(*there))
    ]
    return tally.standing(words, said, await cases(connection, operation))
