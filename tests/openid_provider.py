"""An OpenID Connect provider on loopback that says what a test wants: honest unless told otherwise.

It keeps to the protocol as far as a client can see: codes are used once, PKCE and the client's secret are checked. What
it says in the ID token, how that is signed and what it calls itself can be changed, as somebody would who holds the
provider, or who stands in its place.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, TypeAlias
from urllib.parse import urlencode

import jwt
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

CLIENT: Final = "bureaunet-console"
SECRET: Final = "a synthetic client secret"  # noqa: S105  # of a client that lives as long as a test
_RSA: Final = rsa.generate_private_key(65537, 2048)

Claims: TypeAlias = dict[str, object]
Private: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass
class Provider:
    """What the provider does; `async with provider()` starts one."""

    server: TestServer = field(init=False)
    issuer: str = ""
    algorithm: str = "RS256"
    kid: str = "first"
    private: Private = _RSA
    said: Claims = field(default_factory=lambda: {"sub": "1001", "preferred_username": "ada", "groups": ["operators"]})
    """Claims besides those of every ID token; None takes one away."""
    sign: Callable[[Claims], str] | None = None
    """Makes the ID token in place of the honest way."""
    metadata: Claims = field(default_factory=dict)
    published: list[Claims] | None = None
    """Keys in place of ours."""
    again: bool = False
    """A code is good for several times."""
    answer: Callable[[web.Request], web.StreamResponse] | None = None
    """Answers the token endpoint in place of the honest way."""
    asked: list[str] = field(default_factory=list)
    """Paths of requests."""
    codes: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def jwk(self) -> Claims:
        """Our public key."""
        match self.private:
            case rsa.RSAPrivateKey() as key:
                said = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
            case ec.EllipticCurvePrivateKey() as key:
                said = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
            case key:
                said = jwt.algorithms.OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
        return {**said, "kid": self.kid, "use": "sig"}

    def claims(self, nonce: str) -> Claims:
        """What an ID token says."""
        now = int(time.time())
        made = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": nonce, **self.said}
        return {name: value for name, value in made.items() if value is not None}

    def signed(self, claims: Claims) -> str:
        """An ID token."""
        if self.sign is not None:
            return self.sign(claims)
        return jwt.encode(claims, self.private, self.algorithm, headers={"kid": self.kid})

    def grant(self, query: Mapping[str, str]) -> str:
        """A code for whoever asked with this query."""
        code = secrets.token_hex(16)
        self.codes[code] = dict(query)
        return code

    def routes(self) -> list[web.RouteDef]:
        """Its places."""
        return [
            web.get("/.well-known/openid-configuration", self._metadata),
            web.get("/keys", self._keys),
            web.get("/authorize", self._authorize),
            web.post("/token", self._token),
        ]

    async def _metadata(self, _request: web.Request) -> web.Response:
        self.asked.append("metadata")
        said: Claims = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "end_session_endpoint": f"{self.issuer}/leave",
            "code_challenge_methods_supported": ["S256"],
            **self.metadata,
        }
        return web.json_response({name: value for name, value in said.items() if value is not None})

    async def _keys(self, _request: web.Request) -> web.Response:
        self.asked.append("keys")
        return web.json_response({"keys": [self.jwk()] if self.published is None else self.published})

    async def _authorize(self, request: web.Request) -> web.StreamResponse:
        self.asked.append("authorize")
        query = {"code": self.grant(request.query), "state": request.query["state"]}
        if self.metadata.get("authorization_response_iss_parameter_supported"):
            query["iss"] = self.issuer
        raise web.HTTPSeeOther(f"{request.query['redirect_uri']}?{urlencode(query)}")

    async def _token(self, request: web.Request) -> web.StreamResponse:
        self.asked.append("token")
        if self.answer is not None:
            return self.answer(request)
        form = await request.post()
        asked = self.codes.get(str(form["code"])) if self.again else self.codes.pop(str(form["code"]), None)
        pair = base64.b64encode(f"{CLIENT}:{SECRET.replace(' ', '%20')}".encode()).decode()
        right = (
            asked is not None
            and request.headers.get("Authorization") == f"Basic {pair}"
            and form["redirect_uri"] == asked["redirect_uri"]
            and _challenge(str(form["code_verifier"])) == asked["code_challenge"]
        )
        if not right or asked is None:
            return web.json_response({"error": "invalid_grant"}, status=400)
        token = self.signed(self.claims(asked["nonce"]))
        return web.json_response({"access_token": "none", "token_type": "Bearer", "id_token": token})


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    """A provider that runs."""
    made, application = Provider(), web.Application()
    application.add_routes(made.routes())
    made.server = TestServer(application)
    async with made.server:
        made.issuer = str(made.server.make_url("")).rstrip("/")
        yield made
