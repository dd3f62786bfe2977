"""What a bureau goes by: verified step by step, never going back; an alarm stops all sealing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bureaus.client import Bureau
from bureaus.links.memory import MemoryLink, MemoryNetwork
from bureaus.links.memory_ledger import Ledger
from bureaus.store import FILE, Store, identity
from schemas import cbor, wire
from schemas.codes import Purpose
from schemas.directory import sign_directory
from schemas.errors import BureaunetError, Malformed, Reason, Unavailable, Untrusted
from schemas.evidence import Entry, Event
from schemas.identity import Address
from schemas.keys import SigningKey
from schemas.operation import Phase, sign_operation
from tests.unit.bureaus.network import OPERATION, QUERY, QUICK, Team, operation


async def ask(fr: Bureau) -> None:
    await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)


class Altered(MemoryLink):
    """A link on which some answers are others than the gateway gave."""

    def __init__(self, network: MemoryNetwork, address: Address, answers: dict[str, bytes]) -> None:
        super().__init__(network, address)
        self.answers = answers

    async def get(self, path: str) -> bytes:
        return self.answers.get(path) or await super().get(path)


def altered(team: Team, answers: dict[str, bytes]) -> Bureau:
    return team.open("FR", connect=lambda who: Altered(team.network, who.address, answers))


async def test_newer_versions_are_adopted_one_by_one(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr:
        before = fr.trust
        for code in ("CL", "PE"):
            await team.network.seat(tmp_path / code, code)
        trust = await fr.refresh()
        assert trust.directory.version == before.directory.version + 2
        assert trust.directory.find(Address("PE")) is not None
    async with await Store.open(tmp_path / "FR" / FILE) as store:
        kept = await store.run(lambda db: db.execute("SELECT version FROM directory ORDER BY version").fetchall())
    versions = [version for (version,) in kept]
    assert versions == list(range(versions[0], trust.directory.version + 1))


async def test_what_was_verified_is_there_without_the_gateway(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr:
        before = fr.trust
    team.network.away = True
    async with team.open("FR") as fr:
        assert fr.trust == before
        await ask(fr)


async def test_a_key_for_us_that_we_did_not_make_is_an_alarm_that_stays(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr:
        version = fr.trust.directory.version
        rows = []
        for row in team.network.directory.participants:
            foreign = replace(row.signing[0], key=SigningKey.generate().public)
            rows.append(replace(row, signing=(foreign, *row.signing)) if row.address == "FR" else row)
        team.network.publish(tuple(rows))
        with pytest.raises(Untrusted) as caught:
            await fr.refresh()
        assert caught.value.reason is Reason.KEY_UNKNOWN
        assert fr.trust.directory.version == version
        with pytest.raises(Untrusted, match="alarm"):
            await ask(fr)
    async with team.open("FR") as fr:
        with pytest.raises(Untrusted, match="alarm"):
            await ask(fr)
    async with await Store.open(tmp_path / "FR" / FILE) as store:
        assert await store.run(identity.alarm) is not None


def proof_path(version: int) -> str:
    return f"{wire.DIRECTORY}/{version}/{wire.DIRECTORY_PROOF}"


async def test_a_version_whose_entry_is_of_another_is_not_adopted(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr:
        version = fr.trust.directory.version
    await team.network.seat(tmp_path / "CL", "CL")
    answers = {proof_path(version + 1): team.network.read(proof_path(version))}
    async with altered(team, answers) as fr:
        with pytest.raises(Untrusted) as caught:
            await fr.refresh()
        assert caught.value.reason is Reason.INCLUSION
        assert fr.trust.directory.version == version
    async with team.open("FR") as fr:
        assert (await fr.refresh()).directory.version == version + 1


async def test_a_version_in_another_log_is_not_adopted(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr:
        version = fr.trust.directory.version
    await team.network.seat(tmp_path / "CL", "CL")
    directory, shown = team.network.directory, Ledger()
    shown.append(Entry(Event.DIRECTORY_UPDATED, 1, directory.hash))
    proof = cbor.encode([shown.entries[0], shown.proof(0, team.network.seconds)])
    async with altered(team, {proof_path(version + 1): proof}) as fr:
        with pytest.raises(Untrusted) as caught:
            await fr.refresh()
        assert caught.value.reason is Reason.CHECKPOINT
        assert fr.trust.directory.version == version


async def test_a_version_in_a_tree_that_is_not_ours_is_an_alarm(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr:
        version = fr.trust.directory.version
        await fr.refresh()
    team.network.ledger.entries[0] = Entry(Event.OPERATOR_ACTION, 1).encode()
    await team.network.seat(tmp_path / "CL", "CL")
    async with team.open("FR") as fr:
        assert fr.trust.directory.version == version
        with pytest.raises(Untrusted, match="alarm"):
            await ask(fr)


async def test_a_version_that_no_checkpoint_covers_yet_is_waited_for_and_not_adopted(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr:
        version = fr.trust.directory.version

    class Uncovered(MemoryLink):
        left = 2

        async def get(self, path: str) -> bytes:
            if path == proof_path(version + 1) and self.left:
                self.left -= 1
                raise Unavailable(Reason.NOT_FOUND, "no checkpoint covers this version yet", retry_after=1)
            return await super().get(path)

    await team.network.seat(tmp_path / "CL", "CL")
    async with team.open("FR", connect=lambda who: Uncovered(team.network, who.address)) as fr:
        assert fr.trust.directory.version == version + 1
    await team.network.seat(tmp_path / "PE", "PE")
    version += 1
    Uncovered.left = 1_000_000
    hurried = replace(QUICK, covered_seconds=0.1)
    async with team.open("FR", hurried, lambda who: Uncovered(team.network, who.address)) as fr:
        with pytest.raises(Unavailable):
            await fr.refresh()
        assert fr.trust.directory.version == version


async def test_an_older_version_said_to_be_current_is_refused_and_ours_stands(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    old = team.network.current()
    await team.network.seat(tmp_path / "CL", "CL")
    async with team.open("FR") as fr:
        version = (await fr.refresh()).directory.version
    async with altered(team, {wire.CURRENT: old}) as fr:
        with pytest.raises(Untrusted) as caught:
            await fr.refresh()
        assert caught.value.reason is Reason.NOT_CURRENT
        assert fr.trust.directory.version == version


async def test_the_authoritys_successor_is_followed_by_old_and_new_bureaus_alike(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr:
        rows = team.network.directory.participants
        team.network.publish(rows, SigningKey.generate())
        team.network.publish(rows)
        assert (await fr.refresh()).directory.version == team.network.directory.version
    async with team.open("FR") as fr:
        team.network.publish(rows)
        assert (await fr.refresh()).directory.version == team.network.directory.version
    await team.network.seat(tmp_path / "PE", "PE")
    async with team.open("PE") as newcomer:
        assert newcomer.trust.directory.version == team.network.directory.version


async def test_a_version_by_somebody_whom_nobody_named_is_refused(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr:
        last = fr.trust.directory
        following = replace(last, version=last.version + 1, previous=last.hash)
        raw = sign_directory(following, [SigningKey.generate()], team.network.network)
    await team.network.seat(tmp_path / "CL", "CL")
    async with altered(team, {f"{wire.DIRECTORY}/{last.version + 1}": raw}) as fr:
        with pytest.raises(Untrusted) as caught:
            await fr.refresh()
        assert caught.value.reason is Reason.KEY_UNKNOWN
        assert fr.trust.directory.version == last.version


async def test_a_version_that_contradicts_ours_is_an_alarm(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr:
        last = fr.trust.directory
    await team.network.seat(tmp_path / "CL", "CL")
    await team.network.seat(tmp_path / "PE", "PE")
    skipped = {f"{wire.DIRECTORY}/{last.version + 1}": team.network.directories[last.version + 1]}
    async with altered(team, skipped) as fr:
        assert fr.trust.directory.version == last.version
        with pytest.raises(Untrusted, match="alarm"):
            await ask(fr)


async def test_tree_heads_that_contradict_each_other_are_an_alarm(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr:
        head = (await fr.refresh()).head
        assert head == team.network.ledger.head()
        team.network.ledger.entries[0] = Entry(Event.OPERATOR_ACTION, 1).encode()
        team.network.ledger.append(Entry(Event.OPERATOR_ACTION, 2))
        with pytest.raises(Untrusted) as caught:
            await fr.refresh()
        assert caught.value.reason is Reason.CONSISTENCY
        assert fr.trust.head == head
        with pytest.raises(Untrusted, match="alarm"):
            await ask(fr)


async def test_an_older_tree_head_is_no_alarm_and_is_not_taken(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    old = team.network.ledger.checkpoint(team.network.seconds).encode()
    team.network.ledger.append(Entry(Event.OPERATOR_ACTION, 1))
    async with team.open("FR") as fr:
        head = (await fr.refresh()).head
    async with altered(team, {wire.CHECKPOINT: old}) as fr:
        assert (await fr.refresh()).head == head
        await ask(fr)


async def test_what_we_sign_gossips_the_head_that_we_accepted(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr, team.open("BR") as br:
        await ask(fr)
        received = await anext(br.inbox())
        assert received.header.head == fr.trust.head
        assert received.header.head.size > 0


@pytest.mark.parametrize(
    "path", [wire.CURRENT, wire.OPERATIONS, wire.CHECKPOINT, f"{wire.OPERATIONS}/{OPERATION}?version=2"]
)
async def test_garbage_from_the_gateway_is_refused_and_what_we_have_stands(tmp_path: Path, path: str) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr:
        before = fr.trust
        last = before.operations[OPERATION][-1].signed
    signed = replace(last.operation, version=2, previous=last.hash)
    async with team.open("FR") as fr:
        raw = sign_operation(signed, team.network.network.id, fr.keys.signing[0])
    team.network.publish_operation(raw)
    async with altered(team, {path: b"\xffgarbage"}) as fr:
        with pytest.raises(BureaunetError) as caught:
            await fr.refresh()
        assert isinstance(caught.value, Malformed | Untrusted)
        assert fr.trust.alarm is None
        assert fr.trust.operation(OPERATION) == last.operation or path == wire.CHECKPOINT


async def test_an_operation_by_anybody_but_its_owner_is_not_taken(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    forged = operation("FR", ("FR", "BR"), team.network.seconds, Phase.ACTIVE)
    raw = sign_operation(replace(forged, id="forged"), team.network.network.id, SigningKey.generate())
    good = b'{"id": "%b", "version": 1, "index": 4}' % OPERATION.encode()
    listed = b'[{"id": "forged", "version": 1, "index": 3}, %b]' % good
    async with altered(team, {wire.OPERATIONS: listed, f"{wire.OPERATIONS}/forged?version=1": raw}) as fr:
        with pytest.raises(Untrusted) as caught:
            await fr.refresh()
        assert caught.value.reason is Reason.KEY_UNKNOWN
        assert fr.trust.operation("forged") is None
        assert fr.trust.operation(OPERATION) is not None, "a bad one does not keep others away"


async def test_exercise_follows_the_operations_phase_on_a_real_network(tmp_path: Path) -> None:
    team = Team(tmp_path, exercise=False)
    for code in ("FR", "BR"):
        await team.network.seat(tmp_path / code, code)
    async with team.open("FR") as fr, team.open("BR") as br:
        first = await fr.publish_operation(operation("FR", ("FR", "BR"), team.network.seconds, Phase.TRAINING))
        await ask(fr)
        inbox = br.inbox()
        assert (await anext(inbox)).header.exercise
        following = replace(first.operation, version=2, previous=first.hash, phase=Phase.ACTIVE)
        await fr.publish_operation(following)
        await ask(fr)
        assert not (await anext(inbox)).header.exercise
        await inbox.aclose()
