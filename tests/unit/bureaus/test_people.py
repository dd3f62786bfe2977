"""Synthetic persons: the same from the same seed, in several scripts, always marked as synthetic."""

import random

import pytest

from bureaus.exercises.catalogue import countries
from bureaus.people import synthetic_person
from schemas.messages import Person, WhereaboutsQuery, decode, encode
from schemas.messages.codes import Asked
from schemas.messages.documents import check_digit, zone_spelling
from schemas.messages.fields import date_precision

MARKS = {"BR": "-Ex", "RU": "-Экс", "GR": "-Εξ", "EG": "-إكس", "CN": "例"}


def _some(code: str, count: int = 200) -> list[Person]:
    rng = random.Random(7)  # noqa: S311 (a seed gives the same persons again)
    return [synthetic_person(rng, countries()[code]) for _ in range(count)]


def test_the_same_seed_gives_the_same_persons() -> None:
    assert _some("BR") == _some("BR")
    assert _some("BR") != _some("PE")


@pytest.mark.parametrize("code", MARKS)
def test_every_name_is_marked_as_synthetic_in_its_script(code: str) -> None:
    for person in _some(code):
        for name in (person.name, *person.aliases):
            assert name.family is not None
            assert name.family.endswith("-Ex")
            assert (name.original is None) == (code == "BR")
            assert name.original is None or MARKS[code] in name.original


def test_every_person_of_every_country_can_be_sent() -> None:
    rng = random.Random(7)  # noqa: S311 (a seed gives the same persons again)
    for country in countries().values():
        query = WhereaboutsQuery(asked=(Asked.STATUS,), person=synthetic_person(rng, country))
        assert decode(query.KIND, encode(query)) == query


def test_files_are_as_incomplete_as_real_ones() -> None:
    dates = [person.birth_date for person in _some("BR")]
    assert {date and date_precision(date) for date in dates} == {None, 1, 2, 3}
    assert {len(person.documents) for person in _some("BR")} >= {0, 1}
    assert {person.height_cm is None for person in _some("BR")} == {True, False}


def test_documents_carry_their_check_digit() -> None:
    documents = [document for person in _some("BR") for document in person.documents]
    assert documents
    assert all(document.check_digit == check_digit(zone_spelling(document.number)) for document in documents)


def test_nobody_was_a_child_when_accused() -> None:
    for person in _some("BR"):
        for charge in person.charges:
            if charge.committed and person.birth_date:
                assert int(charge.committed[:4]) - int(person.birth_date[:4]) >= 19
