"""When each link was last heard of, and what its program calls itself: kept in memory, written every few seconds.

What a program calls itself is its own word: it is shown, never believed. HTTP's header User-Agent says it with each
request; over the broker nothing does but the connection's properties, which the broker's management API has.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Final

from gateway.ports import Clock
from gateway.ports_looks import Looks, Presence
from schemas.directory import Link
from schemas.errors import Unavailable
from schemas.identity import Address

EVERY: Final = 5.0
"""Seconds between two writes."""
_LONGEST: Final = 80
_UNSHOWN: Final = re.compile(r"[^\x20-\x7e]+")


class Presences:
    """What one process heard since it last wrote."""

    def __init__(self, clock: Clock, most: int) -> None:
        """`most` links are remembered."""
        self._clock, self._most = clock, most
        self._heard: OrderedDict[Address, Presence] = OrderedDict()

    def heard(self, link: Address, way: Link, agent: str = "") -> None:
        """A request or a message came over a link that is who it says."""
        before = self._heard.pop(link, None)
        said = _UNSHOWN.sub(" ", agent)[:_LONGEST].strip() if agent else ""
        if not said and before is not None:
            said = before.agent
        self._heard[link] = Presence(link, self._clock.now(), way, said)
        if len(self._heard) > self._most:
            self._heard.popitem(last=False)

    async def write(self, looks: Looks) -> None:
        """Keep what was heard.

        Raises:
            Unavailable: `store`; it is kept for the next time.
        """
        waiting, self._heard = self._heard, OrderedDict()
        try:
            await looks.heard(list(waiting.values()))
        except Unavailable:
            self._heard = OrderedDict({**waiting, **self._heard})
            raise
