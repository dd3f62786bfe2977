"""Makes an exercise's disturbances on its private network: in real time, and on the virtual clock.

On the virtual clock a disturbance strikes when everything before it has happened, and before anything else at its time,
so that two runs are the same; in real time it strikes whatever is on its way. A frozen link is a cut one there, since
nobody's patience runs out while time stands still. What bureaus do wrong by themselves is in troubles.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from bureaus.client import Bureau
from bureaus.exercises import troubles
from bureaus.exercises.catalogue import SECRETARIAT
from bureaus.exercises.plan import Plan
from bureaus.exercises.runner import Watch, wall
from bureaus.exercises.script import Disturbance, Trouble
from bureaus.exercises.troubles import Scene
from bureaus.exercises.virtual_time import GATEWAY, VirtualTime
from bureaus.sandbox.network import PrivateNetwork
from bureaus.sandbox.site import Site
from schemas.errors import Misuse
from schemas.identity import Address


def degrade(network: PrivateNetwork, plan: Plan, *, virtual: bool = False) -> None:
    """Make the plan's poor lines poor; on virtual time those that the virtual clock cannot show."""
    for line in plan.operation.lines:
        if virtual and line.passes(plan.operation.time.step_seconds):
            continue
        for code in line.bureaus:
            if Address(code) in {seat.address for seat in network.seats}:  # else a slice is without it
                _site(network).degrade(Address(code), line.quality)


class Striker:
    """Makes a plan's disturbances; in real time where it is given none."""

    def __init__(self, network: PrivateNetwork, plan: Plan, watch: Watch, time: VirtualTime | None = None) -> None:
        self._network, self._plan, self._watch, self._time = network, plan, watch, time

    async def strike(self, one: Disturbance, bureaus: Mapping[Address, Bureau]) -> str:
        """Make it, and mend it when its time is over: what it did, in words.

        Raises:
            Unavailable: the gateway does not come back, or a command of the authority failed.
        """
        whose = "" if one.bureau is None else f" of {one.bureau}"
        lasts = f" for {one.seconds:g} s" if one.seconds else ""
        self._watch.stage(f"{one.what}{whose}{lasts}")
        bureau, scene = Address(one.bureau or SECRETARIAT), self._scene(bureaus)
        match one.what:
            case Trouble.GATEWAY_KILLED:
                return await self._kill(one.seconds)
            case Trouble.LINK_CUT | Trouble.LINK_FROZEN:
                return await self._cut(bureau, one.seconds, frozen=one.what is Trouble.LINK_FROZEN)
            case Trouble.FLOOD:
                return await troubles.flood(scene, bureau, one.count)
            case Trouble.RUBBISH:
                return await troubles.rubbish(scene, bureau, one.count)
            case Trouble.COMPROMISED:
                return await self._compromise(scene, bureau, one.count)

    def _scene(self, bureaus: Mapping[Address, Bureau]) -> Scene:
        name, seed = self._plan.operation.id, str(self._plan.caseload.seed)
        if self._time is None:
            return Scene(name, bureaus, wall, seed=seed)
        return Scene(name, bureaus, self._time.now, self._time.fly, self._time.going, seed)

    async def _kill(self, seconds: float) -> str:
        if self._time is not None:
            self._time.cut(GATEWAY)
        await self._network.gateway.kill()
        await self._pass(seconds)
        await self._network.serve()
        if self._time is not None:
            await self._time.catch_up()
            self._time.mend(GATEWAY)
        return "nobody reached the gateway; what waited went out when it was back"

    async def _cut(self, bureau: Address, seconds: float, *, frozen: bool) -> str:
        site = _site(self._network)
        if self._time is not None:
            self._time.cut(bureau)
        (site.freeze if frozen and self._time is None else site.cut)(bureau)
        await self._pass(seconds)
        site.mend(bureau)
        if self._time is not None:
            self._time.mend(bureau)
        return f"{bureau} reached nobody; what waited on both sides went out when it was back"

    async def _compromise(self, scene: Scene, bureau: Address, count: int) -> str:
        if self._time is not None:  # its people do nothing until they have new keys
            self._time.cut(bureau)
        said = await troubles.compromise(scene, self._network, bureau, count)
        if self._time is not None:
            self._time.mend(bureau)
        return said

    async def _pass(self, seconds: float) -> None:
        await (asyncio.sleep(seconds) if self._time is None else self._time.sleep(seconds))


def _site(network: PrivateNetwork) -> Site:
    if not isinstance(network, Site):
        raise Misuse("links are disturbed where bureaus are behind proxies")
    return network
