"""A browser without a window: cookies, forms with their hidden fields, and what a page said."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape

import aiohttp

PASSWORD = "synthetic staff only"  # noqa: S105  # of accounts that live as long as the test
_HIDDEN = re.compile(r'<input type="hidden" name="([a-z]+)" value="([^"]*)">')


@dataclass
class Answer:
    """What came back."""

    status: int
    text: str
    headers: Mapping[str, str]
    body: bytes
    url: str

    def hidden(self, name: str) -> str:
        """The value of the first hidden field of this name."""
        return next(unescape(value) for field, value in _HIDDEN.findall(self.text) if field == name)


class Visitor:
    """One browser at one site."""

    def __init__(self, session: aiohttp.ClientSession, home: str) -> None:
        self.session, self.home = session, home

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        async with self.session.get(self.home + path, headers=headers) as response:
            return await _answer(response)

    async def post(
        self, path: str, fields: Mapping[str, str] | aiohttp.FormData, headers: Mapping[str, str] | None = None
    ) -> Answer:
        async with self.session.post(self.home + path, data=fields, headers=headers) as response:
            return await _answer(response)

    async def send(self, page: str, path: str, **fields: str) -> Answer:
        """Open a page and send a form of it, with its token."""
        token = (await self.get(page)).hidden("token")
        return await self.post(path, {"token": token} | fields)

    async def sign_in(self, name: str, password: str = PASSWORD) -> Answer:
        return await self.send("/sign-in", "/sign-in", name=name, password=password)

    async def tell(self, text: str, pictures: tuple[bytes, ...] = (), **fields: str) -> Answer:
        """Give a tip."""
        form = multipart(form=(await self.get("/")).hidden("form"), text=text, **fields)
        for data in pictures:
            form.add_field("pictures", data, filename="IMG_20261121_080910.jpg", content_type="image/jpeg")
        return await self.post("/", form)

    async def come_back(self, number: str, secret: str) -> Answer:
        """Read an answer."""
        form = (await self.get("/answer")).hidden("form")
        return await self.post("/answer", {"form": form, "number": number, "secret": secret})


def multipart(**fields: str) -> aiohttp.FormData:
    """A form as a browser sends it where a file may be chosen and none was."""
    return aiohttp.FormData(fields, default_to_multipart=True)


async def _answer(response: aiohttp.ClientResponse) -> Answer:
    body = await response.read()
    text = body.decode("utf-8", "replace")
    return Answer(response.status, text, dict(response.headers), body, str(response.url))


@asynccontextmanager
async def visiting(home: str) -> AsyncIterator[Visitor]:
    """A browser with a jar of its own."""
    jar = aiohttp.CookieJar(unsafe=True)  # the site is an IP address
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        yield Visitor(session, home)
