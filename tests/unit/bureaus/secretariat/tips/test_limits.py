"""What everybody shares: so many a minute, forms that are good once, guesses that have to wait."""

from __future__ import annotations

import pytest

from bureaus.secretariat.tips.limits import Bucket, Forms, Guesses
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
    forms, others = Forms(2, 100, clock), Forms(2, 100, clock)
    mark, late, stranger = forms.new(), forms.new(), others.new()
    with pytest.raises(Forbidden, match="at once"):
        forms.use(mark)
    clock.now += 2
    forms.use(mark)
    with pytest.raises(Forbidden, match="before"):
        forms.use(mark)
    with pytest.raises(Forbidden, match="restart"):
        forms.use(stranger)
    for wrong in ("", ".", "1.2.3", f"{mark}0", f"9{mark}", "\u0661.\u0662.\u0663", "nan.x." + mark[-64:]):
        with pytest.raises(Forbidden):
            forms.use(wrong)
    clock.now += 100
    with pytest.raises(Forbidden, match="too long"):
        forms.use(late)


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
