"""Memberships are found by address: the first that covers it at the time, as a look at all of them finds it."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from random import Random

from schemas.identity import Address
from schemas.operation import Member, Operation, Role
from tests.support import World

ADDRESSES = [Address(text) for text in ("FR", "FR/one", "FR/two", "KE", "KE/one", "BR")]


def looked_for(operation: Operation, address: Address, time: int) -> Member | None:
    found = (member for member in operation.members if member.address.covers(address) and member.covers(time))
    return next(found, None)


def test_a_member_is_the_first_that_covers_the_address_at_the_time() -> None:
    chance, whole = Random(3), World("FR", "BR").operation  # noqa: S311  # nothing secret
    for _ in range(200):
        members = tuple(
            Member(
                chance.choice(ADDRESSES), chance.choice(list(Role)), chance.randrange(5), chance.choice([None, 7, 9])
            )
            for _ in range(chance.randrange(8))
        )
        operation = replace(whole, members=members)
        for address, time in product(ADDRESSES, range(10)):
            assert operation.member(address, time) is looked_for(operation, address, time)
