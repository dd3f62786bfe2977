"""Statements of one transaction that go to PostgreSQL together: what gives nothing back goes with the next that does.

Each statement by itself is a trip that wakes two processes; a batch of few messages costs its trips and little else.
What is posted becomes a part of the next question (`WITH ... AS (INSERT ...)`), or of one last statement before COMMIT.

Rules: a question runs after all that is posted, in the order of posting, where its text says so: locks are taken
in the order in which they are asked for. The parts of one statement see the same state of the tables, so nothing is
posted that must see another's rows, or change a row that another changes. Whatever one of them raises comes with the
statement that it went with, at the latest before COMMIT, and the transaction is undone as ever.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.adapters.sql.straight import fetch

_AFTER: Final = "/*after*/ TRUE"
"""A condition in a question: it runs once all that is posted did."""
_PLACE: Final = re.compile(r"\$(\d+)")


class Together:
    """What one transaction posted and did not send yet."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._texts: list[str] = []
        self._values: list[object] = []

    def post(self, statement: str, *values: object) -> None:
        """Run a statement that changes rows and gives none, with the next trip. It has no RETURNING of its own."""
        self._texts.append(statement)
        self._values += values

    async def ask(self, question: str, *values: object) -> Sequence[Sequence[Any]]:
        """Run what is posted, and then this: its rows.

        Raises:
            DBAPIError: as `straight.fetch`.
        """
        texts, before = tuple(self._texts), tuple(self._values)
        self._texts.clear()
        self._values.clear()
        return await fetch(self._connection, _joined(texts, question), *before, *values)

    async def finish(self) -> None:
        """Run what is left. Raises as `ask`."""
        if self._texts:
            await self.ask("SELECT 1 WHERE /*after*/ TRUE")


@cache
def _joined(posted: tuple[str, ...], question: str) -> str:
    """One statement of all; there are as many of them as there are ways through a batch."""
    parts, shift = [], 0
    for at, text in enumerate(posted):
        moved, shift = _shifted(text, shift)
        parts.append(f"posted_{at} AS ({moved} RETURNING 1)")
    if not parts:
        return question
    asked, _ = _shifted(question, shift)
    assert _AFTER in asked  # noqa: S101  # else it would run before what is posted
    counts = " + ".join(f"(SELECT count(*) FROM posted_{at})" for at in range(len(parts)))  # noqa: S608  # our names
    asked = asked.replace(_AFTER, f"{counts} >= 0").lstrip()
    own = asked.removeprefix("WITH ")
    return f"WITH {', '.join(parts)}{',' if own != asked else ''} {own}"


def _shifted(statement: str, by: int) -> tuple[str, int]:
    """The statement with its places further on, and how many places are taken then."""
    places = {int(place) for place in _PLACE.findall(statement)}
    return _PLACE.sub(lambda found: f"${int(found[1]) + by}", statement), by + max(places, default=0)
