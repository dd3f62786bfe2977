"""A record in which a recipient acknowledges what the gateway had given up: its copy came without a confirmation."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from schemas.errors import Reason, Untrusted
from schemas.exchanges import Report
from schemas.record import verify_record
from tests.world import AR, BR, IPSG, Log, opened_log


def verify(log: Log) -> Report:
    return verify_record(io.BytesIO(log.record()).read, log.network)


def test_an_acknowledgement_of_what_the_gateway_had_given_up_is_true_and_said() -> None:
    log = opened_log()
    query = log.submit(aud=(BR, AR, IPSG))
    for recipient in (BR, AR, IPSG):
        log.give_up(query, recipient)
    log.hand_over(query, BR)
    log.hand_over(query, AR, Reason.COMMITMENT)
    report = verify(log)
    sides = report.exchanges[0].opening.deliveries
    assert [(side.late, side.given_up is not None, side.missing) for side in sides.values()] == [
        (True, True, None),
        (True, True, None),
        (False, True, None),
    ]
    assert (sides[BR].handed_over is not None, sides[BR].failed, sides[BR].reason) == (True, None, None)
    assert (sides[AR].handed_over, sides[AR].reason) == (None, Reason.COMMITMENT)
    assert (sides[IPSG].failed, sides[IPSG].reason) == (sides[IPSG].given_up, Reason.EXPIRED)


def double_late_handover(log: Log) -> None:
    query = log.submit()
    log.give_up(query, BR)
    log.hand_over(query, BR)
    log.hand_over(query, BR)


def refused_twice_late(log: Log) -> None:
    query = log.submit()
    log.give_up(query, BR)
    log.hand_over(query, BR, Reason.COMMITMENT)
    log.hand_over(query, BR)


def given_up_after_handover(log: Log) -> None:
    query = log.submit()
    log.consign(query, BR)
    log.hand_over(query, BR)
    log.give_up(query, BR)


def unaccepted_handover(log: Log) -> None:
    log.hand_over(log.submit(Reason.EXPIRED), BR)


@pytest.mark.parametrize(
    "wrong", [double_late_handover, refused_twice_late, given_up_after_handover, unaccepted_handover]
)
def test_a_second_acknowledgement_and_one_of_nothing_stay_contradictions(wrong: Callable[[Log], None]) -> None:
    log = opened_log()
    wrong(log)
    with pytest.raises(Untrusted) as caught:
        verify(log)
    assert caught.value.reason is Reason.RECORD_CONTRADICTION
