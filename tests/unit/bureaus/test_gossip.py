"""A gateway that shows two histories, or lost entries, is caught at the next contact, and a file shows it to anyone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bureaus.client import Bureau
from bureaus.enrolment import Identity
from bureaus.links.memory import MemoryLink, MemoryNetwork
from bureaus.links.memory_ledger import Ledger
from schemas import wire
from schemas.claims import Head
from schemas.codes import Purpose
from schemas.directory import Current, Use, directory_hash, sign_current, sign_directory
from schemas.errors import Reason, Untrusted
from schemas.evidence import Entry, Event
from schemas.identity import Address
from schemas.merkle import leaf_hash
from schemas.misbehaviour import SLACK, Contradiction, Finding, verify_misbehaviour
from tests.unit.bureaus.network import OPERATION, QUERY, QUICK, Team, eventually

STILL = replace(QUICK, witness=False)


async def ask(fr: Bureau) -> None:
    await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)


def filed(team: Team, code: str) -> list[Finding]:
    """What the proofs of misbehaviour in a bureau's home prove, checked with the network file alone."""
    files = sorted((team.folder / code).glob("misbehaviour-*.bn"))
    return [verify_misbehaviour(path.read_bytes(), team.network.network) for path in files]


def fork(team: Team, at: int) -> None:
    """From here on the gateway has another history, with its own key: as one that shows each bureau its own."""
    team.network.ledger.entries[at] = Entry(Event.OPERATOR_ACTION, 1).encode()


def grow(team: Team, entries: int = 1) -> None:
    for number in range(entries):
        team.network.ledger.append(Entry(Event.OPERATOR_ACTION, number))


@pytest.mark.parametrize("grown", [0, 1, 2, 3, 7])
async def test_a_fork_is_caught_at_the_next_look_and_proven(tmp_path: Path, grown: int) -> None:
    team = await Team.gather(tmp_path)
    grow(team, 2)
    told: list[str] = []
    fr = team.open("FR", STILL)
    fr.on_misbehaviour(lambda path, words: told.append(f"{path.name} {words}"))
    async with fr:
        head = fr.trust.head
        fork(team, 0)
        grow(team, grown)
        with pytest.raises(Untrusted) as caught:
            await fr.refresh()
        assert caught.value.reason is Reason.CONSISTENCY
        assert fr.trust.head == head
        with pytest.raises(Untrusted, match="alarm"):
            await ask(fr)
    (found,) = filed(team, "FR")
    assert (found.contradiction, found.certain) == (Contradiction.FORK, True)
    assert len(told) == 1
    assert told[0].startswith("misbehaviour-")


async def test_an_alarm_stands_although_who_is_told_of_it_fails(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    grow(team, 2)

    def fail(_path: Path, _words: str) -> None:
        raise OSError("nobody to tell")

    fr = team.open("FR", STILL)
    fr.on_misbehaviour(fail)
    async with fr:
        fork(team, 0)
        with pytest.raises(Untrusted, match="contradicts"):
            await fr.refresh()
        assert fr.trust.alarm is not None
    async with team.open("FR", STILL) as fr:
        with pytest.raises(Untrusted, match="alarm"):
            await ask(fr)


class Split(MemoryLink):
    """A link on which the gateway shows the read side of another history of its ledger."""

    def __init__(self, network: MemoryNetwork, address: Address, shown: Ledger) -> None:
        super().__init__(network, address)
        self.shown = shown

    async def get(self, path: str) -> bytes:
        real = self._network.ledger
        self._network.ledger = self._network.witnesses._ledger = self.shown  # noqa: SLF001  # one answer from the other history
        try:
            return await super().get(path)
        finally:
            self._network.ledger = self._network.witnesses._ledger = real  # noqa: SLF001  # as above


async def test_a_split_view_is_caught_when_a_message_crosses_it(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    grow(team, 3)
    other = Ledger()
    other.key, other.entries = team.network.ledger.key, list(team.network.ledger.entries)
    other.entries[-2] = Entry(Event.OPERATOR_ACTION, 77).encode()
    other.append(Entry(Event.OPERATOR_ACTION, 78))

    def split(who: Identity) -> Split:
        return Split(team.network, who.address, other)

    async with team.open("FR", STILL) as fr, team.open("BR", STILL, split) as br:
        assert (fr.trust.alarm, br.trust.alarm) == (None, None), "each sees one history"
        assert br.trust.head.size > fr.trust.head.size
        await ask(fr)
        await anext(br.inbox())
        await eventually(lambda: bool(filed(team, "BR")))
        (found,) = filed(team, "BR")
        assert (found.contradiction, found.certain) == (Contradiction.FORK, False)
        assert found.accused[0] == "FR"
        assert br.trust.alarm is None, "one bureau's word stops nobody else's traffic"
        note = fr._parts.keeper.heads.note  # noqa: SLF001  # what FR shows when asked what it rests on
        with pytest.raises(Untrusted):
            await br._parts.keeper.take_head(note)  # noqa: SLF001  # BR holds it against its own
        assert br.trust.alarm is not None
    assert [one.certain for one in filed(team, "BR")].count(True) == 1
    certain = next(one for one in filed(team, "BR") if one.certain)
    assert certain.accused == (f"the log {team.network.network.policy.origin}",)


async def test_a_bureau_that_lies_about_its_head_is_named_and_stops_nobody(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    grow(team, 3)
    async with team.open("FR", STILL) as fr, team.open("BR", STILL) as br:
        keeper = fr._parts.keeper  # noqa: SLF001  # a bureau that signs what it was never shown
        keeper._trust = replace(fr.trust, head=Head(fr.trust.head.size - 1, leaf_hash(b"lie")))  # noqa: SLF001  # as above
        await ask(fr)
        await anext(br.inbox())
        await eventually(lambda: bool(filed(team, "BR")))
        await br.ask(QUERY, to=["FR"], operation=OPERATION, purpose=Purpose.ARREST)
    (found,) = filed(team, "BR")
    assert found.accused[0] == "FR"
    assert not found.certain


async def test_heads_of_one_history_are_no_misbehaviour(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR", STILL) as fr, team.open("BR", STILL) as br:
        for size in range(6):
            await ask(fr)
            await anext(br.inbox())
            grow(team, size)
            await (fr if size % 2 else br).refresh()
        await eventually(lambda: br._parts.gossip.settled)  # noqa: SLF001  # until all was compared
        assert (fr.trust.alarm, br.trust.alarm) == (None, None)
    assert filed(team, "FR") == filed(team, "BR") == []


async def test_an_old_backup_is_caught_when_the_log_signs_again(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    backup = list(team.network.ledger.entries)
    grow(team, 5)
    async with team.open("FR", STILL) as fr:
        size = fr.trust.head.size
        team.network.ledger.entries = [*backup, Entry(Event.OPERATOR_ACTION, 1).encode()]
        await fr.refresh()  # within the time by which clocks may differ it may be another process
        team.clock.ahead += (SLACK + 5) * 1000
        with pytest.raises(Untrusted) as caught:
            await fr.refresh()
        assert caught.value.reason is Reason.CONSISTENCY
        assert fr.trust.head.size == size
    (found,) = filed(team, "FR")
    assert found.contradiction is Contradiction.ROLLBACK


async def test_an_old_backup_that_outgrew_us_is_a_fork(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    backup = list(team.network.ledger.entries)
    grow(team, 2)
    async with team.open("FR", STILL) as fr:
        team.network.ledger.entries = backup
        for number in range(9):
            team.network.ledger.append(Entry(Event.OPERATOR_ACTION, 100 + number))
        with pytest.raises(Untrusted):
            await fr.refresh()
    (found,) = filed(team, "FR")
    assert (found.contradiction, found.certain) == (Contradiction.FORK, True)


async def test_another_directory_under_our_versions_number_is_caught_and_proven(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    network = team.network
    async with team.open("FR", STILL) as fr:
        ours = fr.trust.directory
        rival = sign_directory(replace(ours, time=ours.time + 1), [network._authority], network.network)  # noqa: SLF001  # the authority's own key
        read = network.read

        def shown(path: str) -> bytes:
            return rival if path == f"{wire.DIRECTORY}/{ours.version}" else read(path)

        hashed = directory_hash(rival)
        stated = sign_current(
            Current(ours.version, hashed, network.seconds, network.ledger.head()),
            network.network.id,
            network._keys[Use.CURRENT],  # noqa: SLF001  # the gateway's own key
        )
        network.read = lambda path: stated if path == wire.CURRENT else shown(path)  # type: ignore[method-assign]  # two answers are others
        with pytest.raises(Untrusted):
            await fr.refresh()
        assert fr.trust.alarm is not None
        network.read = read  # type: ignore[method-assign]  # honest again
    (found,) = filed(team, "FR")
    assert (found.contradiction, found.accused) == (Contradiction.DIRECTORIES, ("the authority",))
