"""When operations are due for review, as a bureau's program sees it; and members whose roles change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bureaus.commands.operation import _members
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.operation import REVIEW, Member, Role
from schemas.reviews import ASK
from tests.unit.bureaus.network import OPERATION, Team, operation

NOW = 1_800_000_000
BR = Address("BR")


async def test_the_owner_sees_when_its_operations_are_due_and_from_when_it_is_asked(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr:
        (first,) = fr.trust.reviews()
        begun = fr.trust.operations[OPERATION][0].signed
        assert (first.operation, first.owner, first.due) == (OPERATION, "FR", begun.operation.time + REVIEW)
        assert [first.asked(first.due - ASK + at) for at in (-1, 0)] == [False, True]
        assert [first.over(first.due + at) for at in (-1, 0)] == [False, True]
        assert first.days(first.due - ASK) == 182
        soon = team.network.seconds + 1000
        await fr.publish_operation(replace(begun.operation, version=2, previous=begun.hash, review=soon))
        other = operation("FR", ("FR", "BR"), team.network.seconds, name="infra-other")
        await fr.publish_operation(other)
        due = fr.trust.reviews()
        assert [(one.operation, one.due) for one in due] == [(OPERATION, soon), ("infra-other", other.time + REVIEW)]
        assert [one.asked(team.network.seconds) for one in due] == [True, False]


def test_a_member_that_becomes_an_auditor_was_a_participant_until_then() -> None:
    before = operation("FR", ("FR", "BR"), NOW)
    after = replace(before, members=_members(before, BR, Role.AUDITOR, NOW + 10))
    held = [after.member(BR, NOW + at) for at in (9, 10)]
    assert [one and one.role for one in held] == [Role.PARTICIPANT, Role.AUDITOR]
    assert after.members[1:] == (
        Member(BR, Role.PARTICIPANT, NOW - 60, NOW + 10),
        Member(BR, Role.AUDITOR, NOW + 10),
    )
    gone = replace(after, members=_members(after, BR, None, NOW + 20))
    assert (gone.member(BR, NOW + 19), gone.member(BR, NOW + 20)) == (
        Member(BR, Role.AUDITOR, NOW + 10, NOW + 20),
        None,
    )
    again = _members(after, BR, Role.OBSERVER, NOW + 10)
    assert Member(BR, Role.AUDITOR, NOW + 10) not in again, "two changes at one moment leave the last"


def test_the_owner_stays_and_who_is_no_member_does_not_go() -> None:
    before = operation("FR", ("FR", "BR"), NOW)
    for whom, role in (("FR", Role.AUDITOR), ("FR", None), ("AR", None)):
        with pytest.raises(Misuse):
            _members(before, Address(whom), role, NOW)
