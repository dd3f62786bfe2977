"""Signing in at an OpenID Connect provider: what the two sides say to one another (OpenID Connect Core 1.0 §3.1).

Order of work: a browser gets 32 random bytes; state, nonce and PKCE verifier are made of them, so that nothing is kept
here and nobody else's browser can come back with them. `way` is where it is led; what it comes back with is checked by
the adapter (gateway/adapters/openid.py), down to the claims of the ID token; gateway/console/issuing.py makes of those
who that is here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import Final, Protocol, TypeAlias
from urllib.parse import urlencode, urlsplit

from gateway.settings import OpenId
from schemas.errors import Forbidden, Malformed, Misuse, Reason

SKEW: Final = 60
"""Seconds that the provider's clock may differ from ours."""
OLDEST: Final = 600
"""Seconds since the provider said who it is."""
Claims: TypeAlias = Mapping[str, object]


class Why(StrEnum):
    """Why a sign-in at the provider was refused."""

    STATE = "state"
    """It was not begun in this browser, or too long ago."""
    SAID_NO = "said-no"
    """The provider sent the browser back with an error."""
    MIX_UP = "mix-up"
    """Another provider sent the browser back (RFC 9207)."""
    CODE = "code"
    """The provider gives nothing for this code."""
    TOKEN = "token"  # noqa: S105  # a reason, no secret
    """What it gave is no ID token."""
    ALGORITHM = "algorithm"
    KEY = "key"
    """Signed by none of the provider's keys."""
    SIGNATURE = "signature"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    """It is for another client."""
    TIME = "time"
    """Over, too old, or not yet valid."""
    NONCE = "nonce"
    CLAIMS = "claims"
    """A claim is missing, or cannot be what it should be."""
    NO_ROLE = "no-role"
    TWO_ROLES = "two-roles"
    REPLAYED = "replayed"
    NAME_TAKEN = "name-taken"
    LOCKED = "locked"
    TOO_MANY = "too-many"
    """Too much failed from this network address."""


def no(why: Why) -> Forbidden:
    """The refusal."""
    return Forbidden(Reason.NOT_ACCEPTED, str(why))


@dataclass(frozen=True, slots=True)
class Passage:
    """The way to the provider and back, of the one browser that has `token`."""

    token: str

    def _made(self, use: str) -> bytes:
        return hmac.digest(self.token.encode(), b"bureaunet-console/openid/" + use.encode(), hashlib.sha256)

    @property
    def state(self) -> str:
        """Comes back with the browser."""
        return self._made("state").hex()

    @property
    def nonce(self) -> str:
        """Comes back in the ID token."""
        return self._made("nonce").hex()

    @property
    def verifier(self) -> str:
        """Shown to the provider with the code (RFC 7636)."""
        return _base64(self._made("verifier"))

    @property
    def challenge(self) -> str:
        """What the provider is told of it beforehand."""
        return _base64(hashlib.sha256(self.verifier.encode()).digest())


@dataclass(frozen=True, slots=True)
class Provider:
    """What a provider says of itself (OpenID Connect Discovery 1.0 §3)."""

    issuer: str
    authorize: str
    token: str
    keys: str
    leave: str | None
    """Where a browser signs out of it."""
    names_itself: bool
    """It says who it is as it sends a browser back (RFC 9207)."""
    takes_basic: bool
    """The client's secret goes into the header, not into the form."""

    def way(self, asked: OpenId, passage: Passage, back: str) -> str:
        """Where the browser is led to sign in; `back` is where it is to be sent then."""
        query = {
            "response_type": "code",
            "client_id": asked.client,
            "redirect_uri": back,
            "scope": " ".join(asked.scopes),
            "state": passage.state,
            "nonce": passage.nonce,
            "code_challenge": passage.challenge,
            "code_challenge_method": "S256",
        }
        return _with_query(self.authorize, query)

    def farewell(self, asked: OpenId, back: str) -> str | None:
        """Where a browser signs out of the provider too; None where it cannot."""
        if self.leave is None:
            return None
        return _with_query(self.leave, {"client_id": asked.client, "post_logout_redirect_uri": back})


class Issuer(Protocol):
    """The provider, asked over the network."""

    async def provider(self) -> Provider:
        """What it says of itself.

        Raises:
            Unavailable: `unreachable`, it does not answer, or says what nobody could go by.
        """

    async def claims(self, passage: Passage, back: str, query: Mapping[str, str]) -> Claims:
        """Whom the provider means, by the query with which it sent the browser back: the ID token's claims, verified.

        Raises:
            Forbidden: `not-accepted`, with one of `Why`. Unavailable: as `provider`.
        """


def may_be_asked(url: str, *, plain: bool = False) -> bool:
    """Whether a URL of a provider is one that nobody between can change: https, or with `plain` on this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(host) and parts.username is None and not parts.fragment
    return plain and parts.scheme == "http" and _is_loopback(host)


def is_plain(issuer: str) -> bool:
    """Whether the issuer is on this machine, without TLS.

    Raises:
        Misuse: it is neither that nor https.
    """
    if not may_be_asked(issuer, plain=True) or urlsplit(issuer).query:
        raise Misuse("setting console.openid.issuer: an https URL without a query (http on loopback alone)")
    return urlsplit(issuer).scheme == "http"


def read_provider(said: object, issuer: str) -> Provider:
    """What a provider says of itself, where one can go by it.

    Raises:
        Malformed: `structure`.
    """
    plain = is_plain(issuer)
    if not isinstance(said, dict) or said.get("issuer") != issuer:
        raise Malformed(Reason.STRUCTURE, "the provider calls itself by another name")
    urls = [said.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    found = [url for url in urls if isinstance(url, str) and may_be_asked(url, plain=plain)]
    if len(found) != len(urls):
        raise Malformed(Reason.STRUCTURE, "a place that the provider names is missing, or is not https")
    methods = said.get("code_challenge_methods_supported", ["S256"])
    if not isinstance(methods, list) or "S256" not in methods:
        raise Malformed(Reason.STRUCTURE, "the provider does not know PKCE with S256")
    leave, ways = said.get("end_session_endpoint"), said.get("token_endpoint_auth_methods_supported")
    authorize, token, keys = found
    return Provider(
        issuer,
        authorize,
        token,
        keys,
        leave=leave if isinstance(leave, str) and may_be_asked(leave, plain=plain) else None,
        names_itself=said.get("authorization_response_iss_parameter_supported") is True,
        takes_basic=not isinstance(ways, list) or "client_secret_basic" in ways,
    )


def check_claims(claims: Claims, asked: OpenId, passage: Passage, now: int) -> None:
    """Check what the library did not: times by our clock (`now`, seconds), client, nonce (Core §3.1.3.7).

    Raises:
        Forbidden: `not-accepted`.
    """
    audience, party = claims.get("aud"), claims.get("azp")
    alone = audience in (asked.client, [asked.client])
    if (not alone and party is None) or party not in (None, asked.client):
        raise no(Why.AUDIENCE)
    ends, said, begins = _seconds(claims.get("exp")), _seconds(claims.get("iat")), _seconds(claims.get("nbf", 0))
    if ends is None or said is None or begins is None:
        raise no(Why.CLAIMS)
    if now >= ends + SKEW or not now - OLDEST - SKEW <= said <= now + SKEW or begins > now + SKEW:
        raise no(Why.TIME)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(errors="replace"), passage.nonce.encode()):
        raise no(Why.NONCE)


def _seconds(value: object) -> float | None:
    right = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if right and isinstance(value, int | float) else None


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _with_query(url: str, query: Mapping[str, str]) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(query)}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
