"""Staff: working hours in their own time zone, habits drawn from the seed, and what a file may say of them."""

from __future__ import annotations

import random

import pytest
from pydantic import ValidationError

from bureaus.exercises.staff import Day, Delay, Office, Staff, StaffOf, conduct, monday_after, office

HOUR, DAY = 3_600_000, 86_400_000
MONDAY = monday_after(1_790_000_000_000)


def test_an_exercise_begins_on_a_monday_at_midnight() -> None:
    for passed in (0, 1, DAY, 6 * DAY + 23 * HOUR):
        assert monday_after(MONDAY + passed) == MONDAY + 7 * DAY
    assert monday_after(MONDAY - 1) == MONDAY
    assert (MONDAY // DAY + 3) % 7 == 0  # the epoch was a Thursday


@pytest.mark.parametrize(
    ("begun", "hours", "done"),
    [
        (9 * HOUR, 2, 11 * HOUR),
        (6 * HOUR, 2, 10 * HOUR),
        (17 * HOUR, 2, DAY + 9 * HOUR),
        (9 * HOUR, 10 + 9, DAY + 18 * HOUR),
        (4 * DAY + 17 * HOUR, 3, 7 * DAY + 10 * HOUR),
        (5 * DAY + 12 * HOUR, 1, 7 * DAY + 9 * HOUR),
    ],
)
def test_work_goes_on_in_opening_hours_alone(begun: int, hours: int, done: int) -> None:
    desk = Office(0, (8, 18), frozenset({5, 6}), always=False)
    assert desk.done(MONDAY + begun, hours * 3600) == MONDAY + done
    assert Office(0, (8, 18), frozenset({5, 6}), always=True).done(begun, 3600 * hours) == begun + hours * HOUR


def test_hours_are_local() -> None:
    tokyo = Office(540, (8, 18), frozenset({5, 6}), always=False)
    assert tokyo.done(MONDAY, 3600) == MONDAY + HOUR  # nine in the morning there
    lima = Office(-300, (8, 18), frozenset({5, 6}), always=False)
    assert lima.done(MONDAY, 3600) == MONDAY + 14 * HOUR  # Sunday evening there


def test_delays_have_the_median_and_percentile_that_the_file_says() -> None:
    delay, rng = Delay(median_minutes=100, p95_minutes=600), random.Random(3)  # noqa: S311  # nothing secret comes of it
    drawn = sorted(delay.draw(rng) / 60 for _ in range(4000))
    assert 90 < drawn[2000] < 110
    assert 520 < drawn[3800] < 690
    assert drawn[-1] <= 3 * 600


def test_conduct_is_drawn_from_the_seed_the_case_and_the_bureau() -> None:
    staff = Staff(silence=0.5, mistakes=0.5)
    several = [conduct(staff, 7, f"FR-2026-{one:06}", "BR", urgent=False) for one in range(400)]
    assert several == [conduct(staff, 7, f"FR-2026-{one:06}", "BR", urgent=False) for one in range(400)]
    assert 150 < sum(one.silent for one in several) < 250
    assert 150 < sum(one.mistaken for one in several) < 250
    assert conduct(staff, 8, "FR-2026-000001", "BR", urgent=False) != several[1]
    quick = [conduct(staff, 7, f"FR-2026-{one:06}", "BR", urgent=True).first for one in range(400)]
    assert sum(quick) < sum(one.first for one in several) / 3
    assert sum(office(staff, 7, f"{one}", 0).always for one in range(400)) in range(80, 160)


def test_what_is_different_at_some_bureaus_is_laid_over_the_rest() -> None:
    different = StaffOf(areas=("oceania",), weekend=(Day.FRIDAY,), silence=0.2)
    over = different.over(Staff(mistakes=0.1))
    assert (over.weekend, over.silence, over.mistakes) == ((Day.FRIDAY,), 0.2, 0.1)
    for wrong in ({}, {"bureaus": ("FR",), "hours": (18, 8)}, {"bureaus": ("FR",), "weekend": tuple(Day)}):
        with pytest.raises(ValidationError):
            StaffOf.model_validate(wrong)
    with pytest.raises(ValidationError):
        Delay(median_minutes=10, p95_minutes=9)
