"""Sign-ins at the console by a provider that lies, or by a browser that did not begin them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.ports_console import AccountRole
from tests.adversary.scene import Scene
from tests.adversary.seats import PASSWORD, Browser, Seats
from tests.adversary.table import Seen, play
from tests.openid_provider import Claims, Provider

BACK: Final = "/console/openid/back"
EVENT: Final = "issuer-refused"


@contextmanager
def lying(
    provider: Provider, said: Claims | None = None, sign: Callable[[Claims], str] | None = None
) -> Iterator[None]:
    """The provider says something else for a while."""
    honest = provider.said, provider.sign
    provider.said, provider.sign = {**provider.said, **(said or {})}, sign
    try:
        yield
    finally:
        provider.said, provider.sign = honest


async def begin(browser: Browser) -> dict[str, str]:
    """Be led to the provider: what is asked there."""
    led = await browser.get("/console/openid")
    assert led.status == 303, led.text
    return {name: values[0] for name, values in parse_qs(urlsplit(led.to).query).items()}


async def come(browser: Browser, **query: str) -> int:
    """Come back: the status."""
    asked = browser.client.get(BACK, params=query, allow_redirects=False)
    async with asked as response:
        return response.status


async def refused(scene: Scene, said: Claims | None = None, sign: Callable[[Claims], str] | None = None) -> Seen:
    """The whole way, with a provider that lies."""
    seats = await Seats.of(scene)

    async def attack() -> str:
        async with seats.browser() as browser:
            with lying(scene.issuer, said, sign):
                asked = await begin(browser)
                status = await come(browser, code=scene.issuer.grant(asked), state=asked["state"])
            inside = not (await browser.get("/console/")).is_sign_in
            return "came in" if inside or status != 403 else seats.why(EVENT)

    return await seats.refused(EVENT, attack)


@play
async def openid_other_browser(scene: Scene) -> Seen:
    """The thief begins, signs in as himself, and has the victim's browser finish: it would act in his name."""
    seats = await Seats.of(scene)

    async def attack() -> str:
        async with seats.browser() as thief, seats.browser() as victim:
            asked = await begin(thief)
            await begin(victim)
            status = await come(victim, code=scene.issuer.grant(asked), state=asked["state"])
            return seats.why(EVENT) if status == 403 else "came in"

    return await seats.refused(EVENT, attack)


@play
async def openid_planted_code(scene: Scene) -> Seen:
    seats = await Seats.of(scene)

    async def attack() -> str:
        async with seats.browser() as thief, seats.browser() as victim:
            code = scene.issuer.grant(await begin(victim))
            own = await begin(thief)
            return seats.why(EVENT) if await come(thief, code=code, state=own["state"]) == 403 else "came in"

    return await seats.refused(EVENT, attack)


async def _twice(scene: Scene, *, again: bool) -> Seen:
    seats = await Seats.of(scene)
    scene.issuer.again = again
    async with seats.browser() as browser, seats.browser() as second:
        asked = await begin(browser)
        code, held = scene.issuer.grant(asked), browser.cookies["bureaunet-passage"]
        assert await come(browser, code=code, state=asked["state"]) == 200

        async def attack() -> str:
            second.hold(bureaunet_passage=held)
            return seats.why(EVENT) if await come(second, code=code, state=asked["state"]) == 403 else "came in"

        seen = await seats.refused(EVENT, attack)
    scene.issuer.again = False
    return seen


@play
async def openid_replayed_code(scene: Scene) -> Seen:
    return await _twice(scene, again=False)


@play
async def openid_replayed_word(scene: Scene) -> Seen:
    return await _twice(scene, again=True)


@play
async def openid_mix_up(scene: Scene) -> Seen:
    seats = await Seats.of(scene)

    async def attack() -> str:
        async with seats.browser() as browser:
            asked = await begin(browser)
            query = {"code": scene.issuer.grant(asked), "state": asked["state"], "iss": "https://elsewhere.example"}
            return seats.why(EVENT) if await come(browser, **query) == 403 else "came in"

    return await seats.refused(EVENT, attack)


@play
async def openid_nonce(scene: Scene) -> Seen:
    return await refused(scene, {"nonce": "00" * 32})


@play
async def openid_audience(scene: Scene) -> Seen:
    return await refused(scene, {"aud": "another-client"})


@play
async def openid_issuer(scene: Scene) -> Seen:
    return await refused(scene, {"iss": "https://elsewhere.example"})


@play
async def openid_unsigned(scene: Scene) -> Seen:
    return await refused(scene, sign=lambda claims: jwt.encode(claims, "", "none"))


@play
async def openid_hmac(scene: Scene) -> Seen:
    private = scene.issuer.private
    assert isinstance(private, rsa.RSAPrivateKey)
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def part(value: bytes) -> bytes:
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    def made(claims: Claims) -> str:
        header = {"alg": "HS256", "kid": scene.issuer.kid}
        body = b".".join(part(json.dumps(value).encode()) for value in (header, claims))
        return (body + b"." + part(hmac.digest(public, body, hashlib.sha256))).decode()

    return await refused(scene, sign=made)


@play
async def openid_other_key(scene: Scene) -> Seen:
    other = rsa.generate_private_key(65537, 2048)
    kid = scene.issuer.kid
    return await refused(scene, sign=lambda claims: jwt.encode(claims, other, "RS256", headers={"kid": kid}))


@play
async def openid_expired(scene: Scene) -> Seen:
    return await refused(scene, {"exp": int(time.time()) - 120})


@play
async def openid_takeover(scene: Scene) -> Seen:
    name = str(AccountRole.SECURITY_OFFICER)
    taken: Claims = {"sub": "2002", "preferred_username": name, "email": name, "email_verified": True}
    return await refused(scene, {**taken, "groups": ["officers"]})


@play
async def openid_role(scene: Scene) -> Seen:
    return await refused(scene, {"sub": "2003", "groups": ["everybody"], "role": "security-officer"})


@play
async def openid_password(scene: Scene) -> Seen:
    seats = await Seats.of(scene)
    async with seats.browser() as browser:
        asked = await begin(browser)
        assert await come(browser, code=scene.issuer.grant(asked), state=asked["state"]) == 200

    async def attack() -> str:
        async with seats.browser() as thief:
            tried = [(await thief.sign_in("ada", password)).status for password in ("", PASSWORD)]
            return "refused" if tried == [401, 401] else "came in"

    return await seats.refused("sign-in-refused", attack)
