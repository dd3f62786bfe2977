"""What witnesses are asked and what they signed, on every store."""

from __future__ import annotations

from gateway.ports_witnesses import Offered
from schemas.claims import Head
from tests.support import Stores


async def test_lines_are_kept_over_what_is_on_offer_and_a_witness_first_stands(stores: Stores) -> None:
    found = stores.cosignatures
    assert (await found.newest(), await found.published(5), await found.offered(9)) == (None, None, [])
    for size in (5, 8, 13):
        assert await stores.tree.publish(Head(size, bytes(32)), f"note {size}")
    assert (await found.newest(), await found.published(8)) == ("note 13", "note 8")
    assert not await found.cosign(8, "FR", "line", 1), "nobody was asked"
    await found.offer(5, 100, 9)
    await found.offer(8, 200, 9)
    await found.offer(8, 300, 9)
    assert await found.cosign(8, "FR", "first", 1)
    assert not await found.cosign(8, "FR", "second", 2)
    assert await found.cosign(8, "BR", "other", 3)
    assert await found.cosign(5, "FR", "older", 4)
    eight = Offered(8, 200, "note 8", (("BR", "other"), ("FR", "first")))
    assert await found.offered(9) == [eight, Offered(5, 100, "note 5", (("FR", "older"),))]
    assert await found.offered(1) == [eight]


async def test_what_is_long_past_is_forgotten(stores: Stores) -> None:
    found = stores.cosignatures
    for size in (1, 2, 3):
        assert await stores.tree.publish(Head(size, bytes(32)), f"note {size}")
        await found.offer(size, size, 2)
        assert await found.cosign(size, "FR", "line", 1)
    assert [one.size for one in await found.offered(9)] == [3, 2]
    assert not await found.cosign(1, "BR", "late", 1)
