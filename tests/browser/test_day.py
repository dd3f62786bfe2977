"""An operator's day at a live network, in a real browser: a refusal, a silence, the quarantine, a proof, a list."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.chromium import Window, window
from tests.browser.day import PASSWORD, RUBBISH, Day, day

PAGES = (
    "",
    "operations",
    "operations/infra-test",
    "exchanges",
    "overdue",
    "bureaus",
    "bureaus/AR",
    "quarantine",
    "quarantine/2",
    "approvals",
    "ledger",
    "broker",
    "audit",
)


@pytest_asyncio.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Day]:
    async with day(tmp_path) as made:
        yield made


async def sign_in(at: Window, name: str) -> None:
    await at.page.goto(f"{at.home}/console/sign-in")
    await at.page.get_by_label("Name").fill(name)
    await at.page.get_by_label("Password").fill(PASSWORD)
    await at.page.get_by_role("button", name="Sign in", exact=True).click()
    await expect(at.page.get_by_role("heading", name="Overview")).to_be_visible()


async def sign_out(at: Window) -> None:
    await at.page.get_by_role("button", name="Sign out").click()
    await expect(at.page.get_by_role("heading", name="Sign in")).to_be_visible()


async def go(at: Window, name: str) -> None:
    """By the menu."""
    await at.page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()


async def why_was_it_refused(at: Window, scene: Day) -> None:
    page, reason = at.page, str(scene.refused.reason)
    await page.get_by_role("link", name=f"refused lately: {reason}").click()
    rows = page.get_by_role("region", name="Messages found").get_by_role("row")
    await expect(rows.nth(1)).to_contain_text(f"refused: {reason}")
    await rows.nth(1).get_by_role("link").click()
    await expect(page.get_by_role("list").filter(has_text=f"reason {reason}").first).to_be_visible()


async def who_is_silent(at: Window, scene: Day) -> None:
    """The answer clock runs out while the operator looks."""
    page = at.page
    await go(at, "Overview")
    await page.get_by_role("link", name="answer is overdue").click()
    late = page.get_by_role("region", name="Answers awaited").get_by_role("row").nth(1)
    await expect(late).to_contain_text("escalated")
    await expect(late).to_contain_text("AR")
    await late.get_by_role("link").last.click()
    await expect(page.get_by_text("Answer overdue: silence attested")).to_be_visible()
    await expect(page.get_by_text("Escalated", exact=True)).to_be_visible()
    assert scene.silent.digest.hex() in page.url


async def release(at: Window) -> None:
    page = at.page
    await go(at, "Quarantine")
    await page.get_by_role("link", name="1", exact=True).click()
    await expect(page.get_by_text("Claimed by the bytes")).to_be_visible()
    await page.locator("#why-release").fill("the fault is mended")
    await page.get_by_role("button", name="Release").click()
    await expect(page.get_by_role("status")).to_have_text("1 was released and accepted")


async def bring(at: Window, file: Path, why: str) -> None:
    await go(at, "Approvals")
    await at.page.get_by_label("The request's file").set_input_files(file)
    await at.page.locator("#why").fill(why)
    await at.page.get_by_role("button", name="Bring it").click()


async def discard(at: Window, scene: Day, folder: Path) -> None:
    """One asks, another signs the same, on their own machines; then the officer acts in the page."""
    page, first, second = at.page, folder / "request.cbor", folder / "signed.cbor"
    first.write_bytes(scene.request("ada", RUBBISH))
    await bring(at, first, "nobody can read it")
    asked = page.get_by_role("region", name="Requests").get_by_role("row").nth(1)
    await expect(asked).to_contain_text("waits for a signature")
    await go(at, "Quarantine")
    await page.get_by_role("link", name="2", exact=True).click()
    await expect(page.get_by_text("Signed by ada (1 of 2)")).to_be_visible()
    await expect(page.get_by_role("button", name="Discard for good")).to_have_count(0)
    await sign_out(at)

    await sign_in(at, "bo")
    await go(at, "Approvals")
    async with page.expect_download() as taken:
        await asked.get_by_role("link").click()
    held = await (await taken.value).path()
    second.write_bytes(scene.request("bo", RUBBISH, held.read_bytes()))
    await bring(at, second, "I looked at it too")
    await expect(asked).to_contain_text("ready to act")
    await sign_out(at)

    await sign_in(at, "ada")
    await page.goto(f"{at.home}/console/quarantine/2")
    await page.get_by_label("Reason (in the ledger)").select_option("unreadable")
    await page.locator("#why-discard").fill("two of us looked")
    await page.get_by_role("button", name="Discard for good").click()
    await expect(page.get_by_role("status")).to_contain_text("2 was discarded")
    await expect(page.get_by_text("Nothing is set aside.")).to_be_visible()


async def verify(at: Window, scene: Day) -> None:
    page = at.page
    await page.goto(f"{at.home}/console/exchanges/{scene.answered.digest.hex()}")
    await expect(page.get_by_text("Acknowledged by its recipient")).to_be_visible()
    await expect(page.get_by_text("verified", exact=True)).to_have_count(6)
    await expect(page.get_by_text("does not verify")).to_have_count(0)


async def export(at: Window) -> None:
    page = at.page
    await go(at, "Audit")
    await page.locator("#why-audit").fill("the end of the watch")
    async with page.expect_download() as taken:
        await page.get_by_role("button", name="Export CSV").click()
    text = (await (await taken.value).path()).read_text("utf-8")
    done = [(row["who"], row["what"], row["why"]) for row in csv.DictReader(io.StringIO(text))]
    assert done[0] == ("ada", "console.export/1", "the end of the watch")
    assert ("ada", "quarantine.discard/1", "two of us looked") in done
    assert ("bo", "request.bring/1", "I looked at it too") in done


@pytest.mark.timeout(300)
async def test_an_operators_day(scene: Day, tmp_path: Path) -> None:
    async with window(tmp_path, scene.network.operators) as at:
        await sign_in(at, "ada")
        traffic = at.page.get_by_role("region", name="Traffic between bureaus")
        await expect(traffic.get_by_role("row", name="IPSG BR")).to_be_visible()
        await why_was_it_refused(at, scene)
        await who_is_silent(at, scene)
        for path in PAGES:
            await at.page.goto(f"{at.home}/console/{path}")
            for scheme in ("light", "dark"):
                await at.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
                assert await at.findings() == [], (path, scheme)
        await release(at)
        await discard(at, scene, tmp_path)
        await verify(at, scene)
        await export(at)
        assert at.wrong == []
