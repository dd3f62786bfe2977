"""A caseload is made once from its seed, and what the bureaus answer adds up to its outcomes."""

import json

import pytest

from bureaus.caseload import RANK, Caseload, answer_for, answers_for, make_caseload, result_for
from bureaus.exercises.catalogue import operation, participants
from schemas.codes import Answer
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.messages import decode, encode, kind_of
from schemas.messages.codes import Finding

NOW = 1_700_000_000
INFRA_SA = operation("infra-sa-2011")


@pytest.fixture(scope="module")
def caseload() -> Caseload:
    return make_caseload(INFRA_SA, participants(INFRA_SA), 7)


def test_the_same_seed_gives_the_same_cases_and_another_gives_others(caseload: Caseload) -> None:
    assert make_caseload(INFRA_SA, participants(INFRA_SA), 7) == caseload
    assert make_caseload(INFRA_SA, participants(INFRA_SA), 8).cases != caseload.cases


def test_a_case_for_each_target_asking_one_to_four_others(caseload: Caseload) -> None:
    assert len(caseload.cases) == len({case.reference for case in caseload.cases}) == 209
    assert len({case.person.name for case in caseload.cases}) == 209
    for case in caseload.cases:
        assert 1 <= len(case.asked) == len(set(case.asked)) <= 4
        assert case.owner not in case.asked


def test_all_kinds_of_outcome_occur_and_add_up(caseload: Caseload) -> None:
    assert all(caseload.outcomes().values())
    assert sum(caseload.outcomes().values()) == 209


def test_answers_end_the_exchange_and_come_to_the_outcome(caseload: Caseload) -> None:
    kinds = set()
    for case in caseload.cases:
        found = []
        for bureau in case.asked:
            answers = answers_for(case, bureau, NOW)
            assert answer_for(case, bureau, NOW) == answers[0]
            assert answers[-1].answer in (Answer.FINAL, Answer.REFUSED)
            assert all(answer.answer in (Answer.MORE_TIME, Answer.INTERIM) for answer in answers[:-1])
            assert all(answer.until is None or answer.until > NOW for answer in answers)
            found += [answer.finding for answer in answers if answer.finding in RANK]
            kinds |= {answer.finding for answer in answers}
        assert min(found, key=RANK.index) is case.outcome
    assert kinds == set(Finding)


def test_results_are_for_those_found_and_name_who_found_them(caseload: Caseload) -> None:
    for case in caseload.cases:
        result = result_for(case)
        known = case.outcome in (Finding.ARRESTED, Finding.DETAINED, Finding.LOCATED, Finding.DECEASED)
        assert (result is not None) == known
        if result is not None:
            assert set(result.contributors) <= set(case.asked)
            assert result.case == case.reference


def test_everything_in_a_caseload_can_be_sent(caseload: Caseload) -> None:
    for case in caseload.cases:
        result = result_for(case)
        answers = [answer for bureau in case.asked for answer in answers_for(case, bureau, NOW)]
        for message in [case.query, *answers, *([result] if result else [])]:
            assert decode(kind_of(message), encode(message)) == message


def test_a_caseload_travels_as_json(caseload: Caseload) -> None:
    text = caseload.model_dump_json(exclude_none=True)
    assert json.loads(text)["operation"] == "infra-sa-2011"
    assert Caseload.model_validate_json(text) == caseload


def test_each_bureau_finds_its_part(caseload: Caseload) -> None:
    bureaus = participants(INFRA_SA)
    assert sum(len(caseload.owned_by(bureau)) for bureau in bureaus) == 209
    assert sum(len(caseload.asked_of(bureau)) for bureau in bureaus) == sum(len(case.asked) for case in caseload.cases)


def test_a_bureau_that_is_not_asked_has_no_answer(caseload: Caseload) -> None:
    case = caseload.cases[0]
    with pytest.raises(Misuse):
        answers_for(case, case.owner, NOW)


@pytest.mark.parametrize("codes", [[], ["BR"], ["BR", "BR"], ["BR", "UNODC"], ["BR", "XX"]])
def test_a_caseload_needs_two_member_countries(codes: list[str]) -> None:
    with pytest.raises(Misuse):
        make_caseload(INFRA_SA, codes, 7)


def test_every_operation_has_its_caseload() -> None:
    small = [Address("BR"), Address("PE")]
    assert len(make_caseload(operation("infra-sea-2012"), small, 1).cases) == 58
