"""Bureaus that may be cut off from a network that serves and is not ours: their own end of the link is cut.

`Cuts.seat` gives bureaus whose links are wrapped. Cut off, every call fails and whoever waits is let go; frozen, calls
wait for the mend and fail then, as on a connection that stands half-open. Nothing is done to the network.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from bureaus import links
from bureaus.client import Bureau, Connect
from bureaus.enrolment import Identity
from bureaus.exercises import homes, troubles
from bureaus.exercises.plan import Plan
from bureaus.exercises.runner import Watch, wall
from bureaus.exercises.script import Disturbance, Trouble
from bureaus.exercises.troubles import Scene
from bureaus.links import Link
from schemas.errors import Misuse, Reason, Unavailable
from schemas.identity import Address
from schemas.wire import InboxItem

_T = TypeVar("_T")
POSSIBLE = frozenset({Trouble.LINK_CUT, Trouble.LINK_FROZEN, Trouble.FLOOD, Trouble.RUBBISH})
"""What can be done to a network that is not ours."""


class CuttableLink:
    """A `Link` that can be cut, and mended."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._cut, self._whole = asyncio.Event(), asyncio.Event()
        self._whole.set()
        self._frozen = False

    def cut(self, *, frozen: bool = False) -> None:
        """Cut it."""
        self._frozen = frozen
        self._whole.clear()
        self._cut.set()

    def mend(self) -> None:
        """Let calls pass."""
        self._cut.clear()
        self._whole.set()

    async def submit(self, body: bytes) -> bytes:
        """As `Link.submit`."""
        return await self._passed(self._link.submit(body))

    async def items(self, after: int) -> AsyncIterator[Sequence[InboxItem]]:
        """As `Link.items`."""
        items = aiter(self._link.items(after))
        with suppress(StopAsyncIteration):
            while True:
                yield await self._passed(anext(items))

    async def acknowledge(self, body: bytes) -> None:
        """As `Link.acknowledge`."""
        await self._passed(self._link.acknowledge(body))

    async def get(self, path: str) -> bytes:
        """As `Link.get`."""
        return await self._passed(self._link.get(path))

    async def publish(self, path: str, body: bytes) -> None:
        """As `Link.publish`."""
        await self._passed(self._link.publish(path, body))

    async def aclose(self) -> None:
        """As `Link.aclose`."""
        await self._link.aclose()

    async def _passed(self, call: Awaitable[_T]) -> _T:
        """What the call gives, unless the link is cut before it does."""
        doing, cut = asyncio.ensure_future(call), asyncio.ensure_future(self._cut.wait())
        try:
            await asyncio.wait({doing, cut}, return_when=asyncio.FIRST_COMPLETED)
            if doing.done() and not self._cut.is_set():
                return doing.result()
        finally:
            cut.cancel()
            doing.cancel()
            await asyncio.gather(cut, doing, return_exceptions=True)
        if self._frozen:
            await self._whole.wait()
        raise Unavailable(Reason.UNREACHABLE, "the link is cut")


class Cuts:
    """The links of an exercise's bureaus."""

    def __init__(self, folder: Path, plan: Plan, watch: Watch, connect: Connect = links.connect) -> None:
        """`folder` has the homes; `connect` makes their links.

        Raises:
            Misuse: the plan disturbs what is not ours to disturb.
        """
        self._folder, self._plan, self._watch = folder, plan, watch
        self._make = connect
        self._links: dict[Address, CuttableLink] = {}
        asked = {one.what for one in plan.operation.disturbances}
        if not asked <= POSSIBLE or plan.operation.lines:
            said = ", ".join(sorted(asked - POSSIBLE)) or "poor lines"
            raise Misuse(f"this exercise disturbs its network ({said}): run it on a private one")

    def seat(self, address: Address) -> Bureau:
        """The bureau of an address, not open yet."""
        return Bureau.open(homes.home(self._folder, address), connect=self._connect)

    def _connect(self, who: Identity) -> Link:
        link = self._links[who.address] = CuttableLink(self._make(who))
        return link

    async def strike(self, one: Disturbance, bureaus: Mapping[Address, Bureau]) -> str:
        """Make a disturbance, and mend it when its time is over: what it did. Raises Unavailable."""
        bureau = Address(one.bureau or "")
        self._watch.stage(f"{one.what} of {bureau}")
        scene = Scene(self._plan.operation.id, bureaus, wall, seed=str(self._plan.caseload.seed))
        if one.what is Trouble.FLOOD:
            return await troubles.flood(scene, bureau, one.count)
        if one.what is Trouble.RUBBISH:
            return await troubles.rubbish(scene, bureau, one.count)
        link = self._links[bureau]
        link.cut(frozen=one.what is Trouble.LINK_FROZEN)
        await asyncio.sleep(one.seconds)
        link.mend()
        return f"{bureau} reached nobody; what waited on both sides went out when it was back"
