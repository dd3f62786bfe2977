"""An INFRA operation as its owner signs it."""

from __future__ import annotations

from bureaus.exercises import catalogue
from bureaus.secretariat.operations import first_version
from schemas.identity import Address
from schemas.operation import Phase, Role

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
