"""Chance: how many persons agree as well with a question, by how common the parts of its name are."""

from bureaus.secretariat.databases.chance import WHOLE_DATES, Commonness, by_chance
from bureaus.secretariat.databases.matcher import Known, match
from bureaus.secretariat.databases.names import skeleton
from bureaus.secretariat.settings import DEFAULT
from schemas.messages.databases import NameQuestion
from schemas.messages.person import Name, Person

PERSONS = 262_144
COMMON = Commonness(PERSONS, {skeleton(token): 2_000 for token in ("zanluko", "tulgri")})
RARE = Commonness(PERSONS, {skeleton(token): 3 for token in ("zanluko", "tulgri")})
NAME = Name(family="Zanluko", given="Tulgri")


def candidate(name: Name, asked: str | None, known: str | None, common: Commonness) -> bool:
    question = NameQuestion(name=name, birth_date=asked)
    found = match(Known.asked(question), Known.of(Person(name=NAME, birth_date=known)))
    most = DEFAULT.name_by_chance_dated if WHOLE_DATES & set(found.reasons) else DEFAULT.name_by_chance
    return by_chance(found.parts, found.reasons, common) <= most


def test_a_common_name_with_another_whole_date_is_nobodys_candidate_and_a_rare_one_is() -> None:
    assert not candidate(NAME, "1971-04-12", "1958-11-30", COMMON)
    assert candidate(NAME, "1971-04-12", "1958-11-30", RARE)


def test_a_common_name_is_a_candidate_with_the_date_with_its_year_and_with_none() -> None:
    for asked in ("1971-04-12", "1971-12-04", "1971", None):
        assert candidate(NAME, asked, "1971-04-12", COMMON)


def test_one_common_part_is_a_candidate_with_the_whole_date_and_without_it_only_if_it_is_rare() -> None:
    part = Name(family="Zanluko")
    assert candidate(part, "1971-04-12", "1971-04-12", COMMON)
    assert not candidate(part, None, "1971-04-12", COMMON)
    assert candidate(part, None, "1971-04-12", RARE)


def test_a_part_that_the_record_does_not_have_speaks_against_it() -> None:
    other = Name(family="Zanluko", given="Vekora")
    assert candidate(other, "1971-04-12", "1971-04-12", COMMON)
    assert not candidate(other, "1971", "1971-04-12", COMMON)


def test_one_bearer_more_shows_nowhere_but_where_a_power_of_two_is_reached() -> None:
    def rarity(bearers: int) -> float:
        return Commonness(PERSONS, {skeleton("zanluko"): bearers}).rarity("zanluko")

    steps = [bearers for bearers in range(1, 1_000) if rarity(bearers) != rarity(bearers + 1)]
    assert steps == [15, 31, 63, 127, 255, 511]
