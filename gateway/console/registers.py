"""Three lists: bureaus, the ledger's heads, and the audit of what operators did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.console.desk import Desk
from gateway.console.guard import Visit
from gateway.console.views import Views
from schemas.directory import Participant
from schemas.errors import BureaunetError, Malformed, Reason
from schemas.merkle import verify_consistency
from schemas.notes import read_body

_PAGE: Final = 50
_HEADS: Final = 10
_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Bureau:
    """A participant, and what waits for it."""

    row: Participant
    days: int | None
    """Until its keys end; None where none is valid."""
    pending: int
    waiting: int
    oldest: int | None


@dataclass(frozen=True, slots=True)
class Consistency:
    """Whether the newest checkpoint contains an older one."""

    old: int
    new: int
    good: bool
    said: str


class Registers:
    """The pages."""

    def __init__(self, desk: Desk, views: Views) -> None:
        self._desk, self._views = desk, views

    async def bureaus(self, visit: Visit) -> web.StreamResponse:
        """GET /bureaus: every row of the directory with its keys' days left and its backlog."""
        directory, now = self._desk.trust().directory, self._desk.clock.now() // 1000
        waits = {one.inbox: one for one in await self._desk.sightings.backlogs()}
        found: list[Bureau] = []
        for row in directory.participants:
            wait, lapses = waits.get(row.address), row.lapses
            days = None if lapses is None else max(0, (lapses - now) // _DAY)
            counts = (0, 0, None) if wait is None else (wait.pending, wait.waiting, wait.oldest)
            found.append(Bureau(row, days, *counts))
        values = {"visit": visit, "here": "bureaus", "bureaus": found, "version": directory.version}
        return self._views.page("bureaus.html", values)

    async def ledger(self, visit: Visit) -> web.StreamResponse:
        """GET /ledger: heads, witnesses, and whether the newest checkpoint contains the one of before."""
        size, note = await self._desk.store.size(), await self._desk.ledger.note()
        signed = None if note is None else read_body(note)[0]
        policy = await self._desk.policies.at(0 if signed is None else signed.size)
        offered = list(await self._desk.cosignatures.offered(_HEADS))
        checks = [] if signed is None else [await self._consistent(one.size, signed.size) for one in offered]
        values = {
            "visit": visit,
            "here": "ledger",
            "size": size,
            "signed": signed,
            "origin": policy.origin,
            "quorum": policy.quorum,
            "witnesses": sorted(policy.witnesses),
            "offered": offered,
            "checks": checks,
        }
        return self._views.page("ledger.html", values)

    async def _consistent(self, old: int, new: int) -> Consistency:
        """Verify as witnesses do that the tree of `new` begins with the published one of `old`."""
        try:
            before, after = await self._root(old), await self._root(new)
            verify_consistency(old, before, new, after, await self._desk.ledger.consistency(old, new))
        except BureaunetError as error:
            return Consistency(old, new, good=False, said=error.detail or str(error.reason))
        return Consistency(old, new, good=True, said="the newer tree begins with the older")

    async def _root(self, size: int) -> bytes:
        note = await self._desk.cosignatures.published(size)
        if note is None:
            raise Malformed(Reason.CHECKPOINT, f"no checkpoint of {size} was published")
        return read_body(note)[0].root

    async def audit(self, visit: Visit) -> web.StreamResponse:
        """GET /audit: what operators did, newest first."""
        text = visit.request.query.get("before", "")
        if text and not (text.isascii() and text.isdigit() and len(text) <= 18):
            raise Malformed(Reason.STRUCTURE, "not a place in the list")
        rows = list(await self._desk.accounts.audit_rows(int(text) if text else None, _PAGE + 1))
        more = rows[_PAGE - 1].id if len(rows) > _PAGE else None
        return self._views.page("audit.html", {"visit": visit, "here": "audit", "rows": rows[:_PAGE], "more": more})
