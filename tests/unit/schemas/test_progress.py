"""An operation's progress, as its owner signs it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas import cbor
from schemas.answer_times import AnswerTime
from schemas.codes import Urgency
from schemas.errors import BureaunetError, Reason
from schemas.operation import Operation, read_operation, sign_operation
from schemas.progress import Objectives, Progress, Results, read_progress
from tests.support import World

PROGRESS = Progress(1_800_000_000, Objectives(120, 14, 9, 8, 40, 33), Results(3, 5, 1, 2, 1))
TIME = AnswerTime("whereabouts.query", Urgency.URGENT, 600, 3600)


@pytest.mark.parametrize("review", [None, 1_900_000_000])
@pytest.mark.parametrize("times", [(), (TIME,)])
@pytest.mark.parametrize("progress", [None, PROGRESS])
def test_a_version_says_it_in_one_form(
    review: int | None, times: tuple[AnswerTime, ...], progress: Progress | None
) -> None:
    world = World()
    made = replace(world.operation, review=review, times=times, progress=progress)
    owner = world.offices["IPSG"].signing
    raw = sign_operation(made, world.network.id, owner)
    read: Operation = read_operation(raw, world.network.id, {owner.key_id: owner.public}).operation
    assert (read, read.encode()) == (made, made.encode())


@pytest.mark.parametrize(
    "value",
    [
        [],
        [True, [0] * 6, [0] * 5],
        [1, [0] * 5, [0] * 5],
        [1, [0] * 6, [0] * 6],
        [1, [0, 0, 0, 0, 0, "0"], [0] * 5],
        [1, [0, 0, 0, 0, 0, False], [0] * 5],
        [1, [-1, 0, 0, 0, 0, 0], [0] * 5],
        [1, [1 << 40, 0, 0, 0, 0, 0], [0] * 5],
        [1, [0, 0, 1, 2, 0, 0], [0] * 5],
        [1, [0, 0, 0, 0, 1, 2], [0] * 5],
    ],
)
def test_another_form_is_refused(value: list[cbor.Value]) -> None:
    with pytest.raises(BureaunetError) as refused:
        read_progress(value)
    assert refused.value.reason is Reason.STRUCTURE
    if value and value[0] == 1:
        assert read_progress(PROGRESS.to_value()) == PROGRESS
