"""Signing in at the organisation's own provider (OpenID Connect): the way there, and the way back.

The way back is led to from elsewhere, so that neither the session's cookie comes with it nor would one that is set here
go along with a redirect: a page of ours goes on to the console by itself.

Rules: an account is known by issuer and subject alone. A name or an address of mail joins nobody to an account that is
there. The role comes from the claims alone, and from exactly one role; no claim of ours, no account.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from aiohttp import web

from gateway.console.desk import Desk
from gateway.console.guard import Guard, Page, Visit
from gateway.console.sessions import Sessions, new_token
from gateway.console.views import PREFIX, Views
from gateway.openid import Claims, Issuer, Passage, Why, no
from gateway.operators import operator_id
from gateway.ports_console import Account, AccountRole, Arrival
from gateway.settings import OpenId
from schemas.errors import BureaunetError, Forbidden, Malformed, Unavailable
from schemas.identity import parse_name

BACK: Final = f"{PREFIX}/openid/back"
LONGEST: Final = 255
"""Characters of a subject (OpenID Connect Core §2)."""


class Issuing:
    """The pages; `label` is what the sign-in page calls the provider, empty where there is none."""

    def __init__(self, desk: Desk, sessions: Sessions, views: Views, guard: Guard) -> None:
        self._desk, self._sessions, self._views, self._guard = desk, sessions, views, guard
        self._asked = desk.limits.openid

    @property
    def label(self) -> str:
        """For the button."""
        return "" if self._desk.issuer is None else self._asked.label

    def pages(self) -> tuple[Page, ...]:
        """Its rows of the table of routes; none where there is no provider."""
        if self._desk.issuer is None:
            return ()
        return Page("GET", "/openid", self.begin, None), Page("GET", "/openid/back", self.back, None)

    def _place(self, path: str) -> str:
        return (self._desk.limits.url or self._desk.place()) + path

    async def begin(self, visit: Visit) -> web.StreamResponse:
        """GET /openid: to the provider, with a new passage for this browser."""
        token = new_token()
        try:
            provider = await self._issuer().provider()
        except Unavailable as error:
            return self._refused(visit, error.detail, HTTPStatus.SERVICE_UNAVAILABLE)
        way = provider.way(self._asked, Passage(token), self._place(BACK))
        response = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": way})
        self._guard.give(visit.request, response, self._guard.passage_name, token)
        return response

    async def back(self, visit: Visit) -> web.StreamResponse:
        """GET /openid/back: a new session for whom the provider means, or the sign-in page and why not."""
        guard, request = self._guard, visit.request
        address = guard.address(request)
        try:
            token = await self._come_in(visit, address)
        except Forbidden as error:
            self._desk.watcher.saw("issuer-refused", address=address, why=error.detail)
            response = self._refused(visit, error.detail, HTTPStatus.FORBIDDEN)
        except Unavailable as error:
            response = self._refused(visit, error.detail, HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            response = self._views.page("welcome.html", {"to": f"{PREFIX}/"})
            guard.give(request, response, guard.session_name, token)
            guard.take(response, guard.entrance_name)
        guard.take(response, guard.passage_name)
        return response

    async def _come_in(self, visit: Visit, address: str) -> str:
        guard, request = self._guard, visit.request
        held = guard.cookie(request, guard.passage_name)
        if held is None:
            raise no(Why.STATE)
        if not await self._sessions.may_try(address):
            raise no(Why.TOO_MANY)
        passage = Passage(held)
        query = {key: request.query[key] for key in ("state", "code", "iss", "error") if key in request.query}
        claims = await self._issuer().claims(passage, self._place(BACK), query)
        account = account_of(claims, self._asked, self._desk.clock.now())
        word = hashlib.sha256(passage.nonce.encode()).digest()
        arrival, token = await self._sessions.arrive(account, word, guard.cookie(request), address)
        if arrival is not Arrival.ENTERED:
            await self._tell(account, arrival)
            raise no(Why(arrival))
        return token

    async def _tell(self, account: Account, arrival: Arrival) -> None:
        """The provider means somebody whom we keep out: the audit says so."""
        subject = f"{account.issuer} {account.subject}"
        await self._desk.deeds.begun(account.name, "console.sign-in-failed", subject, str(arrival))

    def _issuer(self) -> Issuer:
        if self._desk.issuer is None:
            raise no(Why.SAID_NO)
        return self._desk.issuer

    def _refused(self, visit: Visit, why: str, status: HTTPStatus) -> web.Response:
        said = f"The sign-in by {self._asked.label} was not accepted: {why}."
        values = {"token": visit.token, "said": said, "label": self.label, "leave": None}
        return self._views.page("sign_in.html", values, status)

    async def farewell(self) -> str | None:
        """Where one who signed out here signs out of the provider too; None where that cannot be."""
        if self._desk.issuer is None:
            return None
        try:
            provider = await self._desk.issuer.provider()
        except BureaunetError:
            return None  # the way out of the console does not wait for it
        return provider.farewell(self._asked, self._place(f"{PREFIX}/sign-in"))


def account_of(claims: Claims, asked: OpenId, now: int) -> Account:
    """Who this is here, as their account would be made; `now` in milliseconds.

    Raises:
        Forbidden: `not-accepted`: no role, several, or claims that name nobody.
    """
    subject, name = claims.get("sub"), claims.get(asked.name)
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST or not subject.isascii():
        raise no(Why.CLAIMS)
    if not isinstance(name, str):
        raise no(Why.CLAIMS)
    try:
        operator_id(b"", parse_name(name))  # the ledger must be able to name them
        parse_name(subject)
    except Malformed:
        raise no(Why.CLAIMS) from None
    return Account(name, _role(claims, asked), "", now, issuer=asked.issuer, subject=subject)


def _role(claims: Claims, asked: OpenId) -> AccountRole:
    said = claims.get(asked.claim, [])
    values: Sequence[object] = said if isinstance(said, list) else [said]
    given = {asked.roles[value] for value in values if isinstance(value, str) and value in asked.roles}
    if len(given) > 1:
        raise no(Why.TWO_ROLES)
    if not given:
        raise no(Why.NO_ROLE)
    return AccountRole(given.pop())
