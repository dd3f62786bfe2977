"""A record shows what a gateway admitted and must not: against a row's rights or state, or the rules of a thread."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from schemas.codes import Answer, Handling, Purpose
from schemas.directory import ParticipantKind, State
from schemas.errors import Reason, Untrusted
from schemas.identity import Address
from schemas.operation import Phase
from schemas.record import LAG_MILLISECONDS, verify_record
from tests.world import AR, BR, FR, IPSG, OPERATION, RESPONSE, Log, first_directory, first_operation


def refused(log: Log) -> Reason:
    with pytest.raises(Untrusted) as caught:
        verify_record(io.BytesIO(log.record()).read, log.network)
    return caught.value.reason


def verifies(log: Log) -> bool:
    return verify_record(io.BytesIO(log.record()).read, log.network).operation == OPERATION


def opened_log() -> Log:
    """A log whose operation also knows H2."""
    log = Log()
    log.publish_directory(first_directory())
    log.publish_operation(replace(first_operation(), handling=(Handling.H0, Handling.H2)))
    return log


def log_where(address: Address, **changes: object) -> Log:
    """A log whose first directory has another row for one participant."""
    first = first_directory()
    rows = tuple(
        replace(row, **changes) if row.address == address else row  # type: ignore[arg-type]  # a case names its fields
        for row in first.participants
    )
    log = Log()
    log.publish_directory(replace(first, participants=rows))
    log.publish_operation(first_operation())
    return log


def test_an_organisation_that_asked_shows() -> None:
    log = log_where(FR, kind=ParticipantKind.ORGANISATION)
    log.submit(aud=(BR,))
    assert refused(log) is Reason.KIND_NOT_ALLOWED


def test_an_organisation_that_answered_is_right() -> None:
    log = log_where(BR, kind=ParticipantKind.ORGANISATION)
    query = log.submit(aud=(BR,))
    answered(log, query.digest)
    assert verifies(log)


@pytest.mark.parametrize("state", [State.SUSPENDED, State.WITHDRAWN])
@pytest.mark.parametrize(("who", "reason"), [(FR, Reason.SENDER_SUSPENDED), (BR, Reason.RECIPIENT_UNKNOWN)])
def test_a_message_from_or_to_who_may_not_exchange_shows(state: State, who: Address, reason: Reason) -> None:
    log = log_where(who, state=state)
    log.submit(aud=(BR,))
    assert refused(log) is reason


def test_who_was_suspended_a_moment_ago_may_still_have_been_admitted() -> None:
    log = opened_log()
    assert log.directory is not None
    first = first_directory()
    rows = tuple(replace(row, state=State.SUSPENDED) if row.address == FR else row for row in first.participants)
    log.publish_directory(replace(first, version=2, previous=log.directory.hash, participants=rows))
    log.submit()
    assert verifies(log)
    log.time += LAG_MILLISECONDS
    log.submit()
    assert refused(log) is Reason.SENDER_SUSPENDED


def answered(log: Log, digest: bytes, **changes: object) -> None:
    """Brazil's answer to a query by France, changed as told."""
    claims: dict[str, object] = {"iss": BR, "aud": (FR,), "kind": RESPONSE, "thread": digest, "re": digest}
    log.submit(None, kept=True, **{**claims, "answer": Answer.FINAL, "reply_by": None, **changes})


@pytest.mark.parametrize(
    ("handling", "changes", "reason"),
    [
        (Handling.H0, {"purpose": Purpose.LOCATION}, Reason.PURPOSE),
        (Handling.H0, {"iss": AR}, Reason.THREAD_PARTIES),
        (Handling.H0, {"aud": (FR, AR)}, Reason.THREAD_PARTIES),
        (Handling.H2, {"aud": (FR, AR)}, Reason.HANDLING),
        (Handling.H0, {"iss": FR, "aud": (BR,)}, Reason.THREAD_PARTIES),
        (Handling.H2, {"iss": FR, "aud": (AR,), "re": None, "answer": None}, Reason.HANDLING),
    ],
)
def test_an_exchange_that_left_its_purpose_or_its_parties_shows(
    handling: Handling, changes: dict[str, object], reason: Reason
) -> None:
    log = opened_log()
    query = log.submit(aud=(BR,), handling=handling)
    answered(log, query.digest, **changes)
    assert refused(log) is reason


def test_what_adds_to_an_exchange_within_its_parties_is_right() -> None:
    log = opened_log()
    query = log.submit(aud=(BR, IPSG), handling=Handling.H2)
    answered(log, query.digest, aud=(FR, IPSG))
    answered(log, query.digest, iss=FR, aud=(BR,), re=None, answer=None)
    assert verifies(log)


def test_an_exchange_that_began_as_an_exercise_and_went_on_in_earnest_shows() -> None:
    log = Log()
    log.publish_directory(first_directory())
    training = replace(first_operation(), phase=Phase.TRAINING)
    log.publish_operation(training)
    query = log.submit(aud=(BR,), exercise=True)
    assert log.operation is not None
    log.publish_operation(replace(first_operation(), version=2, previous=log.operation.hash))
    answered(log, query.digest)
    assert refused(log) is Reason.EXERCISE
