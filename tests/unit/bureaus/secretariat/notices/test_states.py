"""Requests and notices move as states.py draws it, and in no other way."""

from __future__ import annotations

from itertools import product

import pytest

from bureaus.secretariat.notices.states import OPEN, Act, after, ended
from bureaus.secretariat.notices.values import NoticeState, RequestState
from schemas.errors import Misuse
from schemas.messages.notice_codes import Ending

MOVES = {
    (RequestState.WAITING, Act.ASK): RequestState.MORE,
    (RequestState.WAITING, Act.INFORM): RequestState.WAITING,
    (RequestState.MORE, Act.INFORM): RequestState.WAITING,
    (RequestState.WAITING, Act.REFUSE): RequestState.REFUSED,
    (RequestState.MORE, Act.REFUSE): RequestState.REFUSED,
    (RequestState.WAITING, Act.APPROVE): RequestState.APPROVED,
    (RequestState.APPROVED, Act.PUBLISH): RequestState.PUBLISHED,
}


@pytest.mark.parametrize(("state", "act"), list(product(RequestState, Act)))
def test_a_request_moves_as_drawn(state: RequestState, act: Act) -> None:
    if (state, act) in MOVES:
        assert after(state, act) is MOVES[state, act]
    else:
        with pytest.raises(Misuse, match=str(state)):
            after(state, act)


def test_a_request_is_approved_by_as_many_people_as_it_needs() -> None:
    assert after(RequestState.WAITING, Act.APPROVE, people=1, needed=2) is RequestState.WAITING
    assert after(RequestState.WAITING, Act.APPROVE, people=2, needed=2) is RequestState.APPROVED


def test_what_is_decided_stays_decided() -> None:
    decided = set(RequestState) - OPEN - {RequestState.APPROVED}
    assert decided == {RequestState.REFUSED, RequestState.PUBLISHED}
    assert not [move for move in MOVES if move[0] in decided]


@pytest.mark.parametrize(("state", "ending"), list(product(NoticeState, Ending)))
def test_a_notice_ends_once_and_only_a_person_begins_its_cancellation(state: NoticeState, ending: Ending) -> None:
    may = state is NoticeState.IN_FORCE or (state is NoticeState.ENDING and ending is Ending.CANCELLED)
    if may:
        assert ended(state, ending) == NoticeState(ending.value)
    else:
        with pytest.raises(Misuse):
            ended(state, ending)
