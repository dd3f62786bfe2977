"""What stands before every page of the staff's: the session, the right, the token against forged requests.

Order of work, for each request: is it meant for this server -> who it is -> may they open this page (deny by default: a
page is in the table of routes with its rights, or it is not served) -> for a POST, did our own page send it -> the
page. Errors are pages too, in the words of schemas/errors.py and without any trace.

Meant for this server is what names it by an IP address, localhost, or a name that it was given, so that nobody's name
which suddenly leads here (DNS rebinding) makes their page ours.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address
from typing import Final, TypeAlias
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from bureaus import logs
from bureaus.secretariat.pages.views import Views
from bureaus.secretariat.staff.rights import Right
from bureaus.secretariat.staff.sessions import Sessions, SignedIn, form_token, is_token, new_token
from schemas.errors import BureaunetError, Forbidden, Malformed, Misuse, Reason, Unavailable

_log: Final = logs.get(__name__)
SIGN_IN: Final = "/sign-in"
FORM: Final = "token"
"""The field of every form."""
FORM_SECONDS: Final = 30.0
STRANGERS: Final = 16 * 1024
"""Bytes of a form of somebody who is not signed in."""
STAFFS: Final = 8 * 1024 * 1024
"""Bytes of a form of the staff's: an appeal has a picture."""
_STATUS: Final[tuple[tuple[type[BureaunetError], HTTPStatus], ...]] = (
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (Forbidden, HTTPStatus.FORBIDDEN),
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
    def who(self) -> str:
        """Who it is; empty for nobody."""
        return "" if self.signed is None else self.signed.member.name

    @property
    def rights(self) -> frozenset[Right]:
        """What they may."""
        return frozenset() if self.signed is None else self.signed.member.rights

    async def form(self) -> Mapping[str, str]:
        """The fields that were sent, without files."""
        return {name: value for name, value in (await self.request.post()).items() if isinstance(value, str)}

    def number(self, name: str = "id") -> int:
        """A number in the path.

        Raises:
            Misuse: it is none.
        """
        said = self.request.match_info[name]
        if not (said.isascii() and said.isdigit() and len(said) < 16):
            raise Misuse("there is no such page")
        return int(said)


Handler: TypeAlias = Callable[[Visit], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Page:
    """One row of the table of routes."""

    method: str
    path: str
    handler: Handler
    rights: frozenset[Right] | None
    """Who may open it: whoever has one of these; None is everyone, signed in or not."""


class Guard:
    """Lets requests in."""

    def __init__(self, sessions: Sessions, views: Views, names: Collection[str], *, secure: bool) -> None:
        """`names` are those that lead here; `secure` says that browsers come over TLS."""
        self._sessions, self._views, self._secure = sessions, views, secure
        self._names = frozenset(name.lower() for name in names) | {"localhost"}

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
                _log.error("a page failed", page=page.path, error=type(error).__name__)
                return self._views.problem(HTTPStatus.INTERNAL_SERVER_ERROR, "this page failed; the log says where")

        return answer

    async def _let_in(self, page: Page, request: web.Request) -> web.StreamResponse:
        self._check_meant(request)
        signed = await self._sessions.who(self.cookie(request))
        request = request.clone(client_max_size=STRANGERS if signed is None else STAFFS)
        if page.rights is not None and signed is None:
            if page.method != "GET":
                raise Forbidden(Reason.NOT_ACCEPTED, "nobody is signed in")
            raise web.HTTPSeeOther(SIGN_IN)
        if page.rights is not None and signed is not None and not signed.member.rights & page.rights:
            raise Forbidden(Reason.NOT_ACCEPTED, "this page needs another right: " + " or ".join(sorted(page.rights)))
        holder = self.cookie(request) if signed is not None else self.cookie(request, self.entrance_name)
        fresh = new_token() if holder is None else None
        if page.method == "POST":
            await self._check_own(request, holder)
        response = await page.handler(Visit(request, signed, form_token(holder or fresh or "")))
        if signed is None and fresh is not None and page.method == "GET" and "/static/" not in page.path:
            self.give(response, self.entrance_name, fresh)
        return response

    def _check_meant(self, request: web.Request) -> None:
        """Refuse what names another host, and what a page of elsewhere asks for without leading to it."""
        try:
            name = urlsplit(f"//{request.host}").hostname or ""
            here = name in self._names or bool(ip_address(name))
        except ValueError:
            here = False
        if not here:
            raise Forbidden(Reason.NOT_ACCEPTED, "these pages are not reached by that name; see --pages-name")
        site, mode = request.headers.get("Sec-Fetch-Site"), request.headers.get("Sec-Fetch-Mode")
        if site not in {None, "same-origin", "none"} and not (mode == "navigate" and request.method == "GET"):
            raise Forbidden(Reason.NOT_ACCEPTED, "the request comes from a page of elsewhere")

    async def _check_own(self, request: web.Request, holder: str | None) -> None:
        """Only our own page, in the browser that it was made for, may send this."""
        origin, host = request.headers.get("Origin"), request.host.lower()
        foreign = origin is not None and origin.lower() not in {f"http://{host}", f"https://{host}"}
        sent = (await read_form(request)).get(FORM)
        right = (
            isinstance(sent, str)
            and holder is not None
            and hmac.compare_digest(sent.encode(), form_token(holder).encode())
        )
        if foreign or request.headers.get("Sec-Fetch-Site") not in {None, "same-origin"} or not right:
            _log.warning("a forged form was refused")
            raise Forbidden(Reason.NOT_ACCEPTED, "the request does not come from the page of this session")

    # ---- cookies

    def _name(self, name: str) -> str:
        return f"__Host-secretariat-{name}" if self._secure else f"secretariat-{name}"

    @property
    def session_name(self) -> str:
        """The session's cookie."""
        return self._name("session")

    @property
    def entrance_name(self) -> str:
        """The cookie of one who is about to sign in: it binds the form to the browser, and opens nothing."""
        return self._name("entrance")

    def cookie(self, request: web.Request, name: str = "") -> str | None:
        """A token that the browser sent, the session's unless `name` says another; None where it cannot be one."""
        found = request.cookies.get(name or self.session_name)
        return found if is_token(found) else None

    def give(self, response: web.StreamResponse, name: str, token: str) -> None:
        """Set a cookie, for as long as the browser is open."""
        response.set_cookie(name, token, path="/", httponly=True, samesite="Strict", secure=self._secure)

    def take(self, response: web.StreamResponse, name: str) -> None:
        """Take a cookie away."""
        response.del_cookie(name, path="/", httponly=True, samesite="Strict", secure=self._secure)


async def read_form(request: web.Request) -> Mapping[str, object]:
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


def done(visit: Visit, page: str, said: str) -> web.Response:
    """What was done: back to a page that says so, to whom it is meant for alone (`told`)."""
    location = f"{page}?{urlencode({'done': said, 'by': _by(visit.token, said)})}"
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": location})


def told(visit: Visit) -> str:
    """What `done` wants this page to say; nothing where somebody else made the link."""
    said, by = visit.request.query.get("done", ""), visit.request.query.get("by", "")
    return said if hmac.compare_digest(by.encode(errors="replace"), _by(visit.token, said).encode()) else ""


def _by(token: str, said: str) -> str:
    return hmac.digest(token.encode(), said.encode(errors="replace"), "sha256").hex()[:32]
