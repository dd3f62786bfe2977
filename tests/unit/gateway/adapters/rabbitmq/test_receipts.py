"""Receipts as they go back to those who submitted."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.adapters.rabbitmq.frames import Post
from gateway.adapters.rabbitmq.publisher import receipts_for
from gateway.ports import Outcome
from schemas.codes import Urgency
from schemas.identity import Address
from schemas.wire import MAX_ITEMS, InboxItem, decode_message, inbox_queue

FR, BR = Address("FR"), Address("BR")


def outcomes(count: int) -> list[Outcome]:
    return [Outcome(b"d" * 32, b"receipt %d" % at, accepted=True, index=at) for at in range(count)]


def held(made: Sequence[tuple[Post, int]], link: Address) -> list[list[InboxItem]]:
    """What the messages to a link hold, once what is said of their number is right."""
    found = [
        (decode_message(post.body), count) for post, count in made if post.queue == inbox_queue(link, Urgency.URGENT)
    ]
    assert all(len(items) == count for items, count in found)
    return [items for items, _ in found]


def test_receipts_of_one_link_go_together_in_their_order_and_never_more_than_a_message_may_hold() -> None:
    receipts = outcomes(2 * MAX_ITEMS + 2)
    links = [BR if at == 3 else FR for at in range(len(receipts))]
    made = receipts_for(list(zip(links, receipts, strict=True)))
    assert [len(items) for items in held(made, FR)] == [MAX_ITEMS, MAX_ITEMS, 1]
    assert [len(items) for items in held(made, BR)] == [1]
    for link in (FR, BR):
        wanted = [(one.index, one.receipt) for to, one in zip(links, receipts, strict=True) if to == link]
        assert [(item.index, item.acceptance) for items in held(made, link) for item in items] == wanted


def test_each_message_has_an_id_of_its_own() -> None:
    made = [*receipts_for([(FR, outcomes(1)[0])]), *receipts_for([(FR, one) for one in outcomes(MAX_ITEMS + 1)])]
    assert len({post.message_id for post, _ in made}) == len(made) == 3
