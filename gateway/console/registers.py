"""Two lists: the ledger's heads, and the audit of what operators did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.console.desk import Desk, Shelf
from gateway.console.guard import Visit
from gateway.console.listing import EXPORT, SEE_DEEDS, Asked, Listing, Part, instant, number
from gateway.console.views import Views
from schemas.errors import BureaunetError, Malformed, Reason
from schemas.merkle import verify_consistency
from schemas.notes import read_body

_PAGE: Final = 50
_HEADS: Final = 10
_MOST: Final = 500
"""Checkpoints of an export."""


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
            "may_export": visit.role in EXPORT,
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
        rows = list(await self._desk.accounts.audit_rows(number(text) if text else None, _PAGE + 1))
        more = rows[_PAGE - 1].id if len(rows) > _PAGE else None
        values = {
            "visit": visit,
            "here": "audit",
            "rows": rows[:_PAGE],
            "more": more,
            "may_export": visit.role in EXPORT,
        }
        return self._views.page("audit.html", values)


async def read_audit(desk: Shelf, _asked: Asked, after: str, limit: int) -> Part:
    """Rows of what operators did."""
    rows = list(await desk.accounts.audit_rows(number(after) if after else None, limit + 1))
    return Part(
        [
            {
                "id": one.id,
                "time": instant(one.time),
                "who": one.actor,
                "what": one.action,
                "subject": one.subject,
                "why": one.why,
                "entry": one.entry,
            }
            for one in rows[:limit]
        ],
        str(rows[limit - 1].id) if len(rows) > limit else "",
    )


async def read_heads(desk: Shelf, _asked: Asked, after: str, limit: int) -> Part:
    """Rows of the checkpoints that witnesses were asked to sign."""
    if after:
        return Part([])
    offered = await desk.cosignatures.offered(min(limit, _MOST))
    rows = [
        {"entries": one.size, "offered": instant(one.time), "signed_by": " ".join(name for name, _ in one.lines)}
        for one in offered
    ]
    return Part(rows)


AUDIT: Final = Listing(
    "audit",
    "what operators did, newest first",
    ("id", "time", "who", "what", "subject", "why", "entry"),
    read_audit,
    roles=SEE_DEEDS,
)
HEADS: Final = Listing(
    "ledger",
    "checkpoints that witnesses were asked to sign, newest first",
    ("entries", "offered", "signed_by"),
    read_heads,
)
