"""When each link was last heard of, and what its program calls itself: kept in memory, written every few seconds.

What a program calls itself is its own word: it is shown, never believed. HTTP's header User-Agent says it with each
request; over the broker nothing does but the connection's properties, which the broker's management API has.
"""

from __future__ import annotations

import re
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


class _Mark:
    """When one link was last heard of; a message changes the one that is there."""

    __slots__ = ("agent", "time", "way")

    def __init__(self, time: int, way: Link, agent: str) -> None:
        self.time, self.way, self.agent = time, way, agent


class Presences:
    """What one process heard since it last wrote."""

    def __init__(self, clock: Clock, most: int) -> None:
        """`most` links are remembered."""
        self._clock, self._most = clock, most
        self._heard: dict[Address, _Mark] = {}
        """Those heard of first are first."""

    def heard(self, link: Address, way: Link, agent: str = "") -> None:
        """A request or a message came over a link that is who it says."""
        now, mark = self._clock.now(), self._heard.get(link)
        if mark is None:
            self._heard[link] = _Mark(now, way, _shown(agent))
            if len(self._heard) > self._most:
                del self._heard[next(iter(self._heard))]
            return
        mark.time, mark.way = now, way
        if agent:
            mark.agent = _shown(agent) or mark.agent

    async def write(self, looks: Looks) -> None:
        """Keep what was heard.

        Raises:
            Unavailable: `store`; it is kept for the next time.
        """
        waiting, self._heard = self._heard, {}
        try:
            await looks.heard([Presence(link, one.time, one.way, one.agent) for link, one in waiting.items()])
        except Unavailable:
            self._heard = {**waiting, **self._heard}
            raise


def _shown(agent: str) -> str:
    """What a program calls itself, as it may be shown."""
    return _UNSHOWN.sub(" ", agent)[:_LONGEST].strip() if agent else ""
