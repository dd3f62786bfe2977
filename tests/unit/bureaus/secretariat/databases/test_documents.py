"""Documents are compared as the zone writes them: exactly, once separators are left out."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bureaus.secretariat.databases.documents import match, number_key, plain
from schemas.messages.codes import DocumentType
from schemas.messages.databases import DocumentQuestion
from schemas.messages.documents import IdentityDocument
from schemas.messages.search_codes import MatchReason

THERE: Final = IdentityDocument.numbered(DocumentType.PASSPORT, "AB 12/34-O", "BR")
SIGNS: Final = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=20)


def why(number: str, kind: DocumentType | None = None, issuer: str | None = None) -> set[MatchReason]:
    return set(match(DocumentQuestion(number=number, type=kind, issuer=issuer), THERE))


def test_the_number_alone_is_enough_and_its_separators_do_not_count() -> None:
    assert why("AB 12/34-O") == {MatchReason.NUMBER}
    assert why("AB1234O") == why("A.B1234-O") == {MatchReason.NUMBER_SPELLING}


def test_the_letter_o_is_not_the_digit_zero() -> None:
    assert why("AB12340") == set()
    assert number_key("AB12340") != number_key("AB1234O")


def test_a_type_and_an_issuer_that_are_said_have_to_be_those() -> None:
    assert why("AB1234O", DocumentType.PASSPORT, "BR") == {
        MatchReason.NUMBER_SPELLING,
        MatchReason.ISSUER,
        MatchReason.DOCUMENT_TYPE,
    }
    assert why("AB1234O", issuer="FR") == why("AB1234O", DocumentType.VISA) == set()


def test_every_passport_is_of_the_zones_one_letter() -> None:
    assert MatchReason.DOCUMENT_TYPE in why("AB1234O", DocumentType.DIPLOMATIC_PASSPORT)


@pytest.mark.parametrize("issuer", [None, "BR"])
def test_a_record_without_issuer_is_found_whoever_issued_it(issuer: str | None) -> None:
    there = IdentityDocument(type=DocumentType.VISA, number="V1")
    assert match(DocumentQuestion(number="V1", issuer=issuer), there) == (MatchReason.NUMBER,)


@given(SIGNS, st.lists(st.sampled_from([" ", ".", "/", "-"]), max_size=6))
def test_separators_anywhere_change_no_key(number: str, signs: list[str]) -> None:
    spread = number
    for at, sign in enumerate(signs):
        place = (at * 7) % (len(spread) + 1)
        spread = spread[:place] + sign + spread[place:]
    assert plain(spread) == number
    assert number_key(spread) == number_key(number)


@given(SIGNS, SIGNS)
def test_two_numbers_have_two_keys(one: str, other: str) -> None:
    assert (number_key(one) == number_key(other)) == (one == other)
