"""Staff and public in a real browser: a silence, a red notice by two people, a tip and its answer."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import FilePayload, expect

from tests.browser.chromium import Window, window
from tests.browser.evaluation import evaluation
from tests.browser.secretariat import APPEAL, Scene, face, secretariat

WIDE = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


@pytest_asyncio.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with secretariat(tmp_path / "house") as made:
        yield made


async def sign_in(at: Window, scene: Scene, name: str, heading: str) -> None:
    await at.page.goto(f"{at.home}/sign-in")
    await at.page.get_by_label("Name").fill(name)
    await at.page.get_by_label("Password").fill(scene.password)
    await at.page.get_by_role("button", name="Sign in").click()
    await expect(at.page.get_by_role("heading", name=heading, exact=True)).to_be_visible()


async def sign_out(at: Window) -> None:
    await at.page.get_by_role("button", name="Sign out").click()
    await expect(at.page.get_by_role("heading", name="Sign in")).to_be_visible()


async def looked_at(at: Window, what: str) -> None:
    """What axe finds in both schemes, and whether a narrow screen scrolls down alone."""
    for scheme in ("light", "dark"):
        await at.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        assert await at.findings() == [], (what, scheme)
    await at.page.set_viewport_size({"width": 360, "height": 740})
    assert await at.page.evaluate(WIDE), what
    await at.page.set_viewport_size({"width": 1280, "height": 900})


async def duty(at: Window, scene: Scene) -> None:
    """BR is silent, is asked again by one key, and says until when; the watch is handed over."""
    page = at.page
    await sign_in(at, scene, "omar", "Command and Coordination Centre")
    await expect(page.get_by_role("heading", name="BR owes FR an answer")).to_be_visible()
    await page.get_by_role("button", name="Ask BR again").click()
    await expect(page.get_by_role("status")).to_have_text("BR is asked again.")
    calls = page.get_by_role("list", name="Calls to BR")
    for _ in range(240):
        if "IN_PROCESS" in await calls.inner_text():
            break
        await page.wait_for_timeout(250)
        await page.reload()
    await expect(calls).to_contain_text("IN_PROCESS")
    await expect(calls).to_contain_text("The court is asked.")
    await page.get_by_label("What the next watch has to know").fill("BR promised an answer in two hours.")
    await page.get_by_role("button", name="Hand over").click()
    await expect(page.get_by_text("Nobody has taken over yet.")).to_be_visible()
    await looked_at(at, "duty")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.textContent") == "Skip to the page"
    await sign_out(at)


async def screening(at: Window, scene: Scene) -> None:
    """What the rules found is told; one publisher is not enough for a red notice, and two are."""
    page = at.page
    await sign_in(at, scene, "ines", "Requests on screening")
    await looked_at(at, "screening")
    await page.get_by_role("link", name="FR-2026/1").click()
    await expect(page.get_by_role("heading", name="Red notice asked for by FR: FR-2026/1")).to_be_visible()
    found = page.get_by_role("list").filter(has_text="a person decides")
    await expect(found).to_contain_text("lacks")
    await expect(page.get_by_role("img", name="Attachment 1: face")).to_be_visible()
    await page.wait_for_load_state("load")
    assert await page.evaluate("document.querySelector('figure img').naturalWidth") > 0
    await looked_at(at, "request")
    await page.get_by_label("Why (needed: the rules found something)").fill("his party has nothing to do with it")
    await page.get_by_role("button", name="Approve").click()
    await expect(page.get_by_role("status")).to_contain_text("another person has to approve it too")
    await page.get_by_role("link", name="FR-2026/1").click()
    await expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    await sign_out(at)
    await sign_in(at, scene, "paul", "Requests on screening")
    await page.get_by_role("link", name="FR-2026/1").click()
    await expect(page.get_by_text("ines approved it")).to_be_visible()
    await page.get_by_label("Why (needed: the rules found something)").fill("I read it too")
    await page.get_by_role("button", name="Approve").click()
    await expect(page.get_by_role("status")).to_contain_text("it is published")
    await page.get_by_role("navigation").get_by_role("link", name="Notices").click()
    for _ in range(240):
        if await page.get_by_role("link", name="R-1/").count():
            break
        await page.wait_for_timeout(250)
        await page.reload()
    await page.get_by_role("link", name="R-1/").click()
    await expect(page.get_by_role("heading", name="Red notice R-1/")).to_be_visible()
    await looked_at(at, "notice")
    await sign_out(at)


async def tell(at: Window) -> tuple[str, str]:
    """Somebody of the public tells something: the number and the secret."""
    page = at.page
    await page.goto(at.home)
    await expect(page.get_by_role("heading", name=APPEAL)).to_be_visible()
    await looked_at(at, "public")
    await page.get_by_label("Whom it is about").select_option(label=APPEAL)
    await page.get_by_label("What you know").fill("He takes the ferry at seven.\n<b>Every</b> Sunday.")
    await page.get_by_label("Country where it was").select_option("PT")
    file = FilePayload(name="IMG_1.jpg", mimeType="image/jpeg", buffer=face())
    await page.get_by_label("Pictures").set_input_files([file])
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    await looked_at(at, "taken")
    assert await page.context.cookies() == []
    return await page.locator("#number").inner_text(), await page.locator("#secret").inner_text()


async def triage(at: Window, scene: Scene, number: str) -> None:
    """The unit reads it, forwards it to the bureau that seeks him, and answers."""
    page = at.page
    await sign_in(at, scene, "vera", "Tips")
    await looked_at(at, "tips")
    await page.get_by_role("link", name=number).click()
    await expect(page.get_by_text("<b>Every</b> Sunday.")).to_be_visible()
    shown = await page.request.get(f"{at.home}/tips/{number}/pictures/0")
    with Image.open(io.BytesIO(await shown.body())) as opened:
        assert dict(opened.getexif()) == {}
    await expect(page.get_by_label("Bureaus (codes, separated by spaces)")).to_have_value("FR")
    await page.get_by_role("button", name="Forward, sealed").click()
    await expect(page.get_by_role("status")).to_have_text("It goes to FR.")
    sent = page.get_by_role("article", name="Sent to FR")
    for _ in range(240):
        if "LOCATED" in await sent.inner_text():
            break
        await page.wait_for_timeout(250)
        await page.reload()
    await expect(sent).to_contain_text("He was found. Thank you.")
    await page.get_by_label("Answer (read with the number and the secret)").fill("He was found. Thank you.")
    await page.get_by_role("button", name="Answer").click()
    await looked_at(at, "tip")
    await page.get_by_role("navigation").get_by_role("link", name="Public appeals").click()
    await looked_at(at, "appeals")
    await sign_out(at)


async def come_back(at: Window, number: str, secret: str) -> None:
    page = at.page
    await page.goto(f"{at.home}/answer")
    await looked_at(at, "answer")
    await page.get_by_label("Number").fill(number)
    await page.get_by_label("Secret").fill(secret.lower())
    await page.get_by_role("button", name="Read").click()
    await expect(page.get_by_text("It led to where somebody is. Thank you.")).to_be_visible()
    await expect(page.get_by_role("article", name="Answer")).to_contain_text("He was found. Thank you.")
    await looked_at(at, "thread")


@pytest.mark.timeout(300)
async def test_a_day_at_the_secretariat(scene: Scene, tmp_path: Path) -> None:
    async with window(tmp_path / "staff", scene.staff) as at, window(tmp_path / "public", scene.public) as outside:
        await at.page.set_viewport_size({"width": 1280, "height": 900})
        await duty(at, scene)
        await screening(at, scene)
        number, secret = await tell(outside)
        await triage(at, scene, number)
        await come_back(outside, number, secret)
        assert (at.wrong, outside.wrong) == ([], [])


async def test_an_evaluation_is_a_page_that_everybody_can_read(tmp_path: Path) -> None:
    file = await evaluation(tmp_path)
    async with window(tmp_path / "window", file.as_uri()) as at:
        page = at.page
        await page.set_viewport_size({"width": 1280, "height": 900})
        await page.goto(at.home)
        await expect(page.get_by_role("heading", name="Evaluation of Infra-Test 2026")).to_be_visible()
        for heading in ("Results", "Totals as claimed", "Quality of notices and records", "Use of the databases"):
            await expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
        await expect(page.get_by_role("table", name="Who claims what")).to_contain_text("A newspaper")
        assert await page.locator("svg").count() >= 4
        assert await page.locator("svg:not([role=img]), svg:not([aria-label]):not([aria-labelledby])").count() == 0
        await looked_at(at, "evaluation")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.textContent") == "To the content"
        assert at.wrong == []
