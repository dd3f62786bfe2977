"""What bureaus reported, counted by the secretariat."""

from __future__ import annotations

from bureaus.secretariat.results import Results
from schemas.identity import Address
from schemas.messages.codes import ResultKind
from schemas.messages.fields import Place
from schemas.messages.result import Result

FR, BR = Address("FR"), Address("BR")


def _result(kind: ResultKind, case: str = "FR-1", rescued: int | None = None) -> Result:
    return Result(result=kind, case=case, place=Place(country="BR"), date="2011", rescued=rescued)


def test_a_case_counts_once_by_its_newest_word() -> None:
    results = Results()
    results.take(FR, _result(ResultKind.LOCATED))
    results.take(FR, _result(ResultKind.LOCATED))
    results.take(FR, _result(ResultKind.ARRESTED))
    assert len(results) == 1
    assert results.totals()[ResultKind.ARRESTED] == 1
    assert results.totals()[ResultKind.LOCATED] == 0


def test_a_bureau_cannot_speak_over_another_s_case() -> None:
    results = Results()
    results.take(FR, _result(ResultKind.ARRESTED))
    results.take(BR, _result(ResultKind.LOCATED))
    reported = results.reported(FR, "FR-1")
    assert reported is not None
    assert reported.result is ResultKind.ARRESTED
    assert sum(results.totals().values()) == 2


def test_a_unit_reports_for_its_bureau() -> None:
    results = Results()
    results.take(Address("FR/fugitives"), _result(ResultKind.LOCATED))
    assert results.reported(FR, "FR-1") is not None


def test_people_rescued_count_one_by_one() -> None:
    results = Results()
    results.take(FR, _result(ResultKind.RESCUED, rescued=7))
    assert results.totals()[ResultKind.RESCUED] == 7


def test_totals_name_every_kind_of_result() -> None:
    assert set(Results().totals()) == set(ResultKind)
