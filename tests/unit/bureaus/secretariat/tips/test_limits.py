"""What everybody shares: so many a minute, forms that are good once, guesses that have to wait."""

from __future__ import annotations

import pytest

from bureaus.secretariat.tips.limits import Bucket, Crowd, Forms, Guesses, network_of
from schemas.errors import Forbidden, Unavailable


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_lets_so_many_through_and_says_when_the_next_may() -> None:
    clock = Clock()
    bucket = Bucket(6, clock)
    for _ in range(6):
        bucket.take()
    with pytest.raises(Unavailable) as found:
        bucket.take()
    assert found.value.retry_after == 10
    clock.now += 10
    bucket.take()
    clock.now += 3600
    for _ in range(6):
        bucket.take()
    with pytest.raises(Unavailable):
        bucket.take()


def test_a_form_is_good_once_within_its_time() -> None:
    clock = Clock()
    forms, others, bucket = Forms(2, 100, clock), Forms(2, 100, clock), Bucket(60, clock)
    mark, late, stranger = forms.new(), forms.new(), others.new()
    with pytest.raises(Forbidden, match="at once"):
        forms.use(mark, bucket)
    clock.now += 2
    forms.use(mark, bucket)
    with pytest.raises(Forbidden, match="before"):
        forms.use(mark, bucket)
    with pytest.raises(Forbidden, match="restart"):
        forms.use(stranger, bucket)
    for wrong in ("", ".", "1.2.3", f"{mark}0", f"9{mark}", "\u0661.\u0662.\u0663", "nan.x." + mark[-64:]):
        with pytest.raises(Forbidden):
            forms.use(wrong, bucket)
    clock.now += 100
    with pytest.raises(Forbidden, match="too long"):
        forms.use(late, bucket)


def test_forms_that_the_bucket_holds_back_are_not_remembered() -> None:
    clock = Clock()
    forms, bucket = Forms(2, 100, clock), Bucket(1, clock)
    first, second = forms.new(), forms.new()
    clock.now += 2
    forms.use(first, bucket)
    with pytest.raises(Unavailable):
        forms.use(second, bucket)
    clock.now += 60
    forms.use(second, bucket)


def test_guesses_wait_longer_each_time_up_to_a_bound_and_each_tip_alone() -> None:
    clock = Clock()
    guesses = Guesses(8, clock)
    assert [guesses.may("T-1") for _ in range(4)] == [True, True, True, False]
    waits = []
    for _ in range(5):
        begun = clock.now
        while not guesses.may("T-1"):
            clock.now += 1
        waits.append(clock.now - begun)
    assert waits == [1, 2, 4, 8, 8]
    assert guesses.may("T-2")
    clock.now += 8
    assert guesses.may("T-1")
    guesses.right("T-1")
    assert [guesses.may("T-1") for _ in range(3)] == [True, True, True]


def test_what_is_remembered_of_guesses_is_bounded() -> None:
    clock = Clock()
    guesses = Guesses(8, clock)
    for number in range(5000):
        guesses.may(f"T-{number}")
    assert len(guesses._failed) == 4096  # noqa: SLF001  # memory is what is tested


def crowd(clock: Clock, most: int = 3, near: int | None = None) -> Crowd[str]:
    return Crowd(most, near, 20, 180, clock)


def test_who_has_rested_longest_makes_room_and_who_works_does_not() -> None:
    clock = Clock()
    here = crowd(clock)
    for one in ("a", "b", "c"):
        assert here.come(one, "n") is None
    here.works("a")
    assert here.come("d", "n") == "b"
    here.gone("b")
    here.works("c")
    here.works("d")
    assert here.come("e", "n") == "e", "all others work"
    here.gone("e")
    here.rests("a")
    assert here.come("f", "n") == "a"


def test_work_that_takes_too_long_is_cut_where_others_wait_and_for_nobody_at_its_end() -> None:
    clock = Clock()
    here = crowd(clock, most=1)
    assert here.come("a", "n") is None
    here.works("a")
    clock.now += 20
    assert here.over() == ()
    assert here.come("b", "n") == "a"
    here.gone("b")
    clock.now += 160
    assert here.over() == ("a",)


def test_rest_ends_when_its_time_is_over_and_begins_anew_after_an_answer() -> None:
    clock = Clock()
    here = crowd(clock)
    here.come("a", "n")
    clock.now += 19
    here.works("a")
    here.rests("a")
    clock.now += 19
    assert here.over() == ()
    clock.now += 1
    assert here.over() == ("a",)


def test_one_network_has_its_share_and_takes_from_its_own() -> None:
    clock = Clock()
    here = crowd(clock, most=10, near=2)
    assert [here.come(one, near) for one, near in (("x", "m"), ("a", "n"), ("b", "n"), ("c", "n"))] == [
        *(None, None, None),
        "a",
    ]
    here.gone("a")
    here.gone("a")
    here.works("b")
    here.works("c")
    assert here.come("d", "n") == "d"
    here.gone("d")
    for one in ("b", "c", "x"):
        here.gone(one)
    assert (here._counts, here._near) == ({}, {}), "nothing stays of who went"  # noqa: SLF001  # what is promised


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
    ],
)
def test_neighbours_are_a_network(address: str, network: str) -> None:
    assert network_of(address) == network
