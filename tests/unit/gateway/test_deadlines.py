"""The answer clock's decisions: terms, stages, answers, and what time does alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import deadlines
from gateway.deadlines import Act, Clock, State, Terms
from schemas.claims import Header
from schemas.codes import Answer, Urgency
from schemas.errors import Reason
from schemas.identity import Address
from tests import world

_HOUR = 3600
_DAY = 24 * _HOUR
_NOW = 1_700_000_000_000
_QUERY = b"q" * 32
_ANSWER = b"a" * 32


def header(**claims: object) -> Header:
    """A header that says this."""
    return world.header(b"n" * 32, **{"reply_by": None, **claims})


def clock(urgency: Urgency = Urgency.URGENT, kind: str = "whereabouts.query/1", reply_by: int | None = None) -> Clock:
    """The clock of one query to one recipient, opened at _NOW."""
    query = header(kind=kind, urgency=urgency, reply_by=reply_by)
    terms = deadlines.terms_of(query, {})
    assert terms is not None
    (found, *_) = deadlines.start(_QUERY, query, _NOW, terms)
    return found


@pytest.mark.parametrize(
    ("kind", "urgency", "seconds"),
    [
        ("whereabouts.query/1", Urgency.URGENT, 8 * _HOUR),
        ("whereabouts.query/1", Urgency.ROUTINE, 7 * _DAY),
        ("hit.confirmation/1", Urgency.URGENT, 600),
        ("hit.confirmation/1", Urgency.ROUTINE, _HOUR),
        ("arrest.provisional/1", Urgency.URGENT, 18 * _DAY),
    ],
)
def test_the_times_are_those_of_the_sources(kind: str, urgency: Urgency, seconds: int) -> None:
    assert clock(urgency, kind).due == _NOW + seconds * 1000


@pytest.mark.parametrize("kind", [f"{family}/1" for family in deadlines.TABLE])
@pytest.mark.parametrize("reply_by", [None, _NOW // 1000 + 77])
def test_a_clock_waits_for_its_first_stage(kind: str, reply_by: int | None) -> None:
    opened = clock(kind=kind, reply_by=reply_by)
    assert opened.next_at == deadlines.stages(opened)[0].at


def test_a_reply_by_counts_up_to_the_longest_time() -> None:
    now = _NOW // 1000
    assert clock(reply_by=now + 60).due == _NOW + 60_000
    assert clock(reply_by=now + 2 * _DAY).due == _NOW + 2 * _DAY * 1000
    assert clock(reply_by=now + 30 * _DAY).due == _NOW + 3 * _DAY * 1000
    assert clock(reply_by=now - 60).due == _NOW


def test_an_operation_says_otherwise() -> None:
    query = header(kind="whereabouts.query/1", urgency=Urgency.URGENT)
    own = {"whereabouts.query": {Urgency.URGENT: Terms(60, 120)}}
    assert deadlines.terms_of(query, own) == Terms(60, 120)


def test_other_kinds_are_timed_only_where_they_say_a_time() -> None:
    assert deadlines.terms_of(header(kind="result/1"), {}) is None
    assert deadlines.terms_of(header(kind="result/1", reply_by=_NOW // 1000 + 60), {}) is not None


def test_an_answer_opens_no_clock() -> None:
    assert deadlines.terms_of(header(kind="whereabouts.query/1", thread=_QUERY, re=_QUERY), {}) is None


def test_silence_is_reminded_then_attested_then_escalated() -> None:
    silent, seen = clock(), []
    for percent in (49, 50, 89, 90, 99, 100, 500):
        silent, acts = deadlines.tick(silent, _NOW + 8 * _HOUR * 10 * percent)
        seen.append((percent, acts))
    assert [(percent, acts) for percent, acts in seen if acts] == [
        (50, (Act.REMIND,)),
        (90, (Act.REMIND,)),
        (100, (Act.OVERDUE, Act.ESCALATE)),
    ]
    assert (silent.state, silent.next_at) == (State.ESCALATED, None)


def test_a_hit_is_asked_for_three_times() -> None:
    silent = clock(kind="hit.confirmation/1")
    acts: list[tuple[Act, ...]] = []
    while silent.next_at is not None:
        silent, done = deadlines.tick(silent, silent.next_at)
        acts.append(done)
    assert acts == [(Act.REMIND,), (Act.REMIND,), (Act.OVERDUE, Act.ASK_AGAIN), (Act.ASK_AGAIN,), (Act.ESCALATE,)]


def test_after_a_long_pause_no_stale_reminder_is_sent() -> None:
    late, acts = deadlines.tick(clock(), _NOW + 30 * _DAY * 1000)
    assert acts == (Act.OVERDUE, Act.ESCALATE)
    assert late.next_at is None


def test_a_clock_set_back_repeats_nothing() -> None:
    reminded, acts = deadlines.tick(clock(), _NOW + 4 * _HOUR * 1000)
    assert acts == (Act.REMIND,)
    again, acts = deadlines.tick(reminded, _NOW)
    assert (again, acts) == (reminded, ())
    assert deadlines.tick(again, _NOW + 4 * _HOUR * 1000)[1] == ()


@pytest.mark.parametrize(("answer", "state"), [(Answer.FINAL, State.ANSWERED), (Answer.REFUSED, State.REFUSED)])
def test_an_end_is_an_end(answer: Answer, state: State) -> None:
    ended = deadlines.answered(clock(), _ANSWER, answer, None)
    assert (ended.state, ended.answer, ended.next_at) == (state, _ANSWER, None)
    assert deadlines.answered(ended, b"b" * 32, Answer.INTERIM, None) == ended
    assert deadlines.declined(ended, Reason.KIND_UNKNOWN) == ended
    assert deadlines.tick(ended, _NOW + 30 * _DAY * 1000) == (ended, ())


def test_an_interim_answer_stops_no_time() -> None:
    interim = deadlines.answered(deadlines.taken(clock()), _ANSWER, Answer.INTERIM, None)
    assert (interim.state, interim.due) == (State.INTERIM, clock().due)
    assert deadlines.tick(interim, interim.due)[0].state is State.ESCALATED


def test_more_time_moves_the_end_and_no_further_than_the_longest() -> None:
    longer = deadlines.answered(clock(), _ANSWER, Answer.MORE_TIME, _NOW // 1000 + _DAY)
    assert (longer.state, longer.due) == (State.MORE_TIME, _NOW + _DAY * 1000)
    assert deadlines.tick(longer, _NOW + 9 * _HOUR * 1000)[1] == ()
    longest = deadlines.answered(longer, _ANSWER, Answer.MORE_TIME, _NOW // 1000 + 30 * _DAY)
    assert longest.due == _NOW + 3 * _DAY * 1000
    assert deadlines.answered(longest, _ANSWER, Answer.MORE_TIME, _NOW // 1000 + _DAY).due == longest.due


def test_more_time_after_silence_runs_towards_silence_again() -> None:
    overdue, _ = deadlines.tick(clock(), clock().due)
    longer = deadlines.answered(overdue, _ANSWER, Answer.MORE_TIME, _NOW // 1000 + _DAY)
    assert longer.state is State.MORE_TIME
    assert deadlines.tick(longer, longer.due)[1] == (Act.OVERDUE, Act.ESCALATE)


def test_what_a_program_declines_nobody_awaits() -> None:
    declined = deadlines.declined(clock(), Reason.KIND_UNKNOWN)
    assert (declined.state, declined.reason, declined.next_at) == (State.REFUSED, Reason.KIND_UNKNOWN, None)


def test_each_recipient_has_a_clock_of_its_own() -> None:
    query = header(kind="whereabouts.query/1", aud=(Address.parse("BR"), Address.parse("AR")))
    terms = Terms(60, 60)
    assert [c.recipient for c in deadlines.start(_QUERY, query, _NOW, terms)] == list(query.aud)


@given(steps=st.lists(st.integers(0, 40 * _DAY * 1000), max_size=30), requests=st.integers(1, 3))
def test_whatever_the_pauses_each_stage_is_done_once(steps: list[int], requests: int) -> None:
    terms = Terms(8 * _HOUR, 3 * _DAY, requests=requests)
    acts: list[Act] = []
    now, running = _NOW, replace(clock(), terms=terms)
    for step in [*steps, 400 * _DAY * 1000]:
        now += step
        running, done = deadlines.tick(running, now)
        acts += done
    assert acts.count(Act.OVERDUE) == 1
    assert acts.count(Act.ESCALATE) == 1
    assert acts.count(Act.ASK_AGAIN) == requests - 1
    assert acts.count(Act.REMIND) <= len(terms.reminders)
    assert running.next_at is None
