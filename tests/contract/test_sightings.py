"""What the console searches and shows, on every store."""

from __future__ import annotations

from gateway.exchange import Exchange
from gateway.ports_console import Outlook, Seen, Sought
from schemas.identity import Address
from tests.support import Stores, World


async def traffic(world: World, exchange: Exchange) -> list[bytes]:
    """Five messages: FR asks BR, then all; BR answers; AR asks; one of FR is refused. Their digests."""
    first = world.envelope("FR", ["BR"])
    found = [(await world.send(exchange, first)).digest]
    world.clock.move(1000)
    found.append((await world.send(exchange, world.envelope("FR", ["AR", "BR"]))).digest)
    world.clock.move(1000)
    answer = world.envelope("BR", ["FR"], thread=found[0], re=found[0])
    found.append((await world.send(exchange, answer, "BR")).digest)
    found.append((await world.send(exchange, world.envelope("AR", ["BR"]), "AR")).digest)
    world.clock.move(1000)
    refused = await world.send(exchange, world.envelope("FR", ["BR"], sub="no-such-operation"))
    assert not refused.accepted
    return [*found, refused.digest]


def digests(found: list[Seen]) -> set[bytes]:
    return {one.digest for one in found}


async def test_each_filter_finds_its_messages_newest_first(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        ask, both, answer, other, refused = await traffic(world, exchange)
        end = world.clock.now()

        async def search(**asked: object) -> list[Seen]:
            return list(await stores.sightings.search(Sought(**asked)))  # type: ignore[arg-type]  # by name

        rows = await search()
        assert [one.digest for one in rows[3:]] == [both, ask]
        assert rows[0].digest == refused
        assert (rows[0].accepted, rows[0].reason is not None, rows[0].index is not None) == (False, True, True)
        assert digests(await search(sender="FR")) == {ask, both, refused}
        assert digests(await search(recipient="BR")) == {ask, both, other, refused}
        assert digests(await search(recipient="AR")) == {both}
        assert digests(await search(recipient="A")) == set()
        assert digests(await search(operation=world.operation.id)) == {ask, both, answer, other}
        assert digests(await search(kind=rows[0].kind)) == {ask, both, answer, other, refused}
        assert digests(await search(outlook=Outlook.REFUSED)) == {refused}
        assert digests(await search(outlook=Outlook.ACCEPTED)) == {ask, both, answer, other}
        assert digests(await search(id=answer[:4])) == {answer}
        assert digests(await search(since=end, until=end + 1)) == {refused}
        assert digests(await search(until=end - 2500)) == {ask}
        assert await search(sender="FR", outlook=Outlook.REFUSED, operation="other") == []


async def test_pages_follow_one_another_without_a_gap(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        sent = await traffic(world, exchange)
        for recipient in (None, "BR"):
            wanted = await stores.sightings.search(Sought(recipient=recipient))
            seen: list[Seen] = []
            before = None
            while page := await stores.sightings.search(Sought(recipient=recipient, before=before, limit=2)):
                seen += page
                before = page[-1].received, page[-1].digest
            assert seen == list(wanted)
        assert len(sent) == 5


async def test_an_exchange_with_its_entries_acknowledgements_and_backlog(stores: Stores) -> None:
    world = World()
    async with world.gateway(stores.store) as exchange:
        ask, both, answer, *_ = await traffic(world, exchange)
        found = await stores.sightings.exchange(ask, 10)
        assert [(one.digest, one.thread, one.re) for one in found] == [(ask, ask, None), (answer, ask, ask)]
        assert len(await stores.sightings.exchange(ask, 1)) == 1
        waiting = {(one.inbox, one.pending, one.waiting) for one in await stores.sightings.backlogs()}
        assert waiting == {("BR", 0, 3), ("AR", 0, 1), ("FR", 0, 1)}
        assert len(await stores.sightings.search(Sought(outlook=Outlook.WAITING))) == 4

        raw = world.acknowledgement("BR", ask)
        await exchange.evidence(Address("BR"), raw)
        size = await stores.store.size()
        entries = await stores.sightings.about(ask, 0, size)
        (said,) = await stores.sightings.acknowledged(ask)
        assert (said.recipient, said.raw, said.index) == ("BR", raw, entries[-1].index)
        assert [ask in leaf.entry for leaf in entries] == [True, True, True]
        assert await stores.sightings.about(ask, entries[-1].index + 1, size) == []
        assert len(await stores.sightings.search(Sought(outlook=Outlook.WAITING))) == 3
        oldest = {str(one.inbox): one.oldest for one in await stores.sightings.backlogs()}
        assert oldest["BR"] == next(one.received for one in await stores.sightings.search(Sought(id=both)))
