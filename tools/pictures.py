"""Takes the README's pictures of the operators' console: an embedded network, an exercise's traffic, a real browser.

    .venv/bin/python -m tools.pictures [FOLDER]        (make pictures; FOLDER is docs/pictures unless said)

Order of work: start the network and make an account -> run an exercise with somebody signed in -> take the overview,
the operation, and one exchange with its proofs. Then the secretariat's (tools/secretariat_pictures.py).
Everybody in them is synthetic. Light, 1280 pixels wide. Two minutes.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import tempfile
import time
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Final

from playwright.async_api import Page, expect

from bureaus.exercises import catalogue, runner
from bureaus.exercises.plan import DEFAULT_SEED, Plan, make_plan
from bureaus.exercises.report import Run
from bureaus.sandbox.network import PrivateNetwork
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.progress import Objectives, Progress, Results
from tests.browser.chromium import Window, window
from tools import secretariat_pictures

FOLDER: Final = Path("docs/pictures")
EXERCISE: Final = "infra-sa-2011"
TARGETS: Final = 125
"""Cases of the exercise."""
WITNESSES: Final = 5
WIDTH, HEIGHT = 1280, 1080
LARGEST: Final = 300 * 1024
"""Bytes of one picture."""
ACCOUNT: Final = "ada"
ANSWER: Final = "whereabouts.response/1"
PAUSE: Final = 4.0
"""Seconds: the overview is made anew every two."""
_WITHIN: Final = 300.0


@dataclass
class Watch:
    """Follows the exercise, and says when half of its cases are over."""

    half: asyncio.Event

    def stage(self, words: str) -> None:
        """A stage begins."""
        print(f"  {words}", flush=True)

    def concluded(self, done: int, of: int) -> None:
        """So many cases of all are concluded."""
        if done >= of // 2:
            self.half.set()


async def main(into: Path) -> None:
    """Take them."""
    plan = make_plan(catalogue.exercises()[EXERCISE], DEFAULT_SEED, targets=TARGETS)
    watch = Watch(asyncio.Event())
    with tempfile.TemporaryDirectory(prefix="bureaunet-pictures-") as name:
        folder, witnesses = Path(name), plan.members[:WITNESSES]
        network = PrivateNetwork(
            folder / "network", plan.seats, name=plan.operation.name, say=watch.stage, witnesses=witnesses
        )
        async with network, window(folder, network.operators) as at:
            password = await _account(network, folder)
            await at.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
            await at.page.emulate_media(color_scheme="light", reduced_motion="reduce")
            await _sign_in(at, password)
            run = asyncio.create_task(runner.run(plan, network.bureau, watch))
            async with asyncio.timeout(_WITHIN):
                await asyncio.wait({run, asyncio.create_task(watch.half.wait())}, return_when=asyncio.FIRST_COMPLETED)
                await at.page.reload()  # what waits is plotted of the minutes in which somebody looked
                await _publish(network, plan, await run)
            await _overview(at, into / "overview.png")
            await _operation(at, plan.operation.id, into / "operation.png")
            await _exchange(at, plan.operation.id, into / "exchange.png")
            if at.wrong:
                raise Misuse(f"the browser found something wrong: {at.wrong[:3]}")


async def _account(network: PrivateNetwork, folder: Path) -> str:
    """Make the account: its password."""
    password, file = secrets.token_urlsafe(16), folder / "password"
    file.touch(0o600)
    file.write_text(password)
    said = ("--home", network.gateway_home, "--operator", "pictures", "--role", "security-officer")
    await network.command("account", "add", ACCOUNT, *said, "--password-file", file)
    return password


async def _sign_in(at: Window, password: str) -> None:
    await at.page.goto(f"{at.home}/console")
    await at.page.get_by_label("Name").fill(ACCOUNT)
    await at.page.get_by_label("Password").fill(password)
    await at.page.get_by_role("button", name="Sign in").click()
    await expect(at.page.get_by_role("heading", name="Overview")).to_be_visible()


async def _overview(at: Window, file: Path) -> None:
    """The first page in the minute after the exercise: its rates are those of the last whole minute."""
    await asyncio.sleep(60.5 - time.time() % 60)
    await at.page.reload()
    await expect(at.page.get_by_role("status")).to_have_text("Live")
    await asyncio.sleep(PAUSE)
    await _take(at.page, file)


async def _publish(network: PrivateNetwork, plan: Plan, run: Run) -> None:
    """The secretariat says what the operation came to, as it counted."""
    came = {str(kind): count for kind, count in run.reported.items()}
    known = {name: came[name] for name in (field.name for field in fields(Results)) if name in came}
    answers = sum(len(said) for case in run.cases for said in case.answers.values())
    async with network.bureau(Address("IPSG")) as bureau:
        last = (await bureau.refresh()).operations[plan.operation.id][-1].signed
        now = int(time.time())
        following = replace(last.operation, version=last.operation.version + 1, previous=last.hash, time=now)
        said = Progress(now, Objectives(whereabouts=answers), Results(**known))
        await bureau.publish_operation(replace(following, progress=said))


async def _operation(at: Window, operation: str, file: Path) -> None:
    await at.page.goto(f"{at.home}/console/operations/{operation}")
    await expect(at.page.get_by_role("heading", level=1)).to_be_visible()
    await _take(at.page, file)


async def _exchange(at: Window, operation: str, file: Path) -> None:
    """The newest exchange that has an answer."""
    await at.page.goto(f"{at.home}/console/exchanges?operation={operation}&kind={ANSWER}&state=accepted")
    rows = at.page.get_by_role("region", name="Messages found").get_by_role("row")
    await rows.nth(1).get_by_role("link").first.click()
    await expect(at.page.get_by_text("Acknowledged by its recipient").first).to_be_visible()
    await _take(at.page, file)


async def _take(page: Page, file: Path) -> None:
    """One picture of what the window shows.

    Raises:
        Misuse: it is larger than a README should load.
    """
    await page.evaluate("window.scrollTo(0, 0)")
    size = len(await page.screenshot(path=file, scale="css"))
    print(f"  {file}: {size // 1024} KiB", flush=True)
    if size > LARGEST:
        raise Misuse(f"{file} has {size} bytes, more than {LARGEST}")


async def all_of_them(into: Path) -> None:
    """The console's and the secretariat's."""
    await main(into)
    await secretariat_pictures.main(into)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    asyncio.run(all_of_them(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER))
