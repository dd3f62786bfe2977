"""Looks up documents for whoever asks at the same time, in one statement: a look-up costs the way to the database.

While one statement runs, what is asked meanwhile is gathered for the next. So one asker waits for one statement, and a
hundred askers share it. Rules: a failure is every waiting asker's; who stops waiting takes nothing from the others; of
one owner ten records come, the oldest, so that a flood of them costs no asker's time.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.secretariat.databases import documents
from bureaus.secretariat.databases.records import COLUMNS, Kept, kept
from bureaus.secretariat.registry import Registry
from bureaus.secretariat.registry.databases import found, record

MOST: Final = 256
"""Look-ups in one statement."""
_OF_OWNER: Final = 10
"""Records of one owner under one number: an answer has no more, and each is decoded whole."""
_PLACED: Final = (
    select(
        found.c.key,
        found.c.record,
        func.row_number().over(partition_by=(found.c.key, record.c.owner), order_by=found.c.record).label("nth"),
    )
    .join(record, record.c.id == found.c.record)
    .where(found.c.key.in_(bindparam("keys", expanding=True)))
    .subquery()
)
_QUERY: Final = (
    select(_PLACED.c.key, *COLUMNS).join(record, record.c.id == _PLACED.c.record).where(_PLACED.c.nth <= _OF_OWNER)
)


class Lookups:
    """Document numbers to records."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._waiting: list[tuple[int, asyncio.Future[Sequence[Kept]]]] = []
        self._running: asyncio.Task[None] | None = None

    async def find(self, number: str) -> Sequence[Kept]:
        """The records under this number.

        Raises:
            Unavailable: the registry cannot serve now.
        """
        future: asyncio.Future[Sequence[Kept]] = asyncio.get_running_loop().create_future()
        self._waiting.append((documents.number_key(number), future))
        if self._running is None:
            self._running = asyncio.create_task(self._run(), name="look-ups")
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                await self._serve(batch)
        finally:
            self._running = None

    async def _serve(self, batch: Sequence[tuple[int, asyncio.Future[Sequence[Kept]]]]) -> None:
        try:
            async with self._registry.reading() as connection:
                there = await _there(connection, {key for key, _ in batch})
        except Exception as error:  # noqa: BLE001  # whatever it is, those who wait are told
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for key, future in batch:
            if not future.done():
                future.set_result(there.get(key, ()))


async def _there(connection: AsyncConnection, keys: set[int]) -> dict[int, list[Kept]]:
    there: dict[int, list[Kept]] = defaultdict(list)
    for key, *row in await connection.execute(_QUERY, {"keys": list(keys)}):
        there[key].append(kept(row))
    return there
