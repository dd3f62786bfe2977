"""Small pieces of the page: times, digests, tables and lists. Whatever is put in is escaped by `Markup.format`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from markupsafe import Markup

_SHOWN = 16
"""Hexadecimal digits of a digest; all of them are in its title and in the JSON."""


def moment(milliseconds: int | None) -> Markup:
    """A time of the gateway's clock, in UTC."""
    if milliseconds is None:
        return Markup()
    try:
        when = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError):  # 2 ** 40 seconds is a time on the wire, and no year of the calendar
        return Markup("<span>{} ms after 1970</span>").format(milliseconds)
    stamp = when.strftime("%Y-%m-%dT%H:%M:%SZ")
    return Markup('<time datetime="{}">{}</time>').format(stamp, when.strftime("%Y-%m-%d %H:%M:%S"))


def digest(value: bytes) -> Markup:
    """A hash, small: its beginning."""
    full = value.hex()
    return Markup('<code title="{}">{}</code>').format(full, full[:_SHOWN])


def fingerprint(value: bytes) -> Markup:
    """A hash that people compare, whole, in groups of four."""
    text = value.hex()
    return Markup("<code>{}</code>").format(" ".join(text[at : at + 4] for at in range(0, len(text), 4)))


def counted(count: int, one: str, many: str | None = None) -> str:
    """`1 message`, `2 messages`."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def pairs(rows: Iterable[tuple[str, object]]) -> Iterator[Markup]:
    """A list of names and what they are."""
    yield Markup("<dl>\n")
    for name, value in rows:
        yield Markup("<dt>{}</dt><dd>{}</dd>\n").format(name, value)
    yield Markup("</dl>\n")


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[Markup]:
    """A table with a caption; the first cell of each row is its heading."""
    yield Markup('<div class="wide"><table><caption>{}</caption>\n<thead><tr>').format(caption)
    for column in columns:
        yield Markup('<th scope="col">{}</th>').format(column)
    yield Markup("</tr></thead>\n<tbody>\n")
    for first, *rest in rows:
        yield Markup('<tr><th scope="row">{}</th>').format(first)
        for cell in rest:
            yield Markup("<td>{}</td>").format(cell)
        yield Markup("</tr>\n")
    yield Markup("</tbody></table></div>\n")
