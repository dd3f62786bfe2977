"""Results by message, corrected and corroborated; an operation's phases and progress as its owner signs them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bureaus.client import Bureau
from bureaus.secretariat import claims, reports, statements
from bureaus.secretariat.claims import ALL
from bureaus.secretariat.office import Office
from bureaus.secretariat.registry import Registry, audit
from bureaus.secretariat.serving import at_work, compose
from bureaus.secretariat.tally import Standing
from schemas.codes import Handling, Purpose
from schemas.directory import ParticipantKind
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.messages import KINDS, Message, Result
from schemas.messages.codes import CaseTag, Corroboration, Offence, ResultKind
from schemas.messages.fields import Place
from schemas.messages.result import Corrected, OperationCase, ResultCorrection, ResultCorroboration
from schemas.operation import Member, Operation, Phase, Role
from schemas.progress import Results
from tests.integration.secretariat.house import PROMPT, SECRETARIAT, House
from tests.support import sqlite_url
from tests.unit.bureaus.network import counted

INFRA = "infra-test"
KENYA = Place(country="KE")
STILL = replace(PROMPT, progress_seconds=3600.0)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    found: str = request.getfixturevalue("fresh_database")
    return found


def infra(owner: str, now: int, phase: Phase = Phase.ACTIVE) -> Operation:
    codes = {owner: Role.OWNER, "FR": Role.PARTICIPANT, "KE": Role.PARTICIPANT}
    members = tuple(Member(Address(code), role, now - 60) for code, role in codes.items())
    every = tuple(KINDS), tuple(Purpose), tuple(Handling)
    return Operation(INFRA, 1, None, now, "Infra-Test", Address(owner), phase, members, *every)


@dataclass
class Scene:
    """An operation of the office's, with France and Kenya in it."""

    office: Office
    france: Bureau
    kenya: Bureau
    taken: int = 0

    async def tell(self, sender: Bureau, *messages: Message) -> None:
        for message in messages:
            owner = str(self.office.bureau.address)
            await (await sender.tell(message, to=[owner], operation=INFRA)).accepted(60)
            self.taken += 1
            await counted(self.office.bureau, "received", "done", self.taken)

    async def standing(self) -> list[Standing]:
        async with self.office.registry.reading() as connection:
            return await reports.standing(connection, INFRA)

    async def step(self, phase: Phase | None) -> statements.Step:
        async with self.office.registry.writing() as connection:
            now = self.office.now()
            await statements.ask(connection, INFRA, phase, who="a.example", why="as planned", now=now)
        return await self.decided(INFRA)

    async def decided(self, operation: str) -> statements.Step:
        """The newest step, once the service has taken it."""
        async with asyncio.timeout(60):
            while True:
                async with self.office.registry.reading() as connection:
                    newest = (await statements.steps(connection, operation))[-1]
                if newest.version is not None or newest.refused is not None:
                    return newest
                await asyncio.sleep(0.01)

    @property
    def operation(self) -> Operation:
        found = self.office.bureau.trust.operation(INFRA)
        assert found is not None
        return found


@asynccontextmanager
async def scene(folder: Path, url: str, owner: str = SECRETARIAT, phase: Phase = Phase.ACTIVE) -> AsyncIterator[Scene]:
    house = await House.gather(folder, ("FR", "KE"))
    if owner != SECRETARIAT:
        await house.seat(owner, ParticipantKind.REGIONAL_BUREAU)
    registry = await Registry.open(url)
    office = compose(
        house.bureau(owner), registry, house.seconds, settings=STILL, operation=f"services-{owner.lower()}"
    )
    async with office.bureau, at_work(office), house.bureau("FR") as france, house.bureau("KE") as kenya:
        await office.bureau.publish_operation(infra(owner, house.seconds(), phase))
        await france.refresh()
        await kenya.refresh()
        yield Scene(office, france, kenya)
    await registry.aclose()


ARRESTED = Result(
    result=ResultKind.ARRESTED, case="FR-1", place=KENYA, date="2026-11-20", contributors=(Address("KE"),)
)


async def test_results_are_corrected_by_who_reported_them_and_corroborated_by_others(tmp_path: Path, url: str) -> None:
    async with scene(tmp_path, url) as there:
        case = OperationCase(case="FR-1", tags=(CaseTag.COLD,), offence=Offence.HOMICIDE)
        await there.tell(there.france, case, ARRESTED)
        confirms = ResultCorroboration(
            reporter=Address("FR"), case="FR-1", result=ResultKind.ARRESTED, says=Corroboration.CONFIRMED
        )
        own = confirms
        await there.tell(there.kenya, confirms)
        await there.tell(there.france, own)
        (one,) = await there.standing()
        assert (one.word.result, one.confirmed, one.tags) == (ResultKind.ARRESTED, ("KE",), (CaseTag.COLD,))
        assert one.corroborated

        not_kenyas = ResultCorrection(case="FR-1", why="not ours to say")
        await there.tell(there.kenya, not_kenyas)
        (one,) = await there.standing()
        assert one.word.result is ResultKind.ARRESTED
        in_truth = Corrected(result=ResultKind.LOCATED, place=KENYA, date="2026-11-20")
        await there.tell(there.france, ResultCorrection(case="FR-1", why="released at once", corrected=in_truth))
        (one,) = await there.standing()
        assert (one.word.result, one.words, one.corroborated) == (ResultKind.LOCATED, 2, False)
        await there.tell(there.france, ResultCorrection(case="FR-1", why="another person"))
        assert await there.standing() == []
        async with there.office.registry.reading() as connection:
            left = [act.why for act in await audit.acts(connection) if act.act.startswith("left")]
        assert sorted(left) == sorted([reports.ITS_OWN, reports.NOTHING])


async def test_phases_go_forward_by_signed_versions_that_say_the_progress(tmp_path: Path, url: str) -> None:
    async with scene(tmp_path, url, phase=Phase.PLANNED) as there:
        before = there.operation
        await there.tell(there.france, ARRESTED)
        assert (await there.step(Phase.TRAINING)).version == before.version + 1
        training = there.operation.progress
        assert training is not None
        assert training.results == Results(arrested=1)
        for phase in (Phase.ACTIVE, Phase.PUBLIC_APPEAL, Phase.FOLLOW_UP, Phase.EVALUATED, Phase.CLOSED):
            assert (await there.step(phase)).refused is None
            assert there.operation.phase is phase
        back = await there.step(Phase.ACTIVE)
        assert back.version is None
        assert "does not go back" in (back.refused or "")
        assert there.operation.members == before.members
        assert there.operation.version == before.version + 6


async def test_the_progress_follows_what_is_reported_and_only_then(tmp_path: Path, url: str) -> None:
    async with scene(tmp_path, url) as there:
        await there.tell(there.france, ARRESTED)
        await there.tell(
            there.kenya, Result(result=ResultKind.RESCUED, case="KE-1", place=KENYA, date="2026", rescued=3)
        )
        async with there.office.registry.writing() as connection:
            counts = {"whereabouts": 12, "contacts": 2}
            await statements.keep_measure(
                connection, INFRA, statements.RECORD, counts, who="a.example", now=there.office.now()
            )
        await statements.publish_progress(there.office)
        said = there.operation.progress
        assert said is not None
        assert said.results == Results(arrested=1, rescued=3)
        assert (said.objectives.whereabouts, said.objectives.contacts) == (12, 2)
        version = there.operation.version
        await statements.publish_progress(there.office)
        assert there.operation.version == version
        assert (await there.france.refresh()).operation(INFRA) == there.operation


async def test_a_regional_bureau_hosts_an_operation_as_the_secretariat_does(tmp_path: Path, url: str) -> None:
    async with scene(tmp_path, url, owner="ZA") as there:
        await there.tell(there.france, ARRESTED)
        assert [one.word.reference for one in await there.standing()] == ["FR-1"]
        assert (await there.step(Phase.FOLLOW_UP)).refused is None
        seen = (await there.kenya.refresh()).operation(INFRA)
        assert seen is not None
        assert (seen.owner, seen.phase) == ("ZA", Phase.FOLLOW_UP)
        assert seen.progress is not None
        assert seen.progress.results == Results(arrested=1)


async def test_what_is_reported_of_somebody_elses_operation_is_left(tmp_path: Path, url: str) -> None:
    async with scene(tmp_path, url) as there:
        await there.france.publish_operation(
            replace(
                infra("FR", there.office.now()),
                id="french",
                members=(Member(Address("FR"), Role.OWNER, 0), Member(Address(SECRETARIAT), Role.PARTICIPANT, 0)),
            )
        )
        await there.office.bureau.refresh()
        await (await there.france.tell(ARRESTED, to=[SECRETARIAT], operation="french")).accepted(60)
        await counted(there.office.bureau, "received", "done", 1)
        async with there.office.registry.reading() as connection:
            assert await reports.standing(connection, "french") == []
            assert (await audit.acts(connection))[0].why == reports.NOT_OURS
        async with there.office.registry.writing() as connection:
            await statements.ask(connection, "french", Phase.CLOSED, who="a.example", why="", now=1)
        assert "no operation of ours" in ((await there.decided("french")).refused or "")


async def test_totals_that_differ_stand_side_by_side_with_their_sources(url: str) -> None:
    registry = await Registry.open(url)
    async with registry.writing() as connection:
        for one in claims.published():
            assert await claims.add(connection, one, who="a.example", now=1)
            assert not await claims.add(connection, one, who="a.example", now=2)
        with pytest.raises(Misuse, match="says something else"):
            await claims.add(connection, replace(claims.published()[0], arrested=481), who="a.example", now=3)
    async with registry.reading() as connection:
        found = await claims.side_by_side(connection, ALL, 4)
    assert [(one.published, one.arrested, one.located) for one in found] == [
        ("2017-12", 540, 300),
        ("2018-01", 480, 320),
    ]
    assert all(one.source for one in found)
    assert found[0].said() == {"arrested": 540, "located": 300}
    await registry.aclose()
