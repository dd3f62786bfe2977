"""The ICAO check digit, held to the digits that Doc 9303 itself prints."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.errors import Misuse
from schemas.messages.codes import DocumentType
from schemas.messages.documents import IdentityDocument, check_digit, zone_spelling


@pytest.mark.parametrize(
    ("field", "digit"),
    [
        ("520727", 3),  # Doc 9303-3, the worked example of a date
        ("AB2134<<<", 5),  # Doc 9303-3, the worked example of a number
        ("L898902C3", 6),  # Doc 9303-4, specimen passport: number
        ("740812", 2),  # date of birth
        ("120415", 9),  # date of expiry
        ("ZE184226B<<<<<", 1),  # personal number
        ("L898902C3674081221204159ZE184226B<<<<<1", 0),  # all of them together
        ("D23145890", 7),  # Doc 9303-5, specimen card: number
    ],
)
def test_published_check_digits(field: str, digit: int) -> None:
    assert check_digit(field) == digit


@pytest.mark.parametrize("field", ["a", "L898902C3 ", "É"])
def test_the_zone_has_no_other_characters(field: str) -> None:
    with pytest.raises(Misuse):
        check_digit(field)


def test_filler_at_the_end_changes_nothing() -> None:
    assert check_digit("AB2134") == check_digit("AB2134<<<")


def test_what_the_zone_cannot_show_becomes_filler() -> None:
    assert zone_spelling("AB-21 3/4") == "AB<21<3<4"


def test_a_computed_digit_is_kept_and_a_wrong_one_refused() -> None:
    assert IdentityDocument.numbered(DocumentType.PASSPORT, "L898902C3", "UNO").check_digit == 6
    with pytest.raises(ValidationError, match="check_digit"):
        IdentityDocument(type=DocumentType.PASSPORT, number="L898902C3", check_digit=7)


@given(number=st.from_regex(r"\A[A-Z0-9]{9}\Z"), position=st.integers(0, 8), digit=st.sampled_from("0123456789"))
def test_any_one_wrong_numeral_is_found(number: str, position: int, digit: str) -> None:
    if not number[position].isdigit() or number[position] == digit:
        return
    slipped = number[:position] + digit + number[position + 1 :]
    # The weights 7, 3 and 1 have no common factor with 10, so no difference of numerals goes unseen.
    assert check_digit(slipped) != check_digit(number)
