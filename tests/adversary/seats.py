"""Operators of the scene's console: an account for each role, and browsers that do what no honest page does.

`Seats.of(scene)` makes the accounts once. Each browser comes from an address of loopback of its own, so that what one
attack counts against an address does not end the next. `Seats.refused` runs an attack and finds out whether the log
tells of it, and whether a session or a deed came of it.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import aiohttp
from yarl import URL

from gateway.adapters.sql.accounts import SqlAccounts
from gateway.app import open_records
from gateway.ports_console import AccountRole
from tests.adversary.commands import done
from tests.adversary.scene import Scene, eventually
from tests.adversary.table import CONSOLE, Seen

PASSWORD: Final = "four synthetic operators"  # noqa: S105  # of accounts that live as long as the scene
Body: TypeAlias = Mapping[str, str] | bytes | aiohttp.FormData | None
_TOKEN: Final = re.compile(r'name="token" value="([0-9a-f]{64})"')
_ADDRESSES: Final[Iterator[int]] = itertools.count(1)


@dataclass
class Answer:
    """One answer of the console."""

    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def to(self) -> str:
        """Where it leads."""
        return self.headers.get("Location", "")

    @property
    def is_sign_in(self) -> bool:
        """It leads to the sign-in page."""
        return (self.status, self.to) == (303, "/console/sign-in")


class Browser:
    """A browser at the console."""

    def __init__(self, client: aiohttp.ClientSession, home: str) -> None:
        self.client, self.home = client, home

    async def ask(self, method: str, path: str, data: Body = None, **headers: str) -> Answer:
        """A request; `headers` have _ for -."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        asked = self.client.request(method, path, data=data, headers=named, allow_redirects=False)
        async with asked as response:
            return Answer(response.status, await response.text(errors="replace"), response.headers)

    async def get(self, path: str, **headers: str) -> Answer:
        """A page."""
        return await self.ask("GET", path, None, **headers)

    async def token(self, path: str = "/console/") -> str:
        """What the forms of a page carry."""
        found = _TOKEN.search((await self.get(path)).text)
        assert found is not None, path
        return found[1]

    async def sign_in(self, name: str, password: str = PASSWORD, **headers: str) -> Answer:
        """Try to sign in."""
        data = {"token": await self.token("/console/sign-in"), "name": name, "password": password}
        return await self.ask("POST", "/console/sign-in", data, **headers)

    @property
    def cookies(self) -> dict[str, str]:
        """What it holds."""
        return {cookie.key: cookie.value for cookie in self.client.cookie_jar}

    def hold(self, **cookies: str) -> None:
        """Put cookies into it; names have _ for -."""
        named = {name.replace("_", "-"): value for name, value in cookies.items()}
        self.client.cookie_jar.update_cookies(named, URL(self.home))

    async def raw(self, path: str, cookie: bytes) -> bytes:
        """The status line of a page, asked for with these very bytes for a cookie."""
        place = URL(self.home)
        reader, writer = await asyncio.open_connection(place.host, place.port)
        head = f"GET {path} HTTP/1.1\r\nHost: {place.authority}\r\nConnection: close\r\nCookie: ".encode()
        writer.write(head + cookie + b"\r\n\r\n")
        await writer.drain()
        line = await reader.readline()
        writer.close()
        return line


@dataclass
class Seats:
    """The accounts, each named as its role."""

    scene: Scene

    @classmethod
    async def of(cls, scene: Scene) -> Seats:
        """The scene's, made when they are first asked for."""
        seats = cls(scene)
        if not seats.secret.exists():
            seats.secret.write_text(PASSWORD)
            seats.secret.chmod(0o600)
            for role in AccountRole:
                await seats.account("add", str(role), "--role", str(role), "--password-file", seats.secret)
        return seats

    @property
    def secret(self) -> Path:
        """The file with the password."""
        return self.scene.folder / "seats-password"

    async def account(self, act: str, name: str, *options: str | Path) -> None:
        """A command about an account."""
        await done("account", act, name, "--home", self.scene.home, "--operator", "ada", *options)

    @asynccontextmanager
    async def browser(self, role: AccountRole | None = None) -> AsyncIterator[Browser]:
        """A browser at an address of its own, in which somebody may be signed in."""
        number = next(_ADDRESSES)
        connector = aiohttp.TCPConnector(local_addr=(f"127.1.{number // 250}.{number % 250 + 1}", 0))
        jar = aiohttp.CookieJar(unsafe=True, quote_cookie=False)
        async with aiohttp.ClientSession(self.scene.operators, connector=connector, cookie_jar=jar) as client:
            made = Browser(client, self.scene.operators)
            if role is not None:
                assert (await made.sign_in(str(role))).status == 303
            yield made

    async def kept(self) -> tuple[int, int]:
        """How many sessions there are, and how many deeds with an entry."""
        async with open_records(self.scene.home, migrate=False) as records:
            accounts = SqlAccounts(records.store.database)
            sessions = [len(await accounts.sessions(one.name)) for one in await accounts.accounts()]
            deeds = [row for row in await accounts.audit_rows(None, 10_000) if row.entry is not None]
            return sum(sessions), len(deeds)

    async def refused(self, event: str, attack: Callable[[], Awaitable[str]]) -> Seen:
        """Run an attack that the log is to tell of: what came of it, and whether that is all."""
        before, told = await self.kept(), self._told(event)
        got = await attack()

        async def tells() -> bool:
            return self._told(event) > told

        try:
            await eventually(tells, 30)
        except TimeoutError:
            return Seen(got, f"no {event} in the log")
        return Seen(got, CONSOLE if await self.kept() == before else "a session or a deed")

    def _told(self, event: str) -> int:
        return sum(line.get("event") == event for line in self.scene.lines())

    def why(self, event: str) -> str:
        """What the log last said."""
        return str([line for line in self.scene.lines() if line.get("event") == event][-1].get("why"))
