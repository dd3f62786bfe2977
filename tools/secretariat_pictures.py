"""Takes the pictures of docs/secretariat.md: the duty desk, screening, a tip, the public's page, an evaluation.

    .venv/bin/python -m tools.secretariat_pictures [FOLDER]     (part of make pictures; FOLDER is docs/pictures)

Everybody in them is synthetic, the faces are drawn. Light, 1280 pixels wide. A quarter of a minute.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final

from playwright.async_api import FilePayload, Page, expect

from schemas.errors import Misuse
from tests.browser.chromium import Window, window
from tests.browser.evaluation import evaluation
from tests.browser.secretariat import APPEAL, Scene, face, secretariat

FOLDER: Final = Path("docs/pictures")
WIDTH, HEIGHT, TALL = 1280, 900, 1500
LARGEST: Final = 300 * 1024
"""Bytes of one picture."""


async def main(into: Path) -> None:
    """Take them."""
    with tempfile.TemporaryDirectory(prefix="bureaunet-pictures-") as name:
        folder = Path(name)
        async with (
            secretariat(folder / "house") as scene,
            window(folder / "staff", scene.staff) as at,
            window(folder / "public", scene.public) as outside,
        ):
            for one in (at, outside):
                await one.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
                await one.page.emulate_media(color_scheme="light", reduced_motion="reduce")
            await _duty(at, scene, into / "duty-desk.png")
            await _screening(at, scene, into / "screening.png")
            await _public(outside, into / "public-appeal.png")
            await _tip(at, scene, into / "tip.png")
            _check(at, outside)
        await _evaluation(folder, into / "evaluation.png")


def _check(*windows: Window) -> None:
    wrong = [words for one in windows for words in one.wrong]
    if wrong:
        raise Misuse(f"the browser found something wrong: {wrong[:3]}")


async def _evaluation(folder: Path, file: Path) -> None:
    written = await evaluation(folder)
    async with window(folder / "evaluation", written.as_uri()) as at:
        await at.page.set_viewport_size({"width": WIDTH, "height": TALL})
        await at.page.emulate_media(color_scheme="light", reduced_motion="reduce")
        await at.page.goto(at.home)
        await _take(at.page, file)
        _check(at)


async def _sign_in(at: Window, scene: Scene, name: str) -> None:
    await at.page.context.clear_cookies()
    await at.page.goto(f"{at.home}/sign-in")
    await at.page.get_by_label("Name").fill(name)
    await at.page.get_by_label("Password").fill(scene.password)
    await at.page.get_by_role("button", name="Sign in").click()
    await expect(at.page.get_by_role("button", name="Sign out")).to_be_visible()


async def _duty(at: Window, scene: Scene, file: Path) -> None:
    await _sign_in(at, scene, "omar")
    await at.page.get_by_label("What the next watch has to know").fill("BR was called at six; the court opens at nine.")
    await at.page.get_by_role("button", name="Hand over").click()
    await at.page.get_by_role("button", name="Ask BR again").click()
    await _until(at.page, "IN_PROCESS")
    await at.page.goto(f"{at.home}/duty")
    await _take(at.page, file)


async def _screening(at: Window, scene: Scene, file: Path) -> None:
    await _sign_in(at, scene, "ines")
    await at.page.get_by_role("link", name="FR-2026/1").click()
    await expect(at.page.get_by_role("heading", name="Red notice asked for by FR")).to_be_visible()
    await _take(at.page, file)


async def _public(at: Window, file: Path) -> None:
    await at.page.goto(at.home)
    await _take(at.page, file)
    await at.page.get_by_label("Whom it is about").select_option(label=APPEAL)
    await at.page.get_by_label("What you know").fill("He takes the first ferry on Sundays, with a grey coat.")
    await at.page.get_by_label("Country where it was").select_option("PT")
    picture = FilePayload(name="a.jpg", mimeType="image/jpeg", buffer=face())
    await at.page.get_by_label("Pictures").set_input_files([picture])
    await at.page.get_by_role("button", name="Send").click()
    await expect(at.page.get_by_role("heading", name="Thank you")).to_be_visible()


async def _tip(at: Window, scene: Scene, file: Path) -> None:
    await _sign_in(at, scene, "vera")
    await at.page.get_by_role("link", name="T-").click()
    await at.page.get_by_role("button", name="Forward, sealed").click()
    await _until(at.page, "LOCATED")
    await at.page.goto(at.page.url.partition("?")[0])
    await _take(at.page, file)


async def _until(page: Page, words: str) -> None:
    """Look again until a bureau's word is there."""
    for _ in range(80):
        if words in await page.locator("main").inner_text():
            return
        await page.wait_for_timeout(250)
        await page.reload()
    raise Misuse(f"no {words} came")


async def _take(page: Page, file: Path) -> None:
    """One picture of what the window shows.

    Raises:
        Misuse: it is larger than a page should load.
    """
    await page.wait_for_load_state("load")
    await page.evaluate("window.scrollTo(0, 0)")
    size = len(await page.screenshot(path=file, scale="css"))
    print(f"  {file}: {size // 1024} KiB", flush=True)
    if size > LARGEST:
        raise Misuse(f"{file} has {size} bytes, more than {LARGEST}")


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER))
