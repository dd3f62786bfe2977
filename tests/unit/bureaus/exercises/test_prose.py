"""What people write is in a language of theirs, drawn from the seed, and an exercise's file may say which."""

from __future__ import annotations

import pytest

from bureaus.caseload import Case, answers_for, corrected, make_caseload
from bureaus.exercises.catalogue import countries, exercises, operation, working_languages
from bureaus.exercises.plan import make_plan
from bureaus.exercises.prose import Occasion, Tongue, sentences, tongue_of
from bureaus.exercises.reading import read
from bureaus.exercises.staff import Staff, StaffOf
from bureaus.simulated import Pursuit
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.messages.codes import Finding

SEED = 7
NOW = 1_800_000_000


def texts(case: Case, bureau: Address) -> list[str]:
    return [
        text for one in answers_for(case, bureau, NOW) for text in (one.remarks, one.restrictions) if text is not None
    ]


def test_every_occasion_has_as_many_sentences_in_each_of_the_four_languages() -> None:
    found = sentences()
    assert set(found) == set(Occasion)
    for by in found.values():
        assert set(by) == set(Tongue)
        assert len({len(several) for several in by.values()}) == 1
    every = [text for by in found.values() for several in by.values() for text in several]
    assert len(every) == len(set(every))
    assert tongue_of("Nobody wrote this.") is None


def test_a_bureau_writes_in_its_own_official_language_or_in_english() -> None:
    red = operation("infra-red-2010")
    expected = {"FR": ("fr",), "EG": ("ar",), "AR": ("es",), "CA": ("en", "fr"), "BR": ("en",), "JP": ("en",)}
    assert {code: working_languages(red, code) for code in expected} == expected


@pytest.mark.parametrize("name", exercises())
def test_all_that_is_written_is_in_a_language_of_who_writes(name: str) -> None:
    one = operation(name)
    plan = make_plan(one, SEED)
    seen = set()
    for case in plan.caseload.cases:
        said = [] if case.query.background is None else [(case.owner, case.query.background)]
        said += [(bureau, text) for bureau in case.asked for text in texts(case, bureau)]
        for bureau, text in said:
            tongue = tongue_of(text)
            assert tongue in working_languages(one, bureau)
            seen.add(tongue)
        spoken = case.person.languages
        assert not spoken or spoken == countries()[case.owner].languages
    assert seen == set(Tongue) or one.area != "global"


def test_one_bureau_writes_about_one_case_in_one_language_corrections_included() -> None:
    red = operation("infra-red-2012")
    mixed = 0
    for case in make_plan(red, SEED).caseload.cases:
        for bureau in case.asked:
            tongues = {tongue_of(text) for text in texts(case, bureau)}
            assert len(tongues) <= 1
            mixed += len(working_languages(red, bureau)) > 1
            right = corrected(case, bureau, answers_for(case, bureau, NOW)[-1])
            assert tongue_of(right.remarks or "") in (tongues or set(Tongue))
    assert mixed


def test_a_file_may_say_who_writes_in_what() -> None:
    sa = operation("infra-sa-2011")
    staff = Staff(languages=(Tongue.FRENCH,))
    there = (StaffOf(bureaus=("BR",), languages=(Tongue.ARABIC, Tongue.SPANISH)),)
    own = sa.model_copy(update={"staff": staff, "staff_of": there})
    assert working_languages(own, "AR") == ("fr",)
    assert working_languages(own, "BR") == ("ar", "es")
    brazil = Address("BR")
    asked = make_caseload(own, ["AR", "BR", "CL"], SEED).asked_of(brazil)
    by = {tongue_of(text) for case in asked for text in texts(case, brazil)}
    assert by == {"ar", "es"}


@pytest.mark.parametrize(
    ("said", "line"), [('languages = ["pt"]', 2), ('languages = ["fr", "fr"]', 1), ("languages = 4", 2)]
)
def test_what_a_file_says_wrong_is_said_with_its_line(said: str, line: int) -> None:
    with pytest.raises(Misuse, match=f"own.toml:{line}: "):
        read(Staff, f"# own\n{said}\n", "own.toml")


def test_a_pursuit_counts_what_was_written_over_the_wire() -> None:
    case = next(
        case
        for case in make_plan(operation("infra-red-2010"), SEED).caseload.cases
        if case.query.background and texts(case, case.asked[0]) and case.outcome is not Finding.REFUSED
    )
    pursuit = Pursuit(case)
    assert pursuit.written() == {}
    pursuit.query = bytes(32)
    pursuit.answers = {case.asked[0]: list(answers_for(case, case.asked[0], NOW))}
    wanted = [tongue_of(case.query.background or ""), *(tongue_of(text) for text in texts(case, case.asked[0]))]
    assert pursuit.written() == {tongue: wanted.count(tongue) for tongue in wanted}
