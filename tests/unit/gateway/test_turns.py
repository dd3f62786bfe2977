"""Turns: senders one after another, each with bounds of its own."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings import MIB, Pipeline
from gateway.turns import Turns
from schemas.errors import Reason, Unavailable

LIMITS = Pipeline(queue_items=6, queue_items_per_sender=3, queue_bytes_per_sender=100)


@dataclass(frozen=True)
class Item:
    name: str
    size: int = 1


def filled(*names: str) -> Turns[Item]:
    """Items named after their sender, the first letter."""
    turns: Turns[Item] = Turns(LIMITS)
    for name in names:
        turns.put(name[0], Item(name))
    return turns


def test_a_flood_holds_up_nobody() -> None:
    turns = filled(*(f"f{n}" for n in range(100)), "a1", "b1", "b2")
    names = [item.name for item in turns.take(6, 100)]
    assert names == ["f0", "a1", "b1", "f1", "b2", "f2"]
    assert len(turns) == 97
    turns.put("a", Item("a2"))
    assert [item.name for item in turns.take(2, 100)] == ["f3", "a2"]


def test_only_the_one_who_fills_a_line_hears_of_it() -> None:
    turns = filled("f1", "f2", "f3")
    with pytest.raises(Unavailable) as full:
        turns.check("f", 1)
    assert (full.value.reason, full.value.retry_after) == (Reason.LINK_QUOTA, LIMITS.retry_after_seconds)
    turns.check("a", 1)
    for name in ("a1", "b1", "c1"):
        turns.put(name[0], Item(name))
    with pytest.raises(Unavailable) as all_full:
        turns.check("d", 1)
    assert all_full.value.reason is Reason.OVERLOADED


def test_bytes_of_one_line_are_bounded_and_one_item_always_may_wait() -> None:
    turns: Turns[Item] = Turns(LIMITS)
    turns.check("f", 1000)
    turns.put("f", Item("f", 1000))
    with pytest.raises(Unavailable, match="link-quota"):
        turns.check("f", 1)
    with pytest.raises(Unavailable, match="overloaded"):
        turns.check("a", 64 * MIB)


def test_what_does_not_fit_waits_and_the_first_is_given_whatever_its_size() -> None:
    turns: Turns[Item] = Turns(LIMITS)
    for name, size in (("a1", 50), ("b1", 60), ("a2", 1)):
        turns.put(name[0], Item(name, size))
    assert [item.name for item in turns.take(9, 100)] == ["a1"]
    assert [item.name for item in turns.take(9, 10)] == ["b1"]
    assert [item.name for item in turns.take(9, 10)] == ["a2"]
    assert (len(turns), turns.size, turns.take(9, 9)) == (0, 0, [])


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9))), st.integers(1, 5), st.integers(1, 20))
def test_nothing_is_lost_and_each_line_keeps_its_order(put: list[tuple[str, int]], items: int, size: int) -> None:
    turns: Turns[Item] = Turns(LIMITS)
    sent = [Item(f"{sender}{number}", length) for number, (sender, length) in enumerate(put)]
    for item in sent:
        turns.put(item.name[0], item)
    taken: list[Item] = []
    while len(turns):
        batch = turns.take(items, size)
        assert 1 <= len(batch) <= items
        assert len(batch) == 1 or sum(item.size for item in batch) <= size
        taken += batch
    assert turns.size == 0
    for sender in "abc":
        assert [i for i in taken if i.name[0] == sender] == [i for i in sent if i.name[0] == sender]
