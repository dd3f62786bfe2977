"""What stands before every page: the session, the role, the token against forged requests, and headers.

Order of work, for each request: is it meant for this console -> who it is -> may this role open this page (deny by
default: a page is in the table of routes with its roles, or it is not served) -> for a POST, did our own page send it
-> the page. Errors are pages too, in the words of schemas/errors.py and without any trace.

Meant for this console is what names it by a configured host, an IP address or localhost, so that nobody's name which
suddenly leads here (DNS rebinding) makes their page ours; and what no page of elsewhere asks for but by leading to it.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from aiohttp import web

from gateway.console.desk import Desk
from gateway.console.sessions import Sessions, SignedIn, form_token, is_token, new_token
from gateway.console.views import PREFIX, Views
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
FORM_SECONDS: Final = 30.0
"""Until a browser has sent a form."""
PASSAGE_SECONDS: Final = 600
"""On the way to the issuer and back."""
_STRANGERS: Final = 16 * 1024
"""Bytes of a form of somebody who is not signed in."""
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

    def __init__(self, sessions: Sessions, views: Views, desk: Desk) -> None:
        self._sessions, self._views, self._watcher, self._place = sessions, views, desk.watcher, desk.place
        limits = self._limits = desk.limits
        self._secure = limits.secure or limits.url.startswith("https://")
        self._origin = limits.url.lower()

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
        self._check_meant(page, request)
        if page.roles is None:
            request = request.clone(client_max_size=_STRANGERS)
        signed = await self._sessions.who(self.cookie(request), use="live" not in page.path)
        if page.roles is not None and signed is None:
            if page.method != "GET":
                raise Forbidden(Reason.NOT_ACCEPTED, "nobody is signed in")
            raise web.HTTPSeeOther(SIGN_IN)
        if page.roles is not None and signed is not None and signed.session.role not in page.roles:
            self._watcher.saw("console-forbidden", page=page.path, role=signed.session.role)
            raise Forbidden(Reason.NOT_ACCEPTED, f"the role {signed.session.role} does not open this page")
        holder = self.cookie(request) if signed is not None else self._entrance(request)
        fresh = new_token() if holder is None else None
        if page.method == "POST":
            await self._check_own(page, request, holder)
        visit = Visit(request, signed, form_token(holder or fresh or ""))
        try:
            response = await page.handler(visit)
        except Forbidden as error:
            self._watcher.saw("console-refused", page=page.path, reason=str(error.reason))
            raise
        begins = signed is None and fresh is not None and page.method == "GET"
        if begins and fresh is not None and not response.prepared and self.entrance_name not in response.cookies:
            self.give(request, response, self.entrance_name, fresh)
        return response

    def _check_meant(self, page: Page, request: web.Request) -> None:
        """Refuse what names another host, and what a page of elsewhere asks for without leading to it."""
        if not self._is_here(request.host):
            self._watcher.saw("console-host", page=page.path)
            raise Forbidden(Reason.NOT_ACCEPTED, "this console is not reached by that name; see `url` under [console]")
        site, mode = request.headers.get("Sec-Fetch-Site"), request.headers.get("Sec-Fetch-Mode")
        if site not in {None, "same-origin", "none"} and not (mode == "navigate" and request.method == "GET"):
            self._watcher.saw("console-forged", page=page.path)
            raise Forbidden(Reason.NOT_ACCEPTED, "the request comes from a page of elsewhere")

    def _is_here(self, host: str) -> bool:
        if self._origin and host.lower() == urlsplit(self._origin).netloc:
            return True
        try:
            name = urlsplit(f"//{host}").hostname or ""
            return name in {"localhost", urlsplit(self._place()).hostname} or bool(ip_address(name))
        except ValueError:
            return False

    async def _check_own(self, page: Page, request: web.Request, holder: str | None) -> None:
        """Only our own page, in the browser that it was made for, may send this."""
        origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
        foreign = origin is not None and not self._is_ours(origin, request)
        form = await _form(request)
        sent = form.get(FORM)
        right = (
            isinstance(sent, str)
            and holder is not None
            and hmac.compare_digest(sent.encode(), form_token(holder).encode())
        )
        if foreign or site not in {None, "same-origin"} or not right:
            self._watcher.saw("console-forged", page=page.path)
            raise Forbidden(Reason.NOT_ACCEPTED, "the request does not come from the page of this session")

    def _is_ours(self, origin: str, request: web.Request) -> bool:
        host = request.host.lower()
        if self._origin and host == urlsplit(self._origin).netloc:
            return origin.lower() == self._origin
        return origin.lower() in {f"http://{host}", f"https://{host}"}

    def address(self, request: web.Request) -> str:
        """Where a request comes from: an IP address, of IPv6 the first 64 bits; empty where nobody knows."""
        said = request.remote or ""
        if self._limits.proxies:
            passed = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")
            said = passed[-self._limits.proxies].strip() if len(passed) >= self._limits.proxies else said
        try:
            found = ip_address(said)
        except ValueError:
            return ""
        if isinstance(found, IPv6Address):
            mapped = found.ipv4_mapped
            return str(ip_network((found, 64), strict=False)) if mapped is None else str(mapped)
        return str(found)

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

    @property
    def passage_name(self) -> str:
        """The cookie of one who is on the way to the issuer and back."""
        return self._name("passage")

    def cookie(self, request: web.Request, name: str = "") -> str | None:
        """A token that the browser sent, the session's unless `name` says another; None where it cannot be one."""
        found = request.cookies.get(name or self.session_name)
        return found if is_token(found) else None

    def _entrance(self, request: web.Request) -> str | None:
        return self.cookie(request, self.entrance_name)

    def give(self, request: web.Request, response: web.StreamResponse, name: str, token: str) -> None:
        """Set a cookie; that of the way to the issuer and back comes along when the issuer leads back, for a time."""
        secure, passage = self._secure or request.secure, name == self.passage_name
        strict, age = ("Lax", PASSAGE_SECONDS) if passage else ("Strict", None)
        response.set_cookie(name, token, path="/", httponly=True, samesite=strict, secure=secure, max_age=age)

    def take(self, response: web.StreamResponse, name: str) -> None:
        """Take a cookie away."""
        response.del_cookie(name, path="/", httponly=True, samesite="Strict", secure=self._secure)


async def _form(request: web.Request) -> Mapping[str, object]:
    """What a form sent.

    Raises:
        Malformed: `structure`, it is no form in UTF-8, or did not come in time.
    """
    if (request.charset or "utf-8").lower() not in {"utf-8", "utf8"}:
        raise Malformed(Reason.STRUCTURE, "a form is in UTF-8")
    try:
        async with asyncio.timeout(FORM_SECONDS):
            return await request.post()
    except (ValueError, TimeoutError, LookupError):  # also what is not UTF-8
        raise Malformed(Reason.STRUCTURE, "this is no form") from None


async def dress(request: web.Request, response: web.StreamResponse) -> None:
    """Put the headers on every answer below PREFIX, also on those that no page gave."""
    if request.path.startswith(PREFIX):
        for name, value in HEADERS.items():
            response.headers[name] = value
        response.headers.pop("Server", None)
