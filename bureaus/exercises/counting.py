"""What an exercise's secretariat did, counted from its registry: for the report, and for who waits until it is done."""

from __future__ import annotations

import json
from typing import Final

from sqlalchemy import ColumnElement, Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.secretariat.notices.states import OPEN as UNDECIDED
from bureaus.secretariat.notices.values import RequestState
from bureaus.secretariat.registry import databases as d
from bureaus.secretariat.registry import notices, tips
from bureaus.secretariat.registry.outgoing import State, outgoing
from schemas.messages.search_codes import Search, Validity

OPEN: Final = "open"
"""Of what is counted: what somebody has still to decide, to answer or to send."""


async def counts(connection: AsyncConnection) -> dict[str, int]:
    """Everything that is counted, by name, in the order in which the report shows it."""
    shown = (await connection.execute(select(notices.notice.c.shown))).scalars()
    published, diffused = notices.notice.c.diffusion.is_(False), notices.notice.c.diffusion.is_(True)
    state, confirmed = notices.request.c.state, d.hit.c.state == Validity.CONFIRMED
    return {
        "requests": await _count(connection, notices.request),
        "asked_for_more": await _count(connection, notices.information),
        "published": await _count(connection, notices.notice, published),
        "refused": await _count(connection, notices.request, state == RequestState.REFUSED),
        "diffusions": await _count(connection, notices.notice, diffused),
        "circulated": sum(len(json.loads(addresses)) for addresses in shown),
        "questions": await _count(connection, d.log),
        "by_units": await _count(connection, d.log, d.log.c.asker != d.log.c.bureau),
        "found": await _count(connection, d.log, d.log.c.result != Search.NO_HIT),
        "hits": await _count(connection, d.hit),
        "confirmed": await _count(connection, d.hit, confirmed),
        "tips": await _count(connection, tips.tip),
        "forwarded": await _count(connection, tips.forward),
        "dispositions": await _count(connection, tips.forward, tips.forward.c.finding != ""),
        OPEN: await _open(connection),
    }


async def _open(connection: AsyncConnection) -> int:
    from bureaus.secretariat.databases.hits import HitState  # noqa: PLC0415  # loads what an office has loaded by now

    parts = (
        (notices.request, notices.request.c.state.in_([*UNDECIDED, RequestState.APPROVED])),
        (notices.decision, notices.decision.c.sent.is_(None)),
        (d.question, None),
        (d.hit, d.hit.c.state.in_([HitState.ASKED, Validity.IN_PROCESS])),
        (tips.tip, tips.tip.c.finding == ""),
        (outgoing, outgoing.c.state.in_([State.WAITING, State.SENT])),
    )
    return sum([await _count(connection, table, where) for table, where in parts])


async def _count(connection: AsyncConnection, table: Table, where: ColumnElement[bool] | None = None) -> int:
    query = select(func.count()).select_from(table)
    return int((await connection.execute(query if where is None else query.where(where))).scalar_one())
