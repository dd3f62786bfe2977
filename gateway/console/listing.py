"""A list of the console: the same rows for its page, for CSV and JSON, for the API and for the command line.

Rules: a list is read by pages, each from behind a place that the page before named, so that a long one costs no more by
the page than a short one; a row's values are plain, its times are in UTC (RFC 3339).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from gateway.console.desk import Shelf
from gateway.console.views import utc
from gateway.operators import Action
from gateway.ports_console import AccountRole
from schemas.errors import Malformed, Reason

Row: TypeAlias = Mapping[str, str | int | float | bool | None]
Asked: TypeAlias = Mapping[str, str]
"""What the search says, field by field; every field of the list is there, empty where nothing was said."""

ALL: Final = frozenset(AccountRole)
SEE_DEEDS: Final = frozenset({AccountRole.SECURITY_OFFICER, AccountRole.AUDITOR})
"""What operators did."""
EXPORT: Final = frozenset({AccountRole.OPERATOR, AccountRole.SECURITY_OFFICER, AccountRole.AUDITOR})
"""Take lists away, and look into the quarantine."""
ACT: Final = frozenset({AccountRole.OPERATOR, AccountRole.SECURITY_OFFICER})
"""Release from the quarantine, bring requests."""
DECIDE: Final = frozenset({AccountRole.SECURITY_OFFICER})
"""What takes a second person."""


@dataclass(frozen=True, slots=True)
class Part:
    """A page of a list."""

    rows: Sequence[Row]
    more: str = ""
    """The place that the next page goes on behind; empty where there is none."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One list."""

    name: str
    """Also its page's place, and of its file."""
    says: str
    """What it is, for help."""
    columns: tuple[str, ...]
    read: Callable[[Shelf, Asked, str, int], Awaitable[Part]]
    """A page: of what is asked, from behind a place (empty: the beginning), so many rows at most."""
    fields: tuple[str, ...] = ()
    """What it can be searched by."""
    roles: frozenset[AccountRole] = ALL
    """Who sees it."""
    look: Action | None = None
    """What a look at it is recorded as."""

    def asked(self, said: Mapping[str, str]) -> dict[str, str]:
        """What of `said` is this list's to answer."""
        return {name: said.get(name, "").strip() for name in self.fields}


def given(asked: Asked) -> dict[str, str]:
    """The fields that say something."""
    return {name: value for name, value in asked.items() if value}


def instant(milliseconds: int | None) -> str | None:
    """A time in a row."""
    return None if milliseconds is None else f"{utc(milliseconds).replace(' ', 'T')}Z"


def number(text: str, most: int = 10**15) -> int:
    """A number in a place.

    Raises:
        Malformed: `structure`.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 18 and int(text) <= most):
        raise Malformed(Reason.STRUCTURE, "not a place in the list")
    return int(text)


def hexadecimal(text: str, size: int) -> bytes:
    """So many bytes in a place.

    Raises:
        Malformed: `structure`.
    """
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != size:
        raise Malformed(Reason.STRUCTURE, f"not {2 * size} hexadecimal digits")
    return found
