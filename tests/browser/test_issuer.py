"""An operator signs in at a provider that nobody here wrote, in a real browser, and signs out of both.

The provider is at `localhost` and the console at 127.0.0.1: to a browser those are two sites, as they are in life.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import oidc_provider_mock
import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.chromium import window
from tests.integration.gateway_network import GatewayNetwork

SETTINGS = """
[console.openid]
issuer = "{issuer}"
client = "bureaunet-console"
secret_file = "{secret}"
label = "the ministry"
roles = {{ duty = "operator", audit = "auditor" }}
"""


@pytest_asyncio.fixture
async def network(tmp_path: Path) -> AsyncIterator[GatewayNetwork]:
    users = (
        oidc_provider_mock.User(sub="a-1", claims={"preferred_username": "ada.l", "groups": ["staff", "duty"]}),
        oidc_provider_mock.User(sub="b-2", claims={"preferred_username": "bo.b", "groups": ["staff"]}),
    )
    made, secret = GatewayNetwork(tmp_path), tmp_path / "client-secret"
    secret.write_text("a synthetic client secret")
    secret.chmod(0o600)
    with oidc_provider_mock.run_server_in_thread(user_claims=users) as server:
        issuer = f"http://localhost:{server.server_port}"
        (made.home / "gateway.toml").write_text(SETTINGS.format(issuer=issuer, secret=secret))
        await made.load()
        await made.start()
        try:
            yield made
        finally:
            assert await made.stop() == 0


@pytest.mark.timeout(300)
async def test_an_operator_comes_in_by_the_provider_and_leaves_both(network: GatewayNetwork, tmp_path: Path) -> None:
    async with window(tmp_path, network.operators) as at:
        page = at.page
        await page.goto(f"{at.home}/console/")
        await expect(page.get_by_role("link", name="Sign in with the ministry")).to_be_visible()
        assert await at.findings() == []

        await page.get_by_role("link", name="Sign in with the ministry").click()
        await page.get_by_role("button", name="b-2", exact=True).click()
        await expect(page.get_by_role("alert")).to_contain_text("was not accepted: no-role")
        assert await at.findings() == []

        await page.get_by_role("link", name="Sign in with the ministry").click()
        await page.get_by_role("button", name="a-1", exact=True).click()
        await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        await expect(page.get_by_role("banner")).to_contain_text("ada.l (operator)")
        held = {cookie["name"]: cookie for cookie in await page.context.cookies(at.home)}
        assert set(held) == {"bureaunet-session"}
        assert (held["bureaunet-session"]["sameSite"], held["bureaunet-session"]["httpOnly"]) == ("Strict", True)

        await page.get_by_role("button", name="Sign out").click()
        await page.get_by_role("link", name="Sign out of the ministry too").click()
        await expect(page).to_have_url(re.compile(r"^http://localhost:\d+/"))
        await page.goto(f"{at.home}/console/")
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        listed = await network.command("account", "list", "--home", network.home)
        assert [line.split()[:2] for line in listed.splitlines()] == [["account=ada.l", "role=operator"]]
