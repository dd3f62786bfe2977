"""What stands before every page: the session, the role, the token against forged requests, and headers.

Order of work, for each request: who it is -> may this role open this page (deny by default: a page is in the table of
routes with its roles, or it is not served) -> for a POST, did our own page send it -> the page. Errors are pages too,
in the words of schemas/errors.py and without any trace.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from aiohttp import web

from gateway.console.sessions import Sessions, SignedIn, form_token, new_token
from gateway.console.views import PREFIX, Views
from gateway.ports import Watcher
from gateway.ports_console import AccountRole
from schemas.errors import BureaunetError, Forbidden, Malformed, Misuse, Reason, Unavailable

SIGN_IN: Final = f"{PREFIX}/sign-in"
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer, browsers say of our own forms that their origin is null
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
FORM: Final = "token"
"""The field of every form."""
_STATUS: Final[tuple[tuple[type[BureaunetError], HTTPStatus], ...]] = (
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (Malformed, HTTPStatus.BAD_REQUEST),
    (Misuse, HTTPStatus.BAD_REQUEST),
)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request, let in."""

    request: web.Request
    signed: SignedIn | None
    """None on a page for everyone alone."""
    token: str
    """What the forms of this page carry."""

    @property
    def account(self) -> str:
        """Who it is; empty for nobody."""
        return "" if self.signed is None else self.signed.session.account

    @property
    def role(self) -> AccountRole | None:
        """What they may."""
        return None if self.signed is None else self.signed.session.role


Handler: TypeAlias = Callable[[Visit], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Page:
    """One row of the table of routes."""

    method: str
    path: str
    """Below PREFIX."""
    handler: Handler
    roles: frozenset[AccountRole] | None
    """Who may open it; None is everyone, signed in or not."""


class Guard:
    """Lets requests in."""

    def __init__(self, sessions: Sessions, views: Views, watcher: Watcher, *, secure: bool) -> None:
        """`secure` says that browsers reach us by TLS, whatever the listener speaks."""
        self._sessions, self._views, self._watcher, self._secure = sessions, views, watcher, secure

    def behind(self, page: Page) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """The page as the server calls it."""

        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                return await self._let_in(page, request)
            except BureaunetError as error:
                status = next((code for kind, code in _STATUS if isinstance(error, kind)), HTTPStatus.BAD_REQUEST)
                return self._views.problem(status, error.detail or str(error.reason))
            except web.HTTPException:
                raise
            except Exception as error:  # noqa: BLE001  # a fault of ours: its type goes to the log, its words nowhere
                self._watcher.saw("console-failed", page=page.path, error=type(error).__name__)
                return self._views.problem(HTTPStatus.INTERNAL_SERVER_ERROR, "this page failed; the log says where")

        return answer

    async def _let_in(self, page: Page, request: web.Request) -> web.StreamResponse:
        signed = await self._sessions.who(self.cookie(request), use="live" not in page.path)
        if page.roles is not None and signed is None:
            if page.method != "GET":
                raise Forbidden(Reason.NOT_ACCEPTED, "nobody is signed in")
            raise web.HTTPSeeOther(SIGN_IN)
        if page.roles is not None and signed is not None and signed.session.role not in page.roles:
            self._watcher.saw("console-forbidden", page=page.path, role=signed.session.role)
            raise Forbidden(Reason.NOT_ACCEPTED, f"the role {signed.session.role} does not open this page")
        holder = self.cookie(request) if signed is not None else request.cookies.get(self.entrance_name)
        fresh = new_token() if holder is None else None
        if page.method == "POST":
            await self._check_own(request, holder)
        visit = Visit(request, signed, form_token(holder or fresh or ""))
        response = await page.handler(visit)
        if signed is None and fresh is not None and page.method == "GET" and not response.prepared:
            self.give(request, response, self.entrance_name, fresh)
        return response

    async def _check_own(self, request: web.Request, holder: str | None) -> None:
        """Only our own page, in the browser that it was made for, may send this."""
        origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
        foreign = origin is not None and urlsplit(origin).netloc != request.host
        form = await request.post()
        sent = form.get(FORM)
        right = (
            isinstance(sent, str)
            and holder is not None
            and hmac.compare_digest(sent.encode(), form_token(holder).encode())
        )
        if foreign or site not in {None, "same-origin"} or not right:
            self._watcher.saw("console-forged", path=request.path)
            raise Forbidden(Reason.NOT_ACCEPTED, "the request does not come from the page of this session")

    # ---- cookies

    def _name(self, name: str) -> str:
        return f"__Host-bureaunet-{name}" if self._secure else f"bureaunet-{name}"

    @property
    def session_name(self) -> str:
        """The session's cookie."""
        return self._name("session")

    @property
    def entrance_name(self) -> str:
        """The cookie of one who is about to sign in: it binds the form to the browser, and opens nothing."""
        return self._name("entrance")

    def cookie(self, request: web.Request) -> str | None:
        """The session's token that the browser sent."""
        return request.cookies.get(self.session_name)

    def give(self, request: web.Request, response: web.StreamResponse, name: str, token: str) -> None:
        """Set a cookie."""
        secure = self._secure or request.secure
        response.set_cookie(name, token, path="/", httponly=True, samesite="Strict", secure=secure)

    def take(self, response: web.StreamResponse, name: str) -> None:
        """Take a cookie away."""
        response.del_cookie(name, path="/", httponly=True, samesite="Strict", secure=self._secure)


async def dress(request: web.Request, response: web.StreamResponse) -> None:
    """Put the headers on every answer below PREFIX, also on those that no page gave."""
    if request.path.startswith(PREFIX):
        for name, value in HEADERS.items():
            response.headers[name] = value
        response.headers.pop("Server", None)
