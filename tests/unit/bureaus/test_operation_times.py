from __future__ import annotations

import pytest
from click import BadParameter

from bureaus.commands.operation_shown import time_words
from bureaus.commands.operation_times import Duration, timed
from schemas.answer_times import AnswerTime
from schemas.codes import Urgency
from schemas.errors import Misuse
from tests.unit.bureaus.network import operation

KIND = "whereabouts.query"
BEFORE = operation("IPSG", ["FR", "BR"], 1_800_000_000)
URGENT = AnswerTime(KIND, Urgency.URGENT, 7200, 86_400, (50, 90), 2)
ROUTINE = AnswerTime(KIND, Urgency.ROUTINE, 60, 60)


def test_a_time_replaces_the_one_of_its_kind_and_urgency_alone() -> None:
    both = timed(timed(BEFORE, KIND, Urgency.ROUTINE, ROUTINE), KIND, Urgency.URGENT, URGENT)
    assert both.times == (ROUTINE, URGENT)
    sooner = AnswerTime(KIND, Urgency.ROUTINE, 30, 60)
    assert set(timed(both, KIND, Urgency.ROUTINE, sooner).times) == {URGENT, sooner}
    assert timed(both, KIND, Urgency.URGENT, None).times == (ROUTINE,)


def test_what_no_operation_may_say_is_a_wrong_use() -> None:
    for wrong in (
        AnswerTime(KIND, Urgency.URGENT, 120, 60),
        AnswerTime(KIND, Urgency.URGENT, 0, 60),
        AnswerTime("whereabouts.query/1", Urgency.URGENT, 60, 60),
    ):
        with pytest.raises(Misuse):
            timed(BEFORE, wrong.family, wrong.urgency, wrong)
    with pytest.raises(Misuse, match="no time of its own"):
        timed(BEFORE, KIND, Urgency.URGENT, None)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("8h", 28_800), ("7d", 604_800)])
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["90", "h", "1.5h", "-1h", "1 h", "1w"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(BadParameter):
        Duration().convert(text, None, None)


def test_a_time_is_told_in_words() -> None:
    assert time_words(URGENT) == (
        "whereabouts.query, urgent: within 7200 s, at most 86400 s; reminders: 50%, 90%, asked 2 times"
    )
    assert time_words(ROUTINE).endswith("reminders: none")
