"""Templates: everything that is shown is escaped unless a template of ours is its source; what is missing is an error.

Times are shown in UTC; the page adds the reader's own (static/console.js).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import quote, urlencode

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

PREFIX: Final = "/console"
_HERE: Final = Path(__file__).parent
STATIC: Final = {
    "console.css": "text/css",
    "console.js": "text/javascript",
    "icon.svg": "image/svg+xml",
    "land.svg": "image/svg+xml",
}
_SHORT: Final = 12
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = int((datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - _EPOCH) / timedelta(milliseconds=1))
Item: TypeAlias = tuple[str, str, Collection[str]]
"""A line of the menu: path, name, the roles that see it."""


def utc(milliseconds: int) -> str:
    """A time as people read it; one that is outside of the calendar, as a statement may say it, is the nearest."""
    return (_EPOCH + timedelta(milliseconds=min(max(milliseconds, 0), _LAST))).strftime("%Y-%m-%d %H:%M:%S")


def moment(milliseconds: int | None) -> Markup:
    """A time as an element, which the page lays the reader's own beside."""
    if milliseconds is None:
        return Markup("&ndash;")
    said = utc(milliseconds)
    return Markup('<time datetime="{}Z">{}&nbsp;UTC</time>').format(said.replace(" ", "T"), said)


def short(data: bytes) -> str:
    """The beginning of a digest."""
    return data.hex()[:_SHORT]


def size(count: int) -> str:
    """A number of bytes as people read it."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def span(milliseconds: int) -> str:
    """A length of time as people say it, in its two largest units."""
    seconds = milliseconds // 1000
    units = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
    for (name, length), (smaller, part) in pairwise((*units, ("s", 1))):
        if seconds >= length:
            rest = 0 if length == part else seconds % length // part
            return f"{seconds // length} {name}" + (f" {rest} {smaller}" if rest else "")
    return "0 s"


class Views:
    """Makes pages."""

    def __init__(self, network: str, menu: Sequence[Item]) -> None:
        """`network` is its name, in every page's head."""
        self._environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(moment=moment, short=short, hex=bytes.hex, size=size, span=span)
        self._environment.filters.update(segment=partial(quote, safe=""))
        self._environment.globals.update(network=network, prefix=PREFIX, menu=menu)
        self._static = {name: (_HERE / "static" / name).read_bytes() for name in STATIC}

    def text(self, template: str, values: Mapping[str, object]) -> str:
        """A template, filled."""
        return self._environment.get_template(template).render(values)

    def page(self, template: str, values: Mapping[str, object], status: int = HTTPStatus.OK) -> web.Response:
        """A page."""
        return web.Response(text=self.text(template, values), content_type="text/html", status=status)

    def done(self, request: web.Request, token: str, page: str, said: str) -> web.Response:
        """What was done: back to a page below PREFIX that says so, or as JSON to a program that asks for it.

        `token` is that of the visit's forms: the page says it to whom it is meant for alone (`told`).
        """
        if "application/json" in request.headers.get("Accept", ""):
            return web.json_response({"done": said})
        where, mark, anchor = page.partition("#")
        location = f"{PREFIX}/{where}?{urlencode({'done': said, 'by': _by(token, said)})}{mark}{anchor}"
        return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": location})

    def told(self, request: web.Request, token: str) -> str:
        """What `done` wants this page to say; nothing where somebody else made the link."""
        said, by = request.query.get("done", ""), request.query.get("by", "")
        return said if hmac.compare_digest(by.encode(errors="replace"), _by(token, said).encode()) else ""

    def problem(self, status: HTTPStatus, said: str) -> web.Response:
        """A page that says why there is no other."""
        return self.page("problem.html", {"status": int(status), "phrase": status.phrase, "said": said}, status)

    def static(self, name: str) -> web.Response:
        """A file of ours.

        Raises:
            HTTPNotFound: there is no such file.
        """
        if name not in self._static:
            raise web.HTTPNotFound
        return web.Response(body=self._static[name], content_type=STATIC[name], charset="utf-8")


def _by(token: str, said: str) -> str:
    return hmac.digest(token.encode(), said.encode(errors="replace"), hashlib.sha256).hex()[:32]


def csv_line(values: Iterable[object]) -> str:
    """One line of CSV (RFC 4180); what a spreadsheet would take for a formula is written as text."""
    return ",".join(map(_cell, values)) + "\r\n"


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    if text[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        text = f"'{text}"
    quoted = text.replace('"', '""')
    return f'"{quoted}"' if any(mark in text for mark in ',"\r\n') else text
