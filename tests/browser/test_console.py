"""An operator at a live network in a real browser: signs in, sees traffic, finds a refusal and why, is locked out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from schemas import wire
from schemas.receipts import Acceptance
from tests.browser.chromium import Window, window
from tests.integration.gateway_network import QUERY, GatewayNetwork

PASSWORD = "synthetic operators only"  # noqa: S105  # of an account that lives as long as the test


@dataclass
class Live:
    """A gateway process with traffic, and an account for its console."""

    network: GatewayNetwork
    handed: Acceptance
    refused: Acceptance


async def account(network: GatewayNetwork, *arguments: str) -> str:
    secret = network.folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    more = ("--password-file", str(secret)) if arguments[0] == "add" else ()
    said = ("--home", str(network.home), "--operator", "the test")
    return await network.command("account", *arguments, *said, *more)


@pytest_asyncio.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    network = GatewayNetwork(tmp_path)
    await network.load()
    await account(network, "add", "ada", "--role", "operator")
    await network.start()
    try:
        await network.open_operation()
        sent = wire.encode_submission(network.query("BR", "AR"))
        _, handed = await network.submit("BR", sent)
        async with network.client("AR") as client:
            data = network.acknowledgement("AR", handed.digest)
            async with client.post(wire.EVIDENCE, data=data) as response:
                assert response.status < 300, await response.text()
        sent = wire.encode_submission(network.query("BR", "AR", sub="no-such-operation"))
        _, refused = await network.submit("BR", sent)
        assert refused.reason is not None
        yield Live(network, handed, refused)
    finally:
        assert await network.stop() == 0


async def sign_in(at: Window) -> None:
    page = at.page
    await page.goto(f"{at.home}/console")
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert await at.findings() == []
    await page.get_by_label("Name").fill("ada")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()


@pytest.mark.timeout(300)
async def test_an_operator_finds_out_why_a_message_was_refused(live: Live, tmp_path: Path) -> None:
    async with window(tmp_path, live.network.operators) as at:
        page, reason = at.page, str(live.refused.reason)
        await sign_in(at)
        traffic = page.get_by_role("region", name="Traffic between bureaus")
        await expect(traffic.get_by_role("row", name="BR AR 1")).to_be_visible()
        await expect(page.get_by_role("status")).to_have_text("Live")
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            assert await at.findings() == [], scheme

        await page.get_by_role("link", name=f"refused lately: {reason}").click()
        await expect(page.get_by_role("heading", name="Exchanges")).to_be_visible()
        rows = page.get_by_role("region", name="Messages found").get_by_role("row")
        await expect(rows).to_have_count(2)
        await expect(rows.nth(1)).to_contain_text(f"refused: {reason}")
        assert await at.findings() == []
        await rows.nth(1).get_by_role("link").click()
        await expect(page.get_by_role("list").filter(has_text=f"reason {reason}").first).to_be_visible()

        await page.set_viewport_size({"width": 360, "height": 740})
        await page.goto(f"{at.home}/console/exchanges/{live.handed.digest.hex()}")
        await expect(page.get_by_role("heading", name=f"BR to AR: {QUERY}")).to_be_visible()
        await expect(page.get_by_text("Acknowledged by its recipient")).to_be_visible()
        await expect(page.get_by_text("does not verify")).to_have_count(0)
        await expect(page.locator("time .local").first).to_be_visible()
        assert await at.findings() == []
        wide = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        assert await page.evaluate(wide), "a narrow screen scrolls down alone"
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.textContent") == "Skip to the page"
        for name in ("Operations", "Bureaus", "Ledger"):
            await page.get_by_role("navigation").get_by_role("link", name=name).click()
            await expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
            assert await at.findings() == [], name
        assert at.wrong == []

        await account(live.network, "lock", "ada", "--why", "the test is over")
        await page.goto(f"{at.home}/console/")
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
