"""The broker and the database, as they say of themselves; and how far the ledger's stages are behind each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.console.desk import Desk, Shelf
from gateway.console.guard import Visit
from gateway.console.listing import EXPORT, Asked, Listing, Part, instant
from gateway.console.views import Views
from gateway.ports_broker import Look, Queue
from gateway.ports_looks import Condition
from schemas.errors import BureaunetError, Unavailable
from schemas.notes import read_body

_SHOWN: Final = 100
"""Queues on the page; those with most in them come first."""
_PREFIX: Final = "inbox."


@dataclass(frozen=True, slots=True)
class Depth:
    """A queue, and since when its oldest message waits, where the database knows."""

    queue: Queue
    oldest: int | None


class Machinery:
    """The page."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk, self._views = desk, views

    async def page(self, visit: Visit) -> web.StreamResponse:
        """GET /broker."""
        desk = self._desk
        condition, failed = await _condition(desk)
        look, silent = await _look(desk)
        depths = [] if look is None else await _depths(desk, look)
        values: dict[str, object] = {"visit": visit, "here": "broker", "condition": condition, "failed": failed}
        values |= {"address": desk.broker_address, "asked": desk.broker is not None, "look": look, "silent": silent}
        values |= {"depths": depths[:_SHOWN], "hidden": max(0, len(depths) - _SHOWN), "stages": await _stages(desk)}
        return self._views.page("broker.html", {**values, "may_export": visit.role in EXPORT})


async def _condition(desk: Desk) -> tuple[Condition | None, str]:
    try:
        return await desk.looks.condition(), ""
    except Unavailable as error:
        return None, error.detail


async def _look(desk: Desk) -> tuple[Look | None, str]:
    if desk.broker is None:
        return None, ""
    try:
        return await desk.broker.look(), ""
    except BureaunetError as error:
        return None, error.detail


async def _depths(desk: Shelf, look: Look) -> list[Depth]:
    """Quorum queues do not say how old their messages are: of inboxes, the database does."""
    oldest = {str(one.inbox): one.oldest for one in await desk.sightings.backlogs()}
    return [Depth(one, oldest.get(_inbox(one.name)) if one.ready + one.unacknowledged else None) for one in look.queues]


def _inbox(queue: str) -> str:
    if not queue.startswith(_PREFIX):
        return ""
    name = queue.removeprefix(_PREFIX).removesuffix(".urgent").removesuffix(".routine")
    return name.replace(".", "/", 1)


async def _stages(desk: Desk) -> Mapping[str, int]:
    """Entries of the ledger by how far they came."""
    appended = await desk.store.size()
    integrated = (await desk.tree.head())[0]
    note = await desk.ledger.note()
    return {"appended": appended, "integrated": integrated, "signed": 0 if note is None else read_body(note)[0].size}


async def read_queues(desk: Shelf, _asked: Asked, after: str, limit: int) -> Part:
    """Rows of the queues; none where there is no broker or nobody may ask it."""
    if desk.broker is None:
        return Part([])
    found = sorted(await _depths(desk, await desk.broker.look()), key=lambda one: one.queue.name)
    left = [one for one in found if one.queue.name > after]
    return Part(
        [
            {
                "name": one.queue.name,
                "ready": one.queue.ready,
                "unacknowledged": one.queue.unacknowledged,
                "consumers": one.queue.consumers,
                "bytes": one.queue.bytes,
                "oldest": instant(one.oldest),
                "state": one.queue.state,
                "members": one.queue.members,
                "online": one.queue.online,
            }
            for one in left[:limit]
        ],
        left[limit - 1].queue.name if len(left) > limit else "",
    )


async def read_connections(desk: Shelf, _asked: Asked, after: str, limit: int) -> Part:
    """Rows of the connections; none where there is no broker or nobody may ask it."""
    if desk.broker is None:
        return Part([])
    found = sorted((await desk.broker.look()).connections, key=lambda one: one.peer)
    left = [one for one in found if one.peer > after]
    return Part(
        [
            {
                "user": one.user,
                "peer": one.peer,
                "node": one.node,
                "state": one.state,
                "channels": one.channels,
                "connected": instant(one.connected),
                "program": one.program,
            }
            for one in left[:limit]
        ],
        left[limit - 1].peer if len(left) > limit else "",
    )


QUEUES: Final = Listing(
    "queues",
    "the broker's queues: depth, consumers, age",
    ("name", "ready", "unacknowledged", "consumers", "bytes", "oldest", "state", "members", "online"),
    read_queues,
)
CONNECTIONS: Final = Listing(
    "connections",
    "the broker's connections",
    ("user", "peer", "node", "state", "channels", "connected", "program"),
    read_connections,
)
