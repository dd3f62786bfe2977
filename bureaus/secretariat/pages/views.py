"""Templates: everything that is shown is escaped unless a template of ours is its source; what is missing is an error.

Times are in UTC. There is no script: every page works without one, and none may run.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Final, TypeAlias

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bureaus.secretariat.staff.rights import Right

_HERE: Final = Path(__file__).parent
STATIC: Final = {"secretariat.css": "text/css", "icon.svg": "image/svg+xml"}
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer, browsers say of our own forms that their origin is null
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
_UNITS: Final = (("d", 86_400), ("h", 3600), ("min", 60))
Item: TypeAlias = tuple[str, str, Collection[Right]]
"""A line of the menu: path, name, the rights that see it."""


def moment(seconds: int | None) -> Markup:
    """A time as an element."""
    if seconds is None:
        return Markup("&ndash;")
    said = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
    return Markup('<time datetime="{}Z">{}&nbsp;UTC</time>').format(said.replace(" ", "T"), said)


def span(seconds: int) -> str:
    """A length of time in its two largest units."""
    seconds = abs(seconds)
    for place, (name, length) in enumerate(_UNITS):
        if seconds >= length:
            rest = seconds % length
            smaller = _UNITS[place + 1] if place + 1 < len(_UNITS) else None
            part = 0 if smaller is None else rest // smaller[1]
            return f"{seconds // length} {name}" + (f" {part} {smaller[0]}" if smaller and part else "")
    return f"{seconds} s"


class Views:
    """Makes pages."""

    def __init__(self, name: str, menu: Sequence[Item] = ()) -> None:
        """`name` is in every page's head."""
        self._environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(moment=moment, span=span)
        self._environment.globals.update(name=name, menu=menu)
        self._static = {file: (_HERE / "static" / file).read_bytes() for file in STATIC}

    def page(self, template: str, values: Mapping[str, object], status: int = HTTPStatus.OK) -> web.Response:
        """A page."""
        text = self._environment.get_template(template).render(values)
        return web.Response(text=text, content_type="text/html", status=status)

    def problem(self, status: HTTPStatus, said: str, base: str = "base.html") -> web.Response:
        """A page that says why there is no other."""
        values = {"status": int(status), "phrase": status.phrase, "said": said, "base": base, "here": None}
        return self.page("problem.html", values, status)

    def static(self, name: str) -> web.Response:
        """A file of ours.

        Raises:
            HTTPNotFound: there is no such file.
        """
        if name not in self._static:
            raise web.HTTPNotFound
        return web.Response(body=self._static[name], content_type=STATIC[name], charset="utf-8")


async def dress(_request: web.Request, response: web.StreamResponse) -> None:
    """Put the headers on every answer, also on those that no page gave."""
    for name, value in HEADERS.items():
        response.headers[name] = value
    response.headers.pop("Server", None)
