"""Operations, and one of them: who takes part, where it stands, what may be exchanged in it; its record, to take away.

A record is written to a file without a name first, so that one that cannot be made is an answer and not half a file.
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict, fields
from typing import Final

from aiohttp import web

from gateway.console.desk import Desk, Shelf
from gateway.console.guard import Visit
from gateway.console.listing import EXPORT, Asked, Listing, Part, Row, instant
from gateway.console.takeaway import form, reason
from gateway.console.views import Views
from gateway.export import export_operation
from gateway.operators import Action
from gateway.ports_console import Sought
from gateway.witnesses import best_note
from schemas.errors import Forbidden, Reason
from schemas.operation import Operation, Phase, SignedOperation
from schemas.progress import Objectives, Results

_MEMORY: Final = 4 * 1024 * 1024
"""Bytes of a record that stay in memory."""
_CHUNK: Final = 256 * 1024
_LAST: Final = 10
"""Messages on an operation's page."""


class Operations:
    """The pages."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk, self._views = desk, views

    async def page(self, visit: Visit) -> web.StreamResponse:
        """GET /operations: the newest version of each, by id."""
        found = [signed.operation for _, signed in sorted(self._desk.trust().operations.items())]
        values = {"visit": visit, "here": "operations", "found": found, "may_export": visit.role in EXPORT}
        return self._views.page("operations.html", values)

    async def one(self, visit: Visit) -> web.StreamResponse:
        """GET /operations/{id}."""
        signed = self._found(visit)
        now = self._desk.clock.now() // 1000
        members = [(member, member.covers(now)) for member in signed.operation.members]
        values = {"visit": visit, "here": "operations", "one": signed.operation, "members": members}
        values["may_export"] = visit.role in EXPORT
        values["phases"] = list(Phase)
        values["last"] = await self._desk.sightings.search(Sought(operation=signed.operation.id, limit=_LAST))
        return self._views.page("operation.html", {**values, "hash": signed.hash, "key_id": signed.key_id})

    async def record(self, visit: Visit) -> web.StreamResponse:
        """POST /operations/{id}/record: the record, as `operation export` writes it; who and why is recorded first."""
        desk, name = self._desk, self._found(visit).operation.id
        await desk.deeds.did(visit.account, Action.EXPORT_RECORD, name, reason(await form(visit)))
        note = await best_note(desk.cosignatures, desk.policies, 0)
        with tempfile.SpooledTemporaryFile(_MEMORY) as file:
            await export_operation(desk.store, desk.tree, desk.network.raw, name, file.write, witnessed=note)
            headers = {
                "Content-Type": "application/octet-stream",
                "Content-Disposition": f'attachment; filename="{name}.record"',
                "Content-Length": str(file.tell()),
            }
            file.seek(0)
            response = web.StreamResponse(headers=headers)
            await response.prepare(visit.request)
            while chunk := file.read(_CHUNK):
                await response.write(chunk)
        await response.write_eof()
        return response

    def _found(self, visit: Visit) -> SignedOperation:
        signed = self._desk.trust().operations.get(visit.request.match_info["id"])
        if signed is None:
            raise Forbidden(Reason.NOT_FOUND, "there is no such operation here")
        return signed


async def read(desk: Shelf, _asked: Asked, after: str, limit: int) -> Part:
    """Rows of the list."""
    left = [signed for name, signed in sorted(desk.trust().operations.items()) if name > after]
    found = [_row(signed.operation) for signed in left[:limit]]
    return Part(found, left[limit - 1].operation.id if len(left) > limit else "")


def _row(one: Operation) -> Row:
    came = {} if one.progress is None else {**asdict(one.progress.objectives), **asdict(one.progress.results)}
    return {
        "id": one.id,
        "name": one.name,
        "owner": str(one.owner),
        "phase": str(one.phase),
        "version": one.version,
        "since": instant(one.time * 1000),
        "members": len(one.members),
        "retention_days": one.retention,
        "progress_as_of": None if one.progress is None else instant(one.progress.time * 1000),
        **{name: came.get(name) for name in COUNTS},
    }


COUNTS: Final = (*(one.name for one in fields(Objectives)), *(one.name for one in fields(Results)))
LISTING: Final = Listing(
    "operations",
    "operations, the newest version of each, with what its owner says that it came to",
    (
        *("id", "name", "owner", "phase", "version", "since", "members", "retention_days", "progress_as_of"),
        *COUNTS,
    ),
    read,
)
