"""Numbers and secrets are read as people copy them, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bureaus.secretariat.tips import numbers


def _worn(text: str, small: bool, between: str) -> str:  # noqa: FBT001  # how somebody wrote it down
    worn = text.replace("-", between).replace("0", "O").replace("1", "l")
    return worn.lower() if small else worn


@given(small=st.booleans(), between=st.sampled_from(["-", " ", "", " - ", "\u2013"]))
def test_what_was_made_is_read_however_it_was_copied(small: bool, between: str) -> None:  # noqa: FBT001  # as above
    number, secret = numbers.new_number(), numbers.new_secret()
    assert numbers.read_number(_worn(number, small, between)) == number
    assert numbers.read_number(_worn(number.removeprefix("T-"), small, between)) == number
    assert numbers.read_secret(_worn(secret, small, between)) == secret


@given(st.text(max_size=40))
def test_any_text_is_a_number_in_its_one_spelling_or_none(text: str) -> None:
    for read in (numbers.read_number, numbers.read_secret):
        found = read(text)
        assert found is None or read(found) == found


@pytest.mark.parametrize("text", ["", "T-", "T-7K3M-9Q", "T-7K3M-9Q2XY", "U7K3M9Q2X", "T-7K3M-9Q2\u0663"])
def test_what_is_no_number_is_none(text: str) -> None:
    assert numbers.read_number(text) is None


def test_numbers_and_secrets_are_not_made_twice() -> None:
    assert len({numbers.new_number() for _ in range(2000)}) == 2000
    assert len(numbers.new_secret().replace("-", "")) * 5 == 100, "bits"
