"""Dates of birth: to the precision that both know, with the slips that dates come with."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bureaus.secretariat.databases.dates import compare_dates
from schemas.messages.search_codes import MatchReason


@pytest.mark.parametrize(
    ("asked", "known", "reason"),
    [
        ("1971-04-12", "1971-04-12", MatchReason.BIRTH_DATE),
        ("1971", "1971-04-12", MatchReason.BIRTH_DATE_PARTIAL),
        ("1971", "1971", MatchReason.BIRTH_DATE_PARTIAL),
        ("1971-04-12", "1971-04", MatchReason.BIRTH_DATE_PARTIAL),
        ("1971-12-04", "1971-04-12", MatchReason.BIRTH_DATE_SWAPPED),
        ("1971-04-13", "1971-04-12", MatchReason.BIRTH_DATE_NEAR),
        ("1971-04-21", "1971-04-12", MatchReason.BIRTH_DATE_NEAR),
        ("1981-04-12", "1971-04-12", MatchReason.BIRTH_DATE_NEAR),
        ("1971-01-01", "1971-04-12", MatchReason.BIRTH_DATE_NEAR),
        ("1972", "1971-04-12", MatchReason.BIRTH_DATE_NEAR),
        ("1971-05", "1971-04", MatchReason.BIRTH_DATE_NEAR),
        ("1980", "1971-04-12", MatchReason.BIRTH_DATE_DIFFERS),
        ("1985-09-27", "1971-04-12", MatchReason.BIRTH_DATE_DIFFERS),
        ("1985-09", "1971-04", MatchReason.BIRTH_DATE_DIFFERS),
    ],
)
def test_two_dates_are_alike_for_a_reason(asked: str, known: str, reason: MatchReason) -> None:
    assert compare_dates(asked, known)[1] is reason
    assert compare_dates(known, asked) == compare_dates(asked, known)


@given(st.dates(date(1900, 1, 1), date(2020, 12, 31)), st.dates(date(1900, 1, 1), date(2020, 12, 31)))
def test_no_date_speaks_more_than_the_very_date(one: date, other: date) -> None:
    alike, _ = compare_dates(one.isoformat(), other.isoformat())
    assert 0.0 <= alike <= 1.0
    assert (alike == 1.0) == (one == other)
