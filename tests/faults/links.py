"""Faults of connections and nodes: torn, half-open, and a cluster that loses a node."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final

from bureaus.sandbox.cluster import Cluster
from schemas.codes import Urgency
from schemas.identity import Address
from schemas.wire import submissions_queue
from tests.faults.fault import Fault, Strike
from tests.faults.scene import Leg, Scene, Setting

EVERYWHERE: Final = frozenset(Leg)


class Clustered(Scene):
    """The broker has three nodes."""

    cluster: Cluster

    async def make_broker(self) -> str:
        """All three."""
        self.cluster = await self._stack.enter_async_context(Cluster(self.ground.definitions, self.ground.tls))
        self._broker = self.cluster.nodes[0]
        return self.cluster.url


async def _kill_node(strike: Strike, *, leader: bool) -> None:
    assert isinstance(strike.scene, Clustered)
    cluster = strike.scene.cluster
    leads = await cluster.leader(submissions_queue(Address("BR"), Urgency.ROUTINE))
    await leads.settle()
    victim = leads if leader else strike.dice.choice([node for node in cluster.nodes if node is not leads])
    strike.begin(f"kill -9 of {victim.node}")
    await victim.kill()
    await strike.rest(4.0, 8.0)
    await victim.start()


async def _kill_leader(strike: Strike) -> None:
    await _kill_node(strike, leader=True)


async def _kill_follower(strike: Strike) -> None:
    await _kill_node(strike, leader=False)


def _proxied(*legs: Leg) -> Callable[[random.Random, int], Setting]:
    return lambda _dice, _count: Setting(proxied=frozenset(legs))


async def _tear(strike: Strike) -> None:
    """Reset the connections of one leg after another, some of them while new ones are refused for a moment."""
    cut = 0
    for _ in range(15):
        leg = strike.dice.choice(sorted(EVERYWHERE))
        for proxy in strike.scene.proxies[leg]:
            cut += proxy.cut()
            if strike.dice.random() < 1 / 3:
                proxy.refuse()
        await strike.rest(0.2, 1.0)
        for proxy in strike.scene.proxies[leg]:
            proxy.heal()
    strike.say(f"{cut} connections were torn")


def _half_open(leg: Leg) -> Callable[[Strike], Awaitable[None]]:
    async def strike_leg(strike: Strike) -> None:
        frozen = sum(proxy.freeze() for proxy in strike.scene.proxies[leg])
        await strike.rest(5.0, 10.0)
        strike.say(f"{frozen} connections stay half-open, new ones pass")
        for proxy in strike.scene.proxies[leg]:
            proxy.heal()
        await asyncio.sleep(0)

    return strike_leg


FAULTS: Final = (
    Fault("node", "cluster", "kill -9 of one broker node of three", _kill_follower, scene=Clustered),
    Fault("leader", "cluster", "kill -9 of the queues' leader, of three nodes", _kill_leader, scene=Clustered),
    Fault("torn", "links", "connections torn on every leg, again and again", _tear, _proxied(*Leg)),
    Fault(
        "half-open-broker", "links", "half-open connections to the broker", _half_open(Leg.BROKER), _proxied(Leg.BROKER)
    ),
    Fault("half-open-http", "links", "half-open connections to the gateways", _half_open(Leg.HTTP), _proxied(Leg.HTTP)),
    Fault(
        "half-open-database",
        "links",
        "half-open connections to PostgreSQL",
        _half_open(Leg.DATABASE),
        _proxied(Leg.DATABASE),
    ),
)
