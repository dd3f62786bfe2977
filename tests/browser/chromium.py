"""Debian's Chromium, driven by Playwright: no browser is downloaded, nothing but loopback is reached.

A page keeps what the browser said of it: messages of its console at level error, errors of its scripts, and requests to
anywhere else; a test ends by asking for them. axe-core comes from disk.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from playwright.async_api import ConsoleMessage, Error, Page, Request, async_playwright, expect

PROGRAM: Final = Path("/usr/bin/chromium")
AXE: Final = Path(__file__).parent.parent / "peers" / "node_modules" / "axe-core" / "axe.min.js"
ARGUMENTS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SERIOUS: Final = frozenset({"serious", "critical"})
PATIENCE: Final = 60_000
"""Milliseconds that a page may take for anything, on a machine that has other work too."""
expect.set_options(timeout=PATIENCE)


@dataclass
class Window:
    """A page in a browser of its own, and what went wrong in it."""

    page: Page
    home: str
    """The URL that everything has to come from."""
    wrong: list[str] = field(default_factory=list)
    expected: Sequence[str] = ()
    """Beginnings of messages that a test is about."""

    def watch(self) -> None:
        """Begin to keep what goes wrong."""
        self.page.on("console", self._said)
        self.page.on("pageerror", self._failed)
        self.page.on("request", self._asked)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.wrong.append(message.text)

    def _failed(self, error: Error) -> None:
        self.wrong.append(str(error))

    def _asked(self, request: Request) -> None:
        if not request.url.startswith(self.home):
            self.wrong.append(f"asked for {request.url}")

    async def findings(self) -> list[str]:
        """What axe finds serious on the page as it is."""
        await self.page.wait_for_load_state()  # a heading may be there before the style that colours it
        await self.page.evaluate(AXE.read_text("utf-8"))
        found = json.loads(await self.page.evaluate("async () => JSON.stringify((await axe.run()).violations)"))
        return [
            f"{one['id']}: {one['help']}: {[node['html'] for node in one['nodes'][:3]]}"
            for one in found
            if one["impact"] in SERIOUS
        ]


@asynccontextmanager
async def window(folder: Path, home: str) -> AsyncIterator[Window]:
    """A window in a browser with a fresh profile in `folder`, for the site at `home`."""
    assert PROGRAM.exists(), "make services installs Debian's chromium"
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            folder / "profile",
            executable_path=PROGRAM,
            args=list(ARGUMENTS),
            headless=True,
            timeout=PATIENCE,
            timezone_id="America/Montevideo",
        )
        context.set_default_timeout(PATIENCE)
        page = context.pages[0] if context.pages else await context.new_page()
        made = Window(page, home)
        made.watch()
        yield made
        await context.close()
