"""What cannot be processed is set aside in quarantine, as far as there is room.

Rules: rows are bounded per link and in all, so that no sender can fill the disk; over a bound the bytes are not kept,
and that is counted and logged with the cause and the bound (`reason`). Transactions that run at the same time may each
take the last place.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.ports import Store, Watcher
from gateway.settings import Pipeline
from schemas.errors import Reason
from schemas.identity import Address
from schemas.wire import ItemType


@dataclass(frozen=True, slots=True)
class Unprocessed:
    """A body that could not be processed."""

    link: Address
    body: bytes
    cause: str
    """The error that it met."""
    time: int
    item: ItemType | None = None
    """What it came as, where that was said."""


async def set_aside(store: Store, watcher: Watcher, limits: Pipeline, found: Unprocessed) -> bool:
    """Put it into quarantine; False where there is no room, and it is gone.

    Raises:
        Unavailable: `store`.
    """
    async with store.begin() as transaction:
        of_link, in_all = await transaction.quarantined(found.link)
        full = None
        if of_link >= limits.quarantine_items_per_link:
            full = Reason.LINK_QUOTA
        elif in_all >= limits.quarantine_items:
            full = Reason.OVERLOADED
        else:
            await transaction.quarantine(found.link, found.body, found.cause, found.time, found.item)
    if full is not None:
        size = len(found.body)
        watcher.saw("quarantine-dropped", link=found.link, cause=found.cause, size=size, reason=full)
    return full is None
