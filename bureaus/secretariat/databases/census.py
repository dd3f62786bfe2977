"""How many persons the index has, and how many of them bear a part of a name: counted from the index's own rows.

The number of all persons is counted now and then; how many bear a part, for each question, up to `name_counted` rows.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final

from sqlalchemy import func, literal, select, text, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.secretariat.databases.chance import Commonness
from bureaus.secretariat.databases.names import bearers_key
from bureaus.secretariat.registry.databases import found, record
from bureaus.secretariat.settings import Settings

NOBODY: Final = Commonness(0)
"""Of an index that was not asked."""


_PERSONS: Final = select(func.count(record.c.id)).where(text("names <> ''"))
"""In the words of the index ix_record_person, so that both engines count there."""


class Census:
    """Counts for one process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._persons = 0
        self._until = 0.0

    async def common(self, connection: AsyncConnection, bones: Iterable[str]) -> Commonness:
        """How common these skeletons are."""
        if time.monotonic() >= self._until:
            self._persons = (await connection.execute(_PERSONS)).scalar_one()
            self._until = time.monotonic() + self._settings.persons_counted_seconds
        most, keyed = self._settings.name_counted, {bearers_key(bone): bone for bone in bones}
        each = [
            select(literal(key).label("key"), func.count().label("bearers")).select_from(
                select(found.c.record).where(found.c.key == key).limit(most).subquery()
            )
            for key in keyed
        ]
        rows = (await connection.execute(union_all(*each))).all() if each else []
        return Commonness(self._persons, {keyed[key]: bearers for key, bearers in rows})
