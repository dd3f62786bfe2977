"""Whoever owns the broker puts false copies beside a true one: the true one is taken, once, and nothing is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bureaus.links import NO_PLACE, Link
from bureaus.links.inbox import arrival
from bureaus.links.memory import MemoryLink, MemoryNetwork
from bureaus.store import FILE, Store, receiving
from schemas.codes import Purpose
from schemas.errors import Malformed
from schemas.identity import Address
from schemas.wire import InboxItem, ItemType
from tests.unit.bureaus.network import OPERATION, QUERY, Team, counted

Copies = Callable[[InboxItem], list[InboxItem]]


class Doubling(MemoryLink):
    """A link on which each envelope comes with others."""

    def __init__(self, network: MemoryNetwork, address: Address, copies: Copies, *, together: bool) -> None:
        super().__init__(network, address)
        self.copies, self.together = copies, together

    async def items(self, after: int) -> AsyncIterator[Sequence[InboxItem]]:
        async for batch in super().items(after):
            made = [copy for item in batch for copy in self._of(item)]
            for part in [made] if self.together else [[one] for one in made]:
                yield part

    def _of(self, item: InboxItem) -> list[InboxItem]:
        return self.copies(item) if item.type is ItemType.ENVELOPE else [item]


def false_receipt(item: InboxItem) -> InboxItem:
    return replace(item, acceptance=b"\x80")


def spoilt(item: InboxItem) -> InboxItem:
    return replace(item, sealed=b"spoilt")


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("false", [false_receipt, spoilt])
@pytest.mark.parametrize("order", [1, -1])
async def test_a_false_copy_keeps_no_true_one_away(
    tmp_path: Path, false: Callable[[InboxItem], InboxItem], order: int, *, together: bool
) -> None:
    team = await Team.gather(tmp_path)

    def connect(who: object) -> Link:
        assert who is not None
        return Doubling(team.network, Address("BR"), lambda item: [false(item), item][::order], together=together)

    async with team.open("FR") as fr, team.open("BR", connect=connect) as br:
        sent = await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)
        inbox = br.inbox()
        assert (await anext(inbox)).digest == sent.digest
        await asyncio.sleep(0.1)  # whatever would come of the other copy comes now
        counts = await br.counts()
        kept = {state: count for state, count in counts["received"].items() if state != "quarantined"}
        assert (kept, counts["acknowledgements"]) == ({"running": 1}, {}), "taken once, nothing refused"
        await inbox.aclose()


HUGE = 2**62


async def test_what_does_not_verify_moves_no_cursor(tmp_path: Path) -> None:
    """Else whoever puts one false item into an inbox hides everything that comes after it."""
    team = await Team.gather(tmp_path)

    class Hostile(MemoryLink):
        async def items(self, after: int) -> AsyncIterator[Sequence[InboxItem]]:
            for kind in ItemType:
                yield [InboxItem(HUGE, kind, b"\x80", b"garbage", b"garbage")]
            async for batch in super().items(after):
                yield [replace(false_receipt(batch[0]), index=HUGE), *batch]

    def connect(who: object) -> Link:
        assert who is not None
        return Hostile(team.network, Address("BR"))

    async with team.open("BR", connect=connect) as br:
        await counted(br, "received", "quarantined", len(ItemType))
    assert await _cursor(tmp_path / "BR") == -1
    async with team.open("FR") as fr, team.open("BR", connect=connect) as br:
        sent = await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)
        await sent.accepted(60)
        await counted(br, "received", "new", 1)
        (item,) = team.network.waiting(Address("BR"))
    assert await _cursor(tmp_path / "BR") == item.index


async def _cursor(home: Path) -> int:
    async with await Store.open(home / FILE) as store:
        return await store.run(receiving.cursor)


def test_over_the_broker_no_item_says_where_it_stands() -> None:
    item = InboxItem(HUGE, ItemType.ENVELOPE, b"receipt", b"statement", None)
    assert arrival(item.encode()) == [replace(item, index=NO_PLACE)]
    assert isinstance(arrival(b"\x80"), Malformed)
