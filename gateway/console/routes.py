"""The console: its table of routes, and how it is put on the operators' listener.

A page is served because it stands here, with who may open it; there is no other way in.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from gateway.console.aside import Aside
from gateway.console.desk import Desk
from gateway.console.entrance import Entrance
from gateway.console.exchanges import Exchanges
from gateway.console.guard import Guard, Page, dress
from gateway.console.operations import Operations
from gateway.console.overview import Overview
from gateway.console.registers import Registers
from gateway.console.sessions import Sessions
from gateway.console.views import PREFIX, Item, Views
from gateway.ports_console import AccountRole

ALL: Final = frozenset(AccountRole)
SEE_DEEDS: Final = frozenset({AccountRole.SECURITY_OFFICER, AccountRole.AUDITOR})
"""What operators did."""
EXPORT: Final = frozenset({AccountRole.OPERATOR, AccountRole.SECURITY_OFFICER, AccountRole.AUDITOR})
"""Take lists away, and look into the quarantine."""

MENU: Final[tuple[Item, ...]] = (
    ("", "Overview", ALL),
    ("exchanges", "Exchanges", ALL),
    ("operations", "Operations", ALL),
    ("bureaus", "Bureaus", ALL),
    ("quarantine", "Quarantine", EXPORT),
    ("ledger", "Ledger", ALL),
    ("audit", "Audit", SEE_DEEDS),
)


class Console:
    """The console of one gateway process."""

    def __init__(self, desk: Desk) -> None:
        views = Views(desk.network.genesis.name, MENU)
        sessions = Sessions(desk)
        guard = Guard(sessions, views, desk.watcher, secure=desk.limits.secure)
        entrance = Entrance(sessions, views, guard)
        self._overview = Overview(desk, views, sessions)
        exchanges = Exchanges(desk, views)
        registers, operations = Registers(desk, views), Operations(desk, views)
        aside = Aside(desk, views)
        self.guard = guard
        self.pages: tuple[Page, ...] = (
            Page("GET", "/sign-in", entrance.form, None),
            Page("POST", "/sign-in", entrance.sign_in, None),
            Page("GET", "/static/{name}", entrance.static, None),
            Page("POST", "/sign-out", entrance.sign_out, ALL),
            Page("GET", "/", self._overview.page, ALL),
            Page("GET", "/live", self._overview.events, ALL),
            Page("GET", "/exchanges", exchanges.page, ALL),
            Page("POST", "/exchanges/export", exchanges.export, EXPORT),
            Page("GET", "/exchanges/{digest}", exchanges.one, ALL),
            Page("GET", "/operations", operations.page, ALL),
            Page("GET", "/operations/{id}", operations.one, ALL),
            Page("POST", "/operations/{id}/record", operations.record, EXPORT),
            Page("GET", "/bureaus", registers.bureaus, ALL),
            Page("GET", "/quarantine", aside.page, EXPORT),
            Page("GET", "/quarantine/{number}", aside.one, EXPORT),
            Page("GET", "/ledger", registers.ledger, ALL),
            Page("GET", "/audit", registers.audit, SEE_DEEDS),
        )

    def mount(self, application: web.Application) -> None:
        """Put the console on an application."""
        application.add_routes([web.route(p.method, PREFIX + p.path, self.guard.behind(p)) for p in self.pages])
        application.router.add_get(PREFIX, _home)
        application.on_response_prepare.append(dress)

    def stop(self) -> None:
        """Let those go whose pages are kept live."""
        self._overview.stop()


async def _home(_request: web.Request) -> web.StreamResponse:
    """GET /console."""
    raise web.HTTPSeeOther(f"{PREFIX}/")
