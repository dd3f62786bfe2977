"""Names: what differs between two ways to write one person, found by key and explained by the matcher."""

import random
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bureaus.exercises.catalogue import countries
from bureaus.people import synthetic_person
from bureaus.secretariat.databases.matcher import Known, match
from bureaus.secretariat.databases.names import latin, question_keys, record_keys, skeleton
from schemas.identity import Address
from schemas.messages.codes import Sex
from schemas.messages.databases import NameQuestion
from schemas.messages.person import Name, Person
from schemas.messages.search_codes import MatchReason

CANDIDATE: Final = 70
PERSON: Final = Person(
    name=Name(family="Shcherbrukov-Ex", given="Dovmir", original="Довмир Щербруков-Экс"),
    aliases=(Name(family="Zanluko", given="Tulgri"),),
    sex=Sex.M,
    birth_date="1971-04-12",
    nationalities=("KZ",),
)


def asked(family: str | None, given: str | None = None, born: str | None = "1971-04-12") -> NameQuestion:
    return NameQuestion(name=Name(family=family, given=given), birth_date=born)


DIFFERENCES: Final = {
    "nothing": (asked("Shcherbrukov-Ex", "Dovmir"), {MatchReason.NAME, MatchReason.BIRTH_DATE}),
    "order": (asked("Dovmir", "Shcherbrukov Ex"), {MatchReason.NAME_ORDER, MatchReason.BIRTH_DATE}),
    "transcription": (asked("Schtscherbrukow-Ex", "Dowmir"), {MatchReason.NAME_SPELLING, MatchReason.BIRTH_DATE}),
    "a letter changed": (asked("Shcherbtukov-Ex", "Dovmir"), {MatchReason.NAME_SPELLING, MatchReason.BIRTH_DATE}),
    "a letter left out": (asked("Shcherbukov-Ex", "Dovmir"), {MatchReason.NAME_SPELLING, MatchReason.BIRTH_DATE}),
    "letters swapped": (asked("Shcherbrukov-Ex", "Dovimr"), {MatchReason.NAME_SPELLING, MatchReason.BIRTH_DATE}),
    "a part missing": (asked("Shcherbrukov-Ex"), {MatchReason.NAME_PART_MISSING, MatchReason.BIRTH_DATE}),
    "a year alone": (asked("Shcherbrukov-Ex", "Dovmir", "1971"), {MatchReason.NAME, MatchReason.BIRTH_DATE_PARTIAL}),
    "day and month": (
        asked("Shcherbrukov-Ex", "Dovmir", "1971-12-04"),
        {MatchReason.NAME, MatchReason.BIRTH_DATE_SWAPPED},
    ),
    "another year": (asked("Shcherbrukov-Ex", "Dovmir", "1972-04-12"), {MatchReason.BIRTH_DATE_NEAR}),
    "no date": (asked("Shcherbrukov-Ex", "Dovmir", None), {MatchReason.NAME}),
    "an alias": (asked("Zanluko", "Tulgri"), {MatchReason.NAME, MatchReason.ALIAS}),
    "the original script": (
        NameQuestion(name=Name(original="Довмир Щербруков-Экс"), birth_date="1971-04-12"),
        {MatchReason.ORIGINAL_SCRIPT},
    ),
}


@pytest.mark.parametrize("kind", DIFFERENCES)
def test_a_difference_of_this_kind_is_found_and_explained(kind: str) -> None:
    question, reasons = DIFFERENCES[kind]
    assert record_keys(PERSON) & question_keys(question)
    found = match(Known.asked(question), Known.of(PERSON))
    assert found.score >= CANDIDATE
    assert reasons <= set(found.reasons)


@pytest.mark.parametrize(
    ("family", "given", "born"),
    [("Senlup", "Ora", "1971-04-12"), ("Zanluko", "Dovmir", "1950"), ("Kelgrizan", "Dovmir", "1971-04-12")],
)
def test_another_person_is_no_candidate(family: str, given: str, born: str) -> None:
    assert match(Known.asked(asked(family, given, born)), Known.of(PERSON)).score < CANDIDATE


@pytest.mark.parametrize(
    ("written", "official"),
    [
        ("Щербруков", "Shcherbrukov"),
        ("Τουλκελ", "Toulkel"),
        ("برودوب", "Brudob"),
        ("갈덕", "Galdeok"),
        ("გრიზან", "Grizan"),
        ("मिरलुप", "Mirlup"),
    ],
)
def test_a_script_and_its_transcription_share_their_skeleton(written: str, official: str) -> None:
    assert "".join(map(skeleton, latin(written).split())) == "".join(map(skeleton, latin(official).split()))


def test_a_name_written_without_spaces_is_found_by_its_parts_run_together() -> None:
    person = Person(name=Name(original="碌碗例凳"), birth_date="1980-02-03")
    question = NameQuestion(name=Name(family="Luwan Li", given="Deng"), birth_date="1980-02-03")
    assert record_keys(person) & question_keys(question)
    assert match(Known.asked(question), Known.of(person)).score >= CANDIDATE


def test_what_is_unknown_says_nothing() -> None:
    person = Person(name=Name(family="Zanluko", given="Tulgri"))
    question = NameQuestion(name=person.name, birth_date="1980", sex=Sex.F, nationality="FR")
    assert match(Known.asked(question), Known.of(person)).score == 100


@settings(deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from(sorted(countries())))
def test_anybody_is_found_by_the_very_name_and_date(rng: random.Random, code: Address) -> None:
    person = synthetic_person(rng, countries()[code])
    born = person.birth_date
    for name in (person.name, *person.aliases):
        question = NameQuestion(name=name, birth_date=born)
        assert record_keys(person) & question_keys(question)
        assert match(Known.asked(question), Known.of(person)).score == 100
    kept = Known.of(person)
    assert Known.decode(kept.encode()) == kept


@given(st.text(max_size=40))
def test_any_text_becomes_small_latin_letters(text: str) -> None:
    found = latin(text)
    assert set(found) <= set("abcdefghijklmnopqrstuvwxyz ")
    assert all(set(skeleton(token)) <= set("aklmnprstf") for token in found.split())
