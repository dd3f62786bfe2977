"""The times that an operation sets for answers: their bytes and ranges; older statements keep theirs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas import cbor
from schemas.answer_times import AnswerTime, read_times
from schemas.codes import Urgency
from schemas.errors import Malformed, Reason
from schemas.operation import claimed, sign_operation
from tests import world

TIME = AnswerTime("whereabouts.query", Urgency.URGENT, 2, 60, (50, 90), 3)


@pytest.mark.parametrize("review", [None, world.NOW])
def test_times_come_back_as_they_were_signed(review: int | None) -> None:
    operation = replace(world.first_operation(), review=review, times=(TIME, replace(TIME, urgency=Urgency.ROUTINE)))
    raw = sign_operation(operation, b"n" * 32, world.signing(world.IPSG))
    assert claimed(raw) == operation
    value = cbor.decode(operation.encode(), cbor.DIRECTORY)
    assert isinstance(value, list)
    assert value[12:] == [review, [time.to_value() for time in operation.times]]


def test_a_statement_without_times_has_the_bytes_that_it_always_had() -> None:
    operation = world.first_operation()
    plain = cbor.decode(operation.encode(), cbor.DIRECTORY)
    reviewed = cbor.decode(replace(operation, review=5).encode(), cbor.DIRECTORY)
    assert isinstance(plain, list)
    assert len(plain) == 12
    assert reviewed == [*plain, 5]


@pytest.mark.parametrize(
    "value",
    [
        [],
        [TIME.to_value(), TIME.to_value()],
        [["whereabouts.query/1", "urgent", 2, 60, [], 1]],
        [["whereabouts.query", "soon", 2, 60, [], 1]],
        [["whereabouts.query", "urgent", 0, 60, [], 1]],
        [["whereabouts.query", "urgent", 61, 60, [], 1]],
        [["whereabouts.query", "urgent", 2, 367 * 86_400, [], 1]],
        [["whereabouts.query", "urgent", True, 60, [], 1]],
        [["whereabouts.query", "urgent", 2, 60, [0], 1]],
        [["whereabouts.query", "urgent", 2, 60, [100], 1]],
        [["whereabouts.query", "urgent", 2, 60, [90, 50], 1]],
        [["whereabouts.query", "urgent", 2, 60, [50, 50], 1]],
        [["whereabouts.query", "urgent", 2, 60, list(range(1, 10)), 1]],
        [["whereabouts.query", "urgent", 2, 60, [], 0]],
        [["whereabouts.query", "urgent", 2, 60, [], 11]],
        [["whereabouts.query", "urgent", 2, 60, []]],
        [1],
    ],
)
def test_what_is_out_of_its_range_is_refused(value: list[cbor.Value]) -> None:
    with pytest.raises(Malformed) as refused:
        read_times(value)
    assert refused.value.reason is Reason.STRUCTURE
