"""What a provider says of somebody, and of itself: what is not believed, and for which reason."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import jwt
import pytest
import pytest_asyncio
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.adapters.openid import HttpIssuer
from gateway.openid import Why
from gateway.settings import OpenId
from schemas.errors import Misuse
from tests.openid_provider import CLIENT, SECRET, Claims, Private
from tests.unit.gateway.console.issuing_scene import Gate, Now, opened


@pytest_asyncio.fixture
async def gate(tmp_path: Path) -> AsyncIterator[Gate]:
    async with opened(tmp_path) as made:
        yield made


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
async def test_each_algorithm_of_the_settings_is_taken(gate: Gate, algorithm: str) -> None:
    private: dict[str, Private] = {
        "ES256": ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    }
    gate.provider.algorithm = algorithm
    gate.provider.private = private.get(algorithm, gate.provider.private)
    assert (await gate.sign_in())[1] == 200


def unfit() -> tuple[tuple[Claims, Why], ...]:
    """Claims that let nobody in, and why; the times are counted from now, since a suite takes a while."""
    now = int(time.time())
    return (
        ({"nonce": "00" * 32}, Why.NONCE),
        ({"nonce": None}, Why.NONCE),
        ({"nonce": 7}, Why.NONCE),
        ({"aud": "another-client"}, Why.AUDIENCE),
        ({"aud": [CLIENT, "another-client"]}, Why.AUDIENCE),
        ({"aud": [CLIENT, "another-client"], "azp": "another-client"}, Why.AUDIENCE),
        ({"azp": "another-client"}, Why.AUDIENCE),
        ({"azp": [CLIENT]}, Why.AUDIENCE),
        ({"iss": "https://elsewhere.example"}, Why.ISSUER),
        ({"iss": "h"}, Why.ISSUER),
        ({"iss": None}, Why.CLAIMS),
        ({"exp": now - 61}, Why.TIME),
        ({"exp": None}, Why.CLAIMS),
        ({"exp": True}, Why.CLAIMS),
        ({"exp": "never"}, Why.CLAIMS),
        ({"iat": now - 700}, Why.TIME),
        ({"iat": now + 300}, Why.TIME),
        ({"nbf": now + 300}, Why.TIME),
        ({"sub": None}, Why.CLAIMS),
        ({"sub": ""}, Why.CLAIMS),
        ({"sub": "x" * 256}, Why.CLAIMS),
        ({"preferred_username": None}, Why.CLAIMS),
        ({"preferred_username": "a\u202eda"}, Why.CLAIMS),
        ({"preferred_username": "a" * 65}, Why.CLAIMS),
        ({"groups": None}, Why.NO_ROLE),
        ({"groups": ["security-officer"]}, Why.NO_ROLE),
        ({"groups": [["operators"]], "role": "operator"}, Why.NO_ROLE),
        ({"groups": ["operators", "officers"]}, Why.TWO_ROLES),
    )


async def test_claims_that_do_not_fit_let_nobody_in(gate: Gate) -> None:
    honest = dict(gate.provider.said)
    for said, why in unfit():
        gate.provider.said = {**honest, **said}
        assert await gate.refused() == why, said
    assert [one for one in await gate.scene.accounts.accounts() if one.issuer is not None] == []


def unsigned(claims: Claims) -> str:
    return jwt.encode(claims, "", "none")


def by_another_key(claims: Claims) -> str:
    return jwt.encode(claims, rsa.generate_private_key(65537, 2048), "RS256", headers={"kid": "first"})


def part(value: object) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")


def confused(gate: Gate) -> Callable[[Claims], str]:
    """Signed by HMAC, with the public key for the secret, which everybody has."""
    private = gate.provider.private
    assert isinstance(private, rsa.RSAPrivateKey)
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def made(claims: Claims) -> str:
        body = part({"alg": "HS256", "kid": "first"}) + b"." + part(claims)
        mac = base64.urlsafe_b64encode(hmac.digest(public, body, hashlib.sha256)).rstrip(b"=")
        return (body + b"." + mac).decode()

    return made


async def test_what_nobody_signed_lets_nobody_in(gate: Gate) -> None:
    provider = gate.provider
    provider.sign = unsigned
    assert await gate.refused() == Why.ALGORITHM
    provider.sign = confused(gate)
    assert await gate.refused() == Why.ALGORITHM
    provider.sign = by_another_key
    assert await gate.refused() == Why.SIGNATURE
    private = provider.private
    provider.sign = lambda claims: jwt.encode(claims, private, "RS512", headers={"kid": "first"})
    assert await gate.refused() == Why.ALGORITHM, "it is not among those of the settings"
    provider.sign = lambda claims: jwt.encode(claims, private, "RS256", headers={"kid": "first", "typ": "logout+jwt"})
    assert await gate.refused() == Why.ALGORITHM
    for garbage in ("", "a.b", "a.b.c", "\u00e9" * 9, "x" * 40_000, "." * 100):
        provider.sign = lambda _, said=garbage: said
        assert await gate.refused() == Why.TOKEN


async def test_a_key_that_is_too_weak_or_for_another_use_signs_nothing(gate: Gate) -> None:
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505  # the weak one
    ours = gate.provider.jwk()
    short = {**jwt.algorithms.RSAAlgorithm.to_jwk(weak.public_key(), as_dict=True), "kid": "first"}
    for keys in (
        [short],
        [{**ours, "use": "enc"}],
        [{**ours, "alg": "RS384"}],
        [{**ours, "kty": "oct", "k": "AA"}],
        [],
    ):
        gate.provider.published = keys
        gate.issuer._known = None  # noqa: SLF001  # as a start of the gateway has it
        assert await gate.refused() == Why.KEY
    gate.provider.published = [{**ours, "kid": "a"}, {**ours, "kid": "b"}]
    gate.issuer._known = None  # noqa: SLF001  # as above
    private = gate.provider.private
    gate.provider.sign = lambda claims: jwt.encode(claims, private, "RS256")
    assert await gate.refused() == Why.KEY, "it says of no key that it is the one"


async def test_keys_change_and_are_not_asked_for_without_end(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await gate.sign_in())[1] == 200
    gate.provider.private, gate.provider.kid = rsa.generate_private_key(65537, 2048), "second"
    assert await gate.refused() == Why.KEY, "asked again too soon"
    assert gate.provider.asked.count("keys") == 1
    monkeypatch.setattr("gateway.adapters.openid.AGAIN", 0.0)
    assert (await gate.sign_in())[1] == 200
    assert gate.provider.asked.count("keys") == 2


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://elsewhere.example"},
        {"issuer": None},
        {"token_endpoint": None},
        {"token_endpoint": "http://elsewhere.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "https://someone@elsewhere.example/"},
        {"code_challenge_methods_supported": ["plain"]},
    ],
)
async def test_a_provider_that_nobody_could_go_by_is_not_gone_by(gate: Gate, metadata: Claims) -> None:
    gate.provider.metadata = metadata
    answer = await (await gate.scene.browser()).get("/console/openid", allow_redirects=False)
    assert answer.status == 503
    assert "cannot be gone by now" in await answer.text()
    assert "keys" not in gate.provider.asked
    await (await gate.scene.browser()).get("/console/openid", allow_redirects=False)
    assert gate.provider.asked == ["metadata"], "not asked again at once"


async def test_answers_of_the_provider_are_bounded_and_lead_nowhere(tmp_path: Path) -> None:
    def away(_request: web.Request) -> web.StreamResponse:
        raise web.HTTPTemporaryRedirect("/token")

    async with opened(tmp_path) as gate:
        answers: tuple[Callable[[web.Request], web.StreamResponse], ...] = (
            away,
            lambda _: web.Response(body=b"[" * 300_000),
            lambda _: web.Response(body=b"[" * 200_000),
            lambda _: web.Response(text="<html>"),
            lambda _: web.Response(status=500),
        )
        for answer in answers:
            gate.provider.answer = answer
            _, status, page = await gate.sign_in()
            assert (status, "cannot be gone by now" in page) == (503, True)
        for odd in (["no", "object"], {"id_token": None}, {"id_token": 7}):
            gate.provider.answer = lambda _, said=odd: web.json_response(said)
            assert await gate.refused() == Why.TOKEN
        gate.provider.answer = lambda _: web.json_response({"error": "invalid_client"}, status=401)
        assert await gate.refused() == Why.CODE
        await gate.provider.server.close()
        browser, asked = await gate.begin()  # what the provider said of itself is known
        assert (await gate.come(browser, code="any", state=asked["state"]))[0] == 503


def test_settings_that_cannot_be_are_refused_at_the_start(tmp_path: Path) -> None:
    good = {"issuer": "https://id.example", "client": CLIENT, "roles": {"operators": "operator"}}
    HttpIssuer(OpenId.model_validate(good), Now())
    bad: tuple[dict[str, object], ...] = (
        {"issuer": "http://id.example"},
        {"issuer": "https://id.example?x=1"},
        {"issuer": "ftp://localhost"},
        {"client": ""},
        {"roles": {}},
        {"scopes": ["profile"]},
        {"secret_file": str(tmp_path / "missing")},
        {"authority_file": str(tmp_path / "missing")},
    )
    for change in bad:
        with pytest.raises(Misuse):
            HttpIssuer(OpenId.model_validate({**good, **change}), Now())
    for wrong in ({"algorithms": ["HS256"]}, {"algorithms": ["none"]}, {"roles": {"x": "root"}}):
        with pytest.raises(ValueError, match="Input should be"):
            OpenId.model_validate({**good, **wrong})
    readable = tmp_path / "readable"
    readable.write_text(SECRET)
    readable.chmod(0o644)
    with pytest.raises(Misuse, match="chmod 600"):
        HttpIssuer(OpenId.model_validate({**good, "secret_file": str(readable)}), Now())
