"""What was exchanged is found for years, by who, whom, when, in which operation and of which kind: on every store."""

from __future__ import annotations

from gateway.ports_console import Sought
from tests.contract.test_retention import DAY, chore, kept
from tests.support import Stores, World


async def test_a_message_of_a_year_ago_is_found_although_its_content_is_gone(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        sent = world.envelope("FR", ["BR"])
        begin = world.clock.now()
        await world.send(exchange, sent)
        world.clock.move(400 * DAY)
        work = chore(world, stores, exchange)
        await work.look()
        assert await kept(stores, sent) == [False]
        common = {"operation": world.operation.id, "kind": "whereabouts.query/1", "since": begin, "until": begin + DAY}
        for asked in ({"sender": "FR"}, {"recipient": "BR"}, {"sender": "FR", "recipient": "BR"}):
            found = await stores.sightings.search(Sought(**common, **asked))  # type: ignore[arg-type]  # by name
            assert [one.digest for one in found] == [sent.digest]
