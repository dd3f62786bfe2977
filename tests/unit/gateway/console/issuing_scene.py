"""A console whose operators may sign in at a provider: for tests of the way there and back."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from aiohttp import web
from aiohttp.test_utils import TestClient

from gateway.adapters.openid import HttpIssuer
from gateway.settings import Console as Limits
from gateway.settings import OpenId
from tests.openid_provider import CLIENT, SECRET, Provider, provider
from tests.unit.gateway.console.scene import Scene, console

Browser = TestClient[web.Request, web.Application]


class Now:
    """The clock of the provider and of the issuer's adapter alike."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000


@dataclass
class Gate:
    """A console, and the provider that it asks."""

    scene: Scene
    provider: Provider
    issuer: HttpIssuer
    back: str = field(init=False)

    def __post_init__(self) -> None:
        self.back = f"{self.scene.server.make_url('/console/openid/back')}"

    async def begin(self) -> tuple[Browser, dict[str, str]]:
        """A browser that was led to the provider, and what it was told to ask there."""
        browser = await self.scene.browser()
        answer = await browser.get("/console/openid", allow_redirects=False)
        assert answer.status == 303, await answer.text()
        place = urlsplit(answer.headers["Location"])
        assert f"{place.scheme}://{place.netloc}" == self.provider.issuer
        return browser, {name: values[0] for name, values in parse_qs(place.query).items()}

    async def come(self, browser: Browser, **query: str) -> tuple[int, str]:
        """The browser comes back: status and page."""
        answer = await browser.get("/console/openid/back", params=query, allow_redirects=False)
        return answer.status, await answer.text()

    async def sign_in(self) -> tuple[Browser, int, str]:
        """The whole way."""
        browser, asked = await self.begin()
        status, page = await self.come(browser, code=self.provider.grant(asked), state=asked["state"])
        return browser, status, page

    async def refused(self) -> str:
        """The whole way of somebody who does not come in: why."""
        browser, status, page = await self.sign_in()
        assert status == 403, page
        assert (await browser.get("/console/", allow_redirects=False)).status == 303, "nobody is signed in"
        return self.why()

    def why(self) -> str:
        """What the log says."""
        return str([seen.fields["why"] for seen in self.scene.world.watcher.named("issuer-refused")][-1])


@asynccontextmanager
async def opened(folder: Path, **more: object) -> AsyncIterator[Gate]:
    secret = folder / "client-secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    roles = {"operators": "operator", "officers": "security-officer"}
    async with provider() as found:
        said = {"issuer": found.issuer, "client": CLIENT, "secret_file": str(secret), "roles": roles, **more}
        asked = OpenId.model_validate(said)
        issuer = HttpIssuer(asked, Now())
        async with console(Limits(openid=asked, address_attempts=200), issuer) as scene:
            yield Gate(scene, found, issuer)
