"""The console: its table of routes, and how it is put on the operators' listener.

A page is served because it stands here, with who may open it; there is no other way in.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from gateway.console.approvals import ApprovalPages
from gateway.console.aside import Aside
from gateway.console.awaited import Overdue
from gateway.console.bureaus import Bureaus
from gateway.console.desk import Desk
from gateway.console.entrance import Entrance
from gateway.console.exchanges import Exchanges
from gateway.console.guard import Guard, Page, dress
from gateway.console.issuing import Issuing
from gateway.console.listing import ACT, ALL, DECIDE, EXPORT, SEE_DEEDS
from gateway.console.lists import LISTINGS
from gateway.console.machinery import Machinery
from gateway.console.operations import Operations
from gateway.console.overview import Overview
from gateway.console.registers import Registers
from gateway.console.sessions import Sessions
from gateway.console.takeaway import Takeaway, session
from gateway.console.views import PREFIX, Item, Views

MENU: Final[tuple[Item, ...]] = (
    ("", "Overview", ALL),
    ("operations", "Operations", ALL),
    ("exchanges", "Exchanges", ALL),
    ("overdue", "Overdue", ALL),
    ("bureaus", "Bureaus", ALL),
    ("quarantine", "Quarantine", EXPORT),
    ("approvals", "Approvals", ALL),
    ("ledger", "Ledger", ALL),
    ("broker", "Broker and database", ALL),
    ("audit", "Audit", SEE_DEEDS),
)


class Console:
    """The console of one gateway process."""

    def __init__(self, desk: Desk) -> None:
        views = Views(desk.network.genesis.name, MENU)
        sessions = Sessions(desk)
        guard = Guard(sessions, views, desk)
        issuing = Issuing(desk, sessions, views, guard)
        entrance = Entrance(sessions, views, guard, issuing)
        self._overview = Overview(desk, views, sessions)
        exchanges = Exchanges(desk, views)
        registers, operations = Registers(desk, views), Operations(desk, views)
        aside, approvals = Aside(desk, views), ApprovalPages(desk, views)
        bureaus, takeaway = Bureaus(desk, views), Takeaway(desk)
        self.guard, self.desk = guard, desk
        self.pages: tuple[Page, ...] = (
            Page("GET", "/sign-in", entrance.form, None),
            Page("POST", "/sign-in", entrance.sign_in, None),
            *issuing.pages(),
            Page("GET", "/api/session", session, None),
            Page("GET", "/static/{name}", entrance.static, None),
            Page("POST", "/sign-out", entrance.sign_out, ALL),
            Page("GET", "/", self._overview.page, ALL),
            Page("GET", "/live", self._overview.events, ALL),
            Page("GET", "/exchanges", exchanges.page, ALL),
            Page("GET", "/exchanges/{digest}", exchanges.one, ALL),
            Page("GET", "/api/exchanges/{digest}", exchanges.told, ALL),
            Page("GET", "/operations", operations.page, ALL),
            Page("GET", "/operations/{id}", operations.one, ALL),
            Page("POST", "/operations/{id}/record", operations.record, EXPORT),
            Page("GET", "/overdue", Overdue(desk, views).page, ALL),
            Page("GET", "/bureaus", bureaus.page, ALL),
            Page("GET", "/bureaus/{address}", bureaus.one, ALL),
            Page("GET", "/quarantine", aside.page, EXPORT),
            Page("GET", "/quarantine/{number}", aside.one, EXPORT),
            Page("POST", "/quarantine/{number}/release", aside.release, ACT),
            Page("POST", "/quarantine/{number}/discard", aside.discard, DECIDE),
            Page("GET", "/approvals", approvals.page, ALL),
            Page("POST", "/approvals", approvals.bring, ACT),
            Page("GET", "/approvals/{id}", approvals.file, ACT),
            Page("GET", "/broker", Machinery(desk, views).page, ALL),
            Page("GET", "/ledger", registers.ledger, ALL),
            Page("GET", "/audit", registers.audit, SEE_DEEDS),
            *(
                page
                for name, listing in LISTINGS.items()
                for page in (
                    Page("POST", f"/{name}/export", takeaway.export(listing), listing.roles & EXPORT),
                    Page("GET", f"/api/{name}", takeaway.api(listing), listing.roles),
                )
            ),
        )

    def mount(self, application: web.Application) -> None:
        """Put the console on an application."""
        application.add_routes([web.route(p.method, PREFIX + p.path, self.guard.behind(p)) for p in self.pages])
        application.router.add_get(PREFIX, _home)
        application.on_response_prepare.append(dress)

    async def sample(self) -> None:
        """Remember what waits now, for the plots; a chore does it, so that they show what nobody looked at.

        Raises:
            Unavailable: `store`.
        """
        await self._overview.sample()

    def stop(self) -> None:
        """Let those go whose pages are kept live."""
        self._overview.stop()


async def _home(_request: web.Request) -> web.StreamResponse:
    """GET /console."""
    raise web.HTTPSeeOther(f"{PREFIX}/")
