"""The SDK's refusals: idempotent, in versions, verified; and what a sender who is refused learns."""

from __future__ import annotations

from pathlib import Path

import pytest

from bureaus.links.memory_refusals import MemoryRefusals
from schemas.codes import Purpose
from schemas.errors import Malformed, Reason, SenderRefused, Untrusted
from schemas.identity import Address
from tests.unit.bureaus.network import OPERATION, QUERY, Team


async def test_whom_a_bureau_refuses_learns_who_it_is_and_may_write_to_the_others(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr, team.open("BR") as br:
        assert (await br.refuse("FR")).refused == {Address("FR")}
        exchange = await fr.ask(QUERY, to=["AR", "BR"], operation=OPERATION, purpose=Purpose.ARREST)
        with pytest.raises(SenderRefused) as caught:
            await exchange.accepted(60)
        assert (caught.value.reason, caught.value.recipients) == (Reason.SENDER_REFUSED, ("BR",))
        other = await fr.ask(QUERY, to=["AR"], operation=OPERATION, purpose=Purpose.ARREST)
        assert (await other.accepted(60)).accepted
        assert (await br.accept("FR")).refused == frozenset()
        again = await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)
        assert (await again.accepted(60)).accepted


async def test_the_same_change_again_makes_no_version(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("BR") as br:
        assert await br.refused() is None
        assert (await br.accept("FR")).version == 0
        assert [(await br.refuse("FR", "AR")).version for _ in range(2)] == [1, 1]
        assert [(await br.accept("AR")).version for _ in range(2)] == [2, 2]
        with pytest.raises(Malformed):
            await br.refuse("BR/airport")
        with pytest.raises(Malformed):
            await br.refuse("no address")
    async with team.open("BR") as br:
        found = await br.refused()
        assert found is not None
        assert (found.version, found.refused) == (2, frozenset({Address("FR")}))


async def test_a_gateway_that_takes_refusals_back_is_not_believed(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("BR") as br:
        await br.refuse("FR")
        before = dict(team.network.refusals.in_force)
        await br.refuse("AR")
        for kept in (before, {}):
            team.network.refusals.in_force = kept
            with pytest.raises(Untrusted) as caught:
                await br.refused()
            assert caught.value.reason is Reason.VERSION_ORDER


async def test_anothers_refusals_are_not_taken_for_ours(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("BR") as br, team.open("AR") as ar:
        await ar.refuse("FR")
        shown: MemoryRefusals = team.network.refusals
        shown.in_force[Address("BR")] = shown.in_force[Address("AR")]
        with pytest.raises(Untrusted):
            await br.refused()
