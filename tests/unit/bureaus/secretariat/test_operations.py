"""An INFRA operation as its owner signs it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bureaus.exercises import catalogue
from bureaus.secretariat.operations import first_version, next_version
from schemas.codes import Purpose
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.operation import Operation, Phase, Role, SignedOperation

NOW = 1_300_000_000


def _terra() -> catalogue.Operation:
    return catalogue.operation("infra-terra-2014")


def test_members_are_the_owner_the_bureaus_and_the_organisations_as_observers() -> None:
    bureaus = catalogue.participants(_terra())
    version = first_version(_terra(), bureaus, owner=catalogue.SECRETARIAT, phase=Phase.ACTIVE, now=NOW)
    roles = {member.address: member.role for member in version.members}
    assert roles.pop(catalogue.SECRETARIAT) is Role.OWNER
    assert {roles.pop(code) for code in bureaus} == {Role.PARTICIPANT}
    assert roles == {Address(code): Role.OBSERVER for code in _terra().organisations}


def test_nobody_else_is_a_member_and_nobody_before_it_began() -> None:
    version = first_version(_terra(), [Address("BR")], owner=catalogue.SECRETARIAT, phase=Phase.ACTIVE, now=NOW)
    assert version.member(Address("BR/fugitives"), NOW) is not None
    assert version.member(Address("BR"), NOW - 1) is None
    assert version.member(Address("AR"), NOW) is None


def test_it_is_a_first_version_with_the_catalogue_s_name() -> None:
    version = first_version(_terra(), [Address("BR")], owner=catalogue.SECRETARIAT, phase=Phase.PLANNED, now=NOW)
    assert (version.id, version.version, version.previous, version.name) == (
        "infra-terra-2014",
        1,
        None,
        "Infra-Terra 2014",
    )
    assert version.training


def _active(*bureaus: str) -> Operation:
    codes = [Address(code) for code in bureaus]
    return first_version(_terra(), codes, owner=catalogue.SECRETARIAT, phase=Phase.ACTIVE, now=NOW)


def _there(operation: Operation) -> SignedOperation:
    return SignedOperation(b"as it was signed", operation, bytes(32))


def test_an_operation_that_has_all_that_is_wanted_is_used_as_it_is() -> None:
    assert next_version(_there(_active("BR", "AR", "CL")), _active("BR", "AR")) is None


def test_what_is_lacking_is_added_in_the_next_version_and_nothing_is_taken_away() -> None:
    there = _there(replace(_active("BR", "CL"), phase=Phase.PLANNED, purposes=(Purpose.INFORMATION,), version=3))
    made = next_version(there, _active("BR", "AR"))
    assert made is not None
    assert (made.version, made.previous, made.phase) == (4, there.hash, Phase.ACTIVE)
    assert {"BR", "CL", "AR", "IPSG"} <= {member.address for member in made.members}
    assert len({member.address for member in made.members}) == len(made.members)
    assert {Purpose.INFORMATION, Purpose.ARREST} <= set(made.purposes)


def test_an_operation_that_is_over_or_another_owners_needs_another_id() -> None:
    wanted = _active("BR", "AR")
    for there in (replace(wanted, phase=Phase.CLOSED), replace(wanted, owner=Address("FR"))):
        with pytest.raises(Misuse, match="another id"):
            next_version(_there(there), wanted)
