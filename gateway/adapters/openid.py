"""An OpenID Connect provider over HTTPS (`gateway.openid.Issuer`): discovery, keys, and code for ID token.

Rules: what the provider says of itself and its keys are kept for a while; a token by a key that is not among them has
them fetched again, once in `AGAIN` seconds at most, so that keys may change and nobody makes us ask without end. Every
answer is bounded in time and size, no redirect is followed, no proxy of the environment is used. Signatures, issuer
and audience are verified by PyJWT, by the algorithms of the settings alone, with a key of the algorithm's own kind: a
public key is never a secret of HMAC, nothing is accepted unsigned. Times and nonce are checked by gateway/openid.py.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import quote

import aiohttp
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from gateway import passphrase
from gateway.openid import Claims, Passage, Provider, Why, check_claims, is_plain, no, read_provider
from gateway.ports import Clock
from gateway.settings import OpenId
from schemas.errors import Malformed, Misuse, Reason, Unavailable

AGAIN: Final = 10.0
"""Seconds between two questions for keys, because of a token that none of them signed."""
PAUSE: Final = 2.0
"""Seconds in which a provider that failed is not asked again."""
_ANSWER: Final = 256 * 1024
"""Bytes of an answer."""
_TOKEN: Final = 32 * 1024
_KEYS: Final = 64
_SHORTEST_RSA: Final = 2048
_KINDS: Final = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
_TYPES: Final = {None, "JWT", "jwt"}
"""Of an ID token; a logout token or an access token says another."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What was fetched, and when (monotonic seconds)."""

    provider: Provider
    keys: Sequence[Mapping[str, object]]
    time: float


class HttpIssuer:
    """The provider of the settings."""

    def __init__(self, asked: OpenId, clock: Clock) -> None:
        """Nothing is asked yet.

        Raises:
            Misuse: the settings cannot be; the secret or the authority's certificate cannot be read.
        """
        is_plain(asked.issuer)
        if not asked.client or not asked.roles or "openid" not in asked.scopes:
            raise Misuse("setting console.openid: `client` and `roles` are needed, and the scope openid")
        self._asked, self._clock = asked, clock
        self._secret = passphrase.read_file(Path(asked.secret_file)).decode() if asked.secret_file else None
        self._tls = _trusting(asked.authority_file)
        self._turn = asyncio.Lock()
        self._known: _Known | None = None
        self._failed: tuple[float, Unavailable] | None = None

    async def provider(self) -> Provider:
        """As the port says."""
        return (await self._look(self._asked.keys_seconds)).provider

    async def _look(self, oldest: float) -> _Known:
        """What the provider says of itself, no older than `oldest` seconds."""
        async with self._turn:
            known, failed = self._known, self._failed
            if known is None or time.monotonic() - known.time >= oldest:
                if failed is not None and time.monotonic() - failed[0] < PAUSE:
                    raise failed[1]  # who waited meanwhile does not ask once more, each for as long
                place = self._asked.issuer.rstrip("/") + "/.well-known/openid-configuration"
                try:
                    provider = read_provider(await self._answer("GET", place), self._asked.issuer)
                    keys = _read_keys(await self._answer("GET", provider.keys))
                except (Malformed, Unavailable) as error:
                    why = error if isinstance(error, Unavailable) else _unusable(error.detail)
                    self._failed = time.monotonic(), why
                    raise why from None
                known = self._known = _Known(provider, keys, time.monotonic())
            return known

    async def claims(self, passage: Passage, back: str, query: Mapping[str, str]) -> Claims:
        """As the port says."""
        if not hmac.compare_digest(query.get("state", "").encode(errors="replace"), passage.state.encode()):
            raise no(Why.STATE)
        provider = await self.provider()
        named = query.get("iss")
        if (named is not None or provider.names_itself) and named != provider.issuer:
            raise no(Why.MIX_UP)
        if "error" in query or not query.get("code"):
            raise no(Why.SAID_NO)
        token = await self._redeem(provider, passage, back, query["code"])
        claims = await self._verified(token)
        check_claims(claims, self._asked, passage, self._clock.now() // 1000)
        return claims

    async def _redeem(self, provider: Provider, passage: Passage, back: str, code: str) -> str:
        """The ID token that the provider gives for a code."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "client_id": self._asked.client,
            "code_verifier": passage.verifier,
        }
        headers = {}
        if self._secret is not None and provider.takes_basic:
            pair = quote(self._asked.client, safe=""), quote(self._secret, safe="")
            headers["Authorization"] = aiohttp.encode_basic_auth(*pair)
        elif self._secret is not None:
            form["client_secret"] = self._secret
        said = await self._answer("POST", provider.token, form=form, headers=headers, refused=Why.CODE)
        token = said.get("id_token") if isinstance(said, dict) else None
        if not isinstance(token, str) or not token.isascii() or len(token) > _TOKEN:
            raise no(Why.TOKEN)
        return token

    async def _verified(self, token: str) -> Claims:
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise no(Why.TOKEN) from None
        algorithm = header.get("alg")
        if algorithm not in self._asked.algorithms or header.get("typ") not in _TYPES:
            raise no(Why.ALGORITHM)
        found = _chosen((await self._look(self._asked.keys_seconds)).keys, header, algorithm)
        if found is None:
            found = _chosen((await self._look(AGAIN)).keys, header, algorithm)
        if found is None:
            raise no(Why.KEY)
        return _decoded(token, found, algorithm, self._asked)

    async def _answer(
        self,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        refused: Why | None = None,
    ) -> object:
        """A bounded answer in JSON; one that is not 200 is `refused`, where that is said.

        Raises:
            Unavailable: `unreachable`. Forbidden: `refused`.
        """
        limit = aiohttp.ClientTimeout(total=self._asked.timeout_seconds)
        connector = aiohttp.TCPConnector(ssl=self._tls)
        try:
            async with (
                aiohttp.ClientSession(
                    connector=connector, timeout=limit, trust_env=False, auto_decompress=False
                ) as client,
                client.request(
                    method,
                    url,
                    data=form,
                    headers={"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})},
                    allow_redirects=False,
                ) as response,
            ):
                body = b""
                while len(body) <= _ANSWER and (part := await response.content.read(_ANSWER + 1 - len(body))):
                    body += part
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _unusable(type(error).__name__) from None
        client_error = HTTPStatus.BAD_REQUEST <= response.status < HTTPStatus.INTERNAL_SERVER_ERROR
        if refused is not None and client_error:
            raise no(refused)
        if response.status != HTTPStatus.OK or len(body) > _ANSWER:
            raise _unusable(f"status {response.status}, {len(body)} bytes")
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise _unusable("no JSON") from None


def _unusable(detail: str) -> Unavailable:
    return Unavailable(Reason.UNREACHABLE, f"the OpenID Connect provider cannot be gone by now ({detail})")


def _trusting(authority: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authority or None)
    except (OSError, ssl.SSLError) as error:
        raise Misuse(f"setting console.openid.authority_file: {type(error).__name__}") from None


def _read_keys(said: object) -> list[Mapping[str, object]]:
    keys = said.get("keys") if isinstance(said, dict) else None
    if not isinstance(keys, list) or len(keys) > _KEYS:
        raise Malformed(Reason.STRUCTURE, "not a set of keys")
    return [key for key in keys if isinstance(key, dict)]


def _chosen(keys: Sequence[Mapping[str, object]], header: Mapping[str, object], algorithm: str) -> jwt.PyJWK | None:
    """The key that may have signed: of the algorithm's kind, for signatures, named as the header says."""
    named = header.get("kid")
    fit = [
        key
        for key in keys
        if key.get("kty") == _KINDS[algorithm[:2]]
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (named is None or key.get("kid") == named)
    ]
    if len(fit) != 1:  # a token that names none of several could be anybody's
        return None
    try:
        found = jwt.PyJWK(dict(fit[0]), algorithm)
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    if isinstance(found.key, RSAPublicKey):
        return found if found.key.key_size >= _SHORTEST_RSA else None
    return found


def _decoded(token: str, key: jwt.PyJWK, algorithm: str, asked: OpenId) -> Claims:
    required = ["iss", "sub", "aud", "exp", "iat", "nonce"]
    try:
        return jwt.decode(
            token,
            key.key,
            algorithms=[algorithm],
            audience=asked.client,
            issuer=asked.issuer,
            options={"require": required, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
    except jwt.InvalidSignatureError:
        raise no(Why.SIGNATURE) from None
    except jwt.InvalidIssuerError:
        raise no(Why.ISSUER) from None
    except jwt.InvalidAudienceError:
        raise no(Why.AUDIENCE) from None
    except jwt.MissingRequiredClaimError as error:
        raise no(Why.NONCE if error.claim == "nonce" else Why.CLAIMS) from None
    except jwt.InvalidAlgorithmError:
        raise no(Why.ALGORITHM) from None
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise no(Why.TOKEN) from None
