"""What the models take and refuse, field by field."""

import pytest
from pydantic import TypeAdapter, ValidationError

from schemas.codes import Answer
from schemas.identity import Address
from schemas.messages import Person, Result, WhereaboutsQuery, WhereaboutsResponse
from schemas.messages.codes import (
    Asked,
    Confidence,
    Finding,
    InformationGrade,
    RefusalGround,
    ResultKind,
    SourceGrade,
    answer_to,
)
from schemas.messages.fields import Line, PartialDate, Place, Prose, date_precision
from schemas.messages.person import Name

FIELDS: dict[str, object] = {
    "place": Place(country="PE"),
    "date": "2011-05-01",
    "confidence": Confidence.PROBABLE,
    "source_grade": SourceGrade.B,
    "information_grade": InformationGrade.CORROBORATED,
    "until": 1_700_000_000,
    "ground": RefusalGround.INVESTIGATION,
}
GRADES = {"confidence", "source_grade", "information_grade"}
MOMENT = {"place", "date"}
REQUIRED = {
    Finding.LOCATED: MOMENT | GRADES,
    Finding.DETAINED: MOMENT | GRADES,
    Finding.ARRESTED: MOMENT | GRADES,
    Finding.DECEASED: GRADES,
    Finding.TRACE: {"place"} | GRADES,
    Finding.NO_TRACE: set(),
    Finding.MORE_TIME: {"until"},
    Finding.REFUSED: {"ground"},
}
OPTIONAL = {Finding.DECEASED: MOMENT, Finding.TRACE: {"date"}}


def _response(finding: Finding, fields: set[str]) -> WhereaboutsResponse:
    return WhereaboutsResponse.model_validate({"finding": finding} | {name: FIELDS[name] for name in fields})


@pytest.mark.parametrize("finding", Finding)
def test_a_response_has_what_its_finding_needs(finding: Finding) -> None:
    assert _response(finding, REQUIRED[finding]).finding is finding
    for missing in REQUIRED[finding]:
        with pytest.raises(ValidationError, match="needs"):
            _response(finding, REQUIRED[finding] - {missing})


@pytest.mark.parametrize("finding", Finding)
def test_a_response_has_nothing_that_its_finding_excludes(finding: Finding) -> None:
    for extra in FIELDS.keys() - REQUIRED[finding]:
        if extra in OPTIONAL.get(finding, set()):
            assert getattr(_response(finding, REQUIRED[finding] | {extra}), extra) == FIELDS[extra]
        else:
            with pytest.raises(ValidationError, match="has no"):
                _response(finding, REQUIRED[finding] | {extra})


def test_every_finding_has_its_answer_code() -> None:
    codes = {finding: answer_to(finding) for finding in Finding}
    assert codes.pop(Finding.TRACE) is Answer.INTERIM
    assert codes.pop(Finding.MORE_TIME) is Answer.MORE_TIME
    assert codes.pop(Finding.REFUSED) is Answer.REFUSED
    assert set(codes.values()) == {Answer.FINAL}


@pytest.mark.parametrize(("text", "precision"), [("1971", 1), ("1971-04", 2), ("1971-04-30", 3), ("2000-02-29", 3)])
def test_dates_to_the_precision_known(text: str, precision: int) -> None:
    assert TypeAdapter(PartialDate).validate_python(text) == text
    assert date_precision(text) == precision


@pytest.mark.parametrize(
    "text",
    [
        "",
        "71",
        "1971-4",
        "1971-13",
        "1971-00",
        "1971-04-31",
        "1900-02-29",
        "1971-04-00",
        "1971-04-30 ",
        "1971-04-30\n",
        "1971-",
        "19710430",
        "30-04-1971",
        "1971-04-30T00:00",
        "\u0661\u0669\u0667\u0661",
        "1799",
        "2200",
        "+1971",
    ],
)
def test_dates_that_are_none(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(PartialDate).validate_python(text)


@pytest.mark.parametrize(
    "text", ["", " a", "a ", "a\nb", "a\tb", "a\x00b", "a\u202eb", "a\u2028b", "e\u0301", "a" * 201]
)
def test_lines_that_are_none(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Line).validate_python(text)


def test_text_in_any_script_and_prose_in_lines() -> None:
    for text in ("Ж", "مرحبا", "碗", "é", "O'Zan-Ex", "a" * 200):
        assert TypeAdapter(Line).validate_python(text) == text
    assert TypeAdapter(Prose).validate_python("one\ntwo") == "one\ntwo"


def test_one_name_is_all_that_a_person_needs() -> None:
    for part in ("family", "given", "original"):
        person = Person(name=Name.model_validate({part: "Zan-Ex"}))
        assert person.model_dump(exclude_defaults=True) == {"name": {part: "Zan-Ex"}}
    with pytest.raises(ValidationError, match="at least one part"):
        Name()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("aliases", (Name(family="Zan-Ex"),)),
        ("aliases", (Name(family="A"), Name(family="A"))),
        ("aliases", tuple(Name(family=f"A{n}") for n in range(21))),
        ("nationalities", ("XX",)),
        ("nationalities", ("fr",)),
        ("birth_country", "FRA"),
        ("languages", ("english",)),
        ("height_cm", 29),
        ("weight_kg", 701),
        ("sex", "X"),
        ("sex", "F"),  # in Python a code is its enum's member; only JSON spells it
        ("nickname", "A"),
    ],
)
def test_a_person_is_refused_with(field: str, value: object) -> None:
    with pytest.raises(ValidationError):
        Person.model_validate({"name": Name(family="Zan-Ex"), field: value})


def test_messages_are_frozen_and_hashable() -> None:
    query = WhereaboutsQuery(asked=(Asked.STATUS,), case="FR-1")
    with pytest.raises(ValidationError):
        query.case = "FR-2"  # type: ignore[misc]  # the test is that it cannot be
    assert len({query, WhereaboutsQuery(asked=(Asked.STATUS,), case="FR-1")}) == 1


def _result(kind: ResultKind, **fields: object) -> Result:
    base = {"result": kind, "case": "FR-1", "place": Place(country="PE"), "date": "2011"}
    return Result.model_validate(base | fields)


def test_results_carry_what_their_kind_counts() -> None:
    assert _result(ResultKind.RESCUED, rescued=3).rescued == 3
    assert _result(ResultKind.SEIZED, seized=("2 kg of ivory",)).seized
    assert _result(ResultKind.ARRESTED, contributors=(Address("KE/border-namanga"),)).contributors
    for kind, fields in (
        (ResultKind.RESCUED, {}),
        (ResultKind.SEIZED, {}),
        (ResultKind.ARRESTED, {"rescued": 1}),
        (ResultKind.LOCATED, {"seized": ("a",)}),
        (ResultKind.LOCATED, {"contributors": ("kenya",)}),
    ):
        with pytest.raises(ValidationError):
            _result(kind, **fields)
