"""A page of an HTTP inbox holds what it was asked for, also where one message has two copies in the inbox."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from schemas.directory import Participant, SealingEntry
from schemas.envelope import seal
from schemas.identity import Address
from schemas.keys import SealingKey
from tests.support import ALWAYS, Office, Stores, World

MANY = 1 << 24


@dataclass
class Rotating(Office):
    """A bureau between two keys: a bureau and its unit have a wrap each in one message then, and one inbox."""

    older: SealingKey = field(default_factory=SealingKey.generate)

    def row(self) -> Participant:
        """With both keys."""
        row = super().row()
        return replace(row, sealing=(*row.sealing, SealingEntry(self.older.public, ALWAYS)))


async def test_a_page_ends_where_it_was_asked_to_between_two_copies_of_one_message(stores: Stores) -> None:
    world, store = World(), stores.store
    office = world.offices["BR"] = Rotating(Address("BR"), units=("desk",))
    world.first_directory()
    async with world.gateway(store) as exchange:
        header = world.header("FR", ["BR", "BR/desk"])
        keys = [office.sealing.public, office.older.public]
        outcome = await world.send(exchange, seal(header, b'{"a":1}', keys, world.office("FR").signing))
        assert outcome.accepted, outcome.reason
    (first,) = await store.waiting(Address("BR"), -1, 1, MANY)
    (second,) = await store.waiting(Address("BR"), first.index, 50, MANY)
    assert first.index < second.index
    assert first.digest == second.digest == outcome.digest
