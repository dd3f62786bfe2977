"""Which version of the standing operation ought to be next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bureaus.secretariat.standing import following
from schemas.directory import Directory, Link, Participant, ParticipantKind, State
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.messages import KINDS
from schemas.operation import Member, Operation, Phase, Role, SignedOperation

IPSG = Address("IPSG")
NAME = "ipsg-services"


def row(code: str, kind: ParticipantKind = ParticipantKind.NATIONAL_BUREAU, state: State = State.ACTIVE) -> Participant:
    return Participant(Address(code), kind, code, Link.HTTP, state, (), ())


def directory(*rows: Participant) -> Directory:
    return Directory(1, None, 0, (), (row("IPSG", ParticipantKind.SECRETARIAT), *rows))


def signed(operation: Operation | None) -> SignedOperation:
    assert operation is not None
    return SignedOperation(b"signed", operation, b"key")


def test_the_first_has_everybody_who_may_exchange_and_every_kind() -> None:
    unit = row("KE/border-namanga", ParticipantKind.UNIT)
    listed = directory(row("KE"), row("FR"), row("WCO", ParticipantKind.ORGANISATION), row("BR", state=State.SUSPENDED))
    listed = replace(listed, participants=(*listed.participants, unit))
    first = following(NAME, IPSG, listed, None, 100)
    assert first is not None
    assert [(str(one.address), one.role) for one in first.members] == [
        ("IPSG", Role.OWNER),
        ("FR", Role.PARTICIPANT),
        ("KE", Role.PARTICIPANT),
        ("WCO", Role.PARTICIPANT),
    ]
    assert set(first.kinds) == set(KINDS)
    assert first.member(Address("KE/border-namanga"), 100) is not None
    assert following(NAME, IPSG, listed, signed(first), 200) is None


def test_whoever_leaves_was_a_member_until_then_and_may_come_again() -> None:
    first = following(NAME, IPSG, directory(row("FR"), row("KE")), None, 100)
    gone = following(NAME, IPSG, directory(row("KE")), signed(first), 200)
    assert gone is not None
    assert (gone.version, gone.previous) == (2, signed(first).hash)
    assert gone.member(Address("FR"), 199) == Member(Address("FR"), Role.PARTICIPANT, 100, 200)
    assert gone.member(Address("FR"), 200) is None
    back = following(NAME, IPSG, directory(row("FR"), row("KE")), signed(gone), 300)
    assert back is not None
    assert [back.member(Address("FR"), time) is not None for time in (150, 250, 300)] == [True, False, True]


def test_a_kind_that_is_new_is_added_and_none_is_taken_out() -> None:
    first = following(NAME, IPSG, directory(row("FR")), None, 100)
    assert first is not None
    fewer = replace(first, kinds=("retired/1", *first.kinds[1:]))
    more = following(NAME, IPSG, directory(row("FR")), signed(fewer), 200)
    assert more is not None
    assert set(more.kinds) == {"retired/1", *KINDS}


@pytest.mark.parametrize("other", [{"owner": Address("FR")}, {"phase": Phase.CLOSED}])
def test_an_operation_that_is_not_ours_or_over_is_not_taken(other: dict[str, object]) -> None:
    first = following(NAME, IPSG, directory(row("FR")), None, 100)
    assert first is not None
    there = SignedOperation(b"signed", replace(first, **other), b"key")  # type: ignore[arg-type]  # one field each
    with pytest.raises(Misuse, match=NAME):
        following(NAME, IPSG, directory(row("FR")), there, 200)
