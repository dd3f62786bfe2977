"""Bureaus: their state, their links, what waits for them, their keys and certificates, how fast they answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.clocks import OPEN, Clock
from gateway.console.awaited import LATE
from gateway.console.desk import Desk, Shelf
from gateway.console.guard import Visit
from gateway.console.listing import EXPORT, Asked, Listing, Part, Row, instant
from gateway.console.views import Views, span
from gateway.ports_broker import Connection
from gateway.ports_console import Backlog, Seen, Sought
from gateway.ports_looks import Awaited, Presence
from schemas.directory import Participant
from schemas.errors import BureaunetError, Forbidden, Reason
from schemas.identity import Address
from schemas.operation import Member, Operation

_DAY: Final = 86_400
_SILENT: Final = 10 * 60_000
"""Milliseconds: an HTTP bureau that asked for nothing so long has closed its program."""
_LAST: Final = 10


@dataclass(frozen=True, slots=True)
class Bureau:
    """A participant as a page shows it."""

    row: Participant
    days: int | None
    """Until its keys end; None where none is valid."""
    certificate: int | None
    """Days until the certificate that its connections last showed ends; None where this process saw none."""
    pending: int
    waiting: int
    oldest: int | None
    answer: str
    """Its median answer time in words; empty where it answered nothing lately."""
    answers: int
    answer_milliseconds: int | None
    seen: Presence | None
    version: str


class Bureaus:
    """The pages."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk, self._views = desk, views

    async def page(self, visit: Visit) -> web.StreamResponse:
        """GET /bureaus: every row of the directory."""
        found = await bureaus(self._desk)
        directory = self._desk.trust().directory
        values = {"visit": visit, "here": "bureaus", "bureaus": found, "version": directory.version}
        now = self._desk.clock.now()
        values |= {"now": now, "silent": _SILENT, "may_export": visit.role in EXPORT}
        return self._views.page("bureaus.html", values)

    async def one(self, visit: Visit) -> web.StreamResponse:
        """GET /bureaus/{address}: one, with its units, memberships, and what was last exchanged."""
        desk, address = self._desk, Address.parse(visit.request.match_info["address"])
        found = [one for one in await bureaus(desk) if one.row.address == address]
        if not found:
            raise Forbidden(Reason.NOT_FOUND, "there is no such bureau in the directory")
        name = str(address)
        sent: Sequence[Seen] = await desk.sightings.search(Sought(sender=name, limit=_LAST))
        received: Sequence[Seen] = await desk.sightings.search(Sought(recipient=name, limit=_LAST))
        awaited: Sequence[Clock] = await desk.looks.awaited(
            Awaited(OPEN | LATE, bureau=str(address.bureau), limit=_LAST + 1)
        )
        values = {"visit": visit, "here": "bureaus", "one": found[0], "sent": sent, "received": received}
        values |= {"awaited": awaited[:_LAST], "more": len(awaited) > _LAST, "memberships": self._memberships(address)}
        values |= {"now": desk.clock.now(), "late": LATE}
        return self._views.page("bureau.html", values)

    def _memberships(self, address: Address) -> list[tuple[Operation, Member]]:
        now, operations = self._desk.clock.now() // 1000, self._desk.trust().operations
        every = ((signed.operation, signed.operation.member(address, now)) for signed in operations.values())
        return sorted(((one, member) for one, member in every if member is not None), key=lambda pair: pair[0].id)


async def bureaus(desk: Shelf) -> list[Bureau]:
    """Every row of the directory.

    Raises:
        Unavailable: `store`.
    """
    directory, now = desk.trust().directory, desk.clock.now() // 1000
    waits = {one.inbox: one for one in await desk.sightings.backlogs()}
    heard, times = await desk.looks.presences(), await desk.answer_times.get(desk.looks)
    linked, shown = await _connections(desk), desk.certificates()
    return [
        _bureau(
            row,
            now,
            waits.get(row.address),
            heard.get(row.address),
            times.get(row.address),
            _link(str(row.address), linked, shown),
        )
        for row in directory.participants
    ]


def _link(address: str, linked: Mapping[str, Connection], shown: Mapping[str, float]) -> tuple[float | None, str]:
    """When its certificate ends, and what its program calls itself: over the broker first, where it is connected."""
    found = linked.get(address)
    if found is None:
        return shown.get(address), ""
    return found.certificate_until or shown.get(address), found.program


async def _connections(desk: Shelf) -> Mapping[str, Connection]:
    """By user; nothing where the broker is not asked or does not answer."""
    if desk.broker is None:
        return {}
    try:
        return {one.user: one for one in (await desk.broker.look()).connections}
    except BureaunetError as error:
        desk.watcher.saw("broker-look-failed", reason=error.reason)
        return {}


def _bureau(
    row: Participant,
    now: int,
    wait: Backlog | None,
    seen: Presence | None,
    took: tuple[int, int] | None,
    link: tuple[float | None, str],
) -> Bureau:
    until, agent = link
    certificate = None if until is None else max(0, int(until - now) // _DAY)
    days = None if row.lapses is None or row.lapses <= now else (row.lapses - now) // _DAY
    pending, waiting = (0, 0) if wait is None else (wait.pending, wait.waiting)
    oldest = None if wait is None else wait.oldest
    version = agent or ("" if seen is None else seen.agent)
    median, answers = took or (None, 0)
    answer = "" if median is None else span(median) if median >= 1000 else f"{median} ms"
    return Bureau(row, days, certificate, pending, waiting, oldest, answer, answers, median, seen, version)


def _row(one: Bureau) -> Row:
    return {
        "address": str(one.row.address),
        "name": one.row.name,
        "kind": str(one.row.kind),
        "state": str(one.row.state),
        "link": str(one.row.link),
        "last_seen": None if one.seen is None else instant(one.seen.time),
        "pending": one.pending,
        "waiting": one.waiting,
        "oldest": instant(one.oldest),
        "key_days": one.days,
        "certificate_days": one.certificate,
        "answer_milliseconds": one.answer_milliseconds,
        "answers": one.answers,
        "version": one.version,
    }


async def read(desk: Shelf, _asked: Asked, after: str, limit: int) -> Part:
    """Rows of the list."""
    found = [one for one in await bureaus(desk) if str(one.row.address) > after]
    more = str(found[limit - 1].row.address) if len(found) > limit else ""
    return Part([_row(one) for one in found[:limit]], more)


LISTING: Final = Listing(
    "bureaus",
    "participants of the directory: state, links, backlog, keys, certificates, answer times",
    (
        "address",
        "name",
        "kind",
        "state",
        "link",
        "last_seen",
        "pending",
        "waiting",
        "oldest",
        "key_days",
        "certificate_days",
        "answer_milliseconds",
        "answers",
        "version",
    ),
    read,
)
