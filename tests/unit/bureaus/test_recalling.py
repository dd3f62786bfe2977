"""What a bureau goes back to: messages answered late, and groups that the secretariat lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from bureaus.client import Bureau
from bureaus.exchange import Received
from schemas.codes import Purpose
from schemas.directory import ParticipantKind
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.messages import WhereaboutsQuery, WhereaboutsResponse
from schemas.messages.group import NetworkGroup
from tests.unit.bureaus.network import NO_TRACE, OPERATION, QUERY, Team, counted, operation

ISON = NetworkGroup(name="ison", version=1, title="Migrant smuggling", members=(Address("FR"), Address("BR")))


async def scene(folder: Path) -> Team:
    team = Team(folder)
    await team.network.seat(folder / "IPSG", "IPSG", ParticipantKind.SECRETARIAT)
    for code in ("FR", "BR", "AR"):
        await team.network.seat(folder / code, code)
    async with team.open("IPSG") as owner:
        members = ("IPSG", "FR", "BR", "AR")
        await owner.publish_operation(operation("IPSG", members, team.network.seconds))
    return team


async def tell(sender: Bureau, group: NetworkGroup, to: str = "FR") -> None:
    sent = await sender.tell(group, to=[to], operation=OPERATION, purpose=Purpose.ADMINISTRATION)
    await sent.accepted(60)


async def test_a_group_is_expanded_by_its_sender_who_is_left_out(tmp_path: Path) -> None:
    team = await scene(tmp_path)
    async with team.open("IPSG") as ipsg, team.open("FR") as fr:
        wider = ISON.model_copy(update={"version": 2, "members": (*ISON.members, Address("AR"), Address("XX"))})
        await tell(ipsg, wider)
        await tell(ipsg, ISON)
        await counted(fr, "received", "new", 2)
        assert (await fr.groups())["ison"].version == 2
        assert await fr.expand(["@ison", "AR"], OPERATION) == ["BR", "AR"]
        asked = await fr.ask(QUERY, to=["@ison"], operation=OPERATION, purpose=Purpose.LOCATION)
        assert asked.draft.to == (Address("BR"), Address("AR"))


async def test_a_group_is_the_secretariats_word_alone_and_ends_with_it(tmp_path: Path) -> None:
    team = await scene(tmp_path)
    async with team.open("IPSG") as ipsg, team.open("FR") as fr, team.open("AR") as ar:
        await tell(ar, ISON)  # the network in memory knows no rights: the recipient does
        await counted(fr, "received", "quarantined", 1)
        assert await fr.groups() == {}
        await tell(ipsg, ISON)
        await counted(fr, "received", "new", 1)
        assert set(await fr.groups()) == {"ison"}
        await tell(ipsg, NetworkGroup(name="ison", version=2, title="Migrant smuggling"))
        await counted(fr, "received", "new", 2)
        with pytest.raises(Misuse, match="no group ison"):
            await fr.ask(QUERY, to=["@ison"], operation=OPERATION, purpose=Purpose.LOCATION)


async def test_a_message_is_answered_after_its_handler_has_ended_once(tmp_path: Path) -> None:
    team = await scene(tmp_path)
    br, came = team.open("BR"), list[Received]()

    @br.on(WhereaboutsQuery)
    async def later(query: Received) -> None:
        came.append(query)

    async with team.open("FR") as fr, br:
        asked = await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.LOCATION)
        await counted(br, "received", "done", 1)
        await (await br.received(came[0].digest)).answer(NO_TRACE)
        said = [one.message async for one in asked.responses(60)]
        assert said == [NO_TRACE]
        assert isinstance(said[0], WhereaboutsResponse)
        with pytest.raises(Misuse, match="no such message"):
            await br.received(bytes(32))
