"""A bureau as a witness: kept before signed, one head of a size for ever, and receipts that say what they are."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bureaus.client import Bureau
from bureaus.enrolment import Identity
from bureaus.links.memory import MemoryLink
from bureaus.store import FILE, Store, identity, witnessing
from schemas import wire
from schemas.claims import Head
from schemas.codes import Purpose
from schemas.errors import Reason, Unavailable, Untrusted
from schemas.evidence import Entry, Event
from schemas.identity import Address
from schemas.merkle import leaf_hash
from schemas.notes import Checkpoint, Standing
from schemas.witness import Witnesses, cosign
from tests.unit.bureaus.network import OPERATION, QUERY, QUICK, Team, eventually

CODES = ("FR", "BR", "AR")
STILL = replace(QUICK, witness=False, witness_seconds=0.02)
"""Nobody witnesses but when told to."""


async def named(tmp_path: Path, quorum: int = 2, dishonest: int = 0, codes: tuple[str, ...] = CODES) -> Team:
    """A network whose directory names bureaus as witnesses."""
    team = await Team.gather(tmp_path, CODES)
    keys = {}
    for code in codes:
        async with await Store.open(tmp_path / code / FILE) as store:
            ours = await store.run(identity.keys)
            assert ours is not None
            keys[code] = ours.witness[0].public
    team.network.witnesses.name(Witnesses(keys, quorum, dishonest))
    team.network.publish(team.network.directory.participants)
    return team


async def look(bureau: Bureau) -> Head | None:
    return await bureau._parts.witness.look()  # noqa: SLF001  # the worker's one step, without its clock


async def ask(bureau: Bureau) -> Standing:
    sent = await bureau.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)
    return (await sent.proof(60)).standing


async def test_a_receipt_is_provisional_until_the_quorum_signed_and_is_upgraded_then(tmp_path: Path) -> None:
    team = await named(tmp_path)
    async with team.open("FR", STILL) as fr, team.open("BR", STILL) as br:
        sent = await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)
        first = await sent.proof(60)
        assert (first.standing, first.provisional) == (Standing.PROVISIONAL, True)
        with pytest.raises(Unavailable, match="quorum"):
            await sent.proof(0.1, witnessed=True)
        assert await look(fr) is not None
        assert (await sent.proof(60)).standing is Standing.PROVISIONAL, "one of two"
        assert await look(br) is not None
        proven = await sent.proof(60, witnessed=True)
        assert proven.standing is Standing.WITNESSED
        assert proven.checkpoint.witnesses == {"FR", "BR"}

        team.network.away = True
        assert (await sent.proof(60)).standing is Standing.WITNESSED, "kept with the message"


async def test_witnesses_sign_by_themselves_and_the_background_upgrades(tmp_path: Path) -> None:
    team = await named(tmp_path)
    lively = replace(QUICK, witness_seconds=0.02, witness_idle_seconds=0.05)
    async with team.open("FR", lively) as fr, team.open("AR", lively):
        sent = await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)
        assert (await sent.proof(60, witnessed=True)).standing is Standing.WITNESSED
    assert team.network.witnesses.policy.quorum == 2


class Spoilt(MemoryLink):
    """A link on which the gateway shows no entry as it is, once the quorum has signed."""

    asked = 0

    async def get(self, path: str) -> bytes:
        got = await super().get(path)
        if not path.startswith(wire.ENTRIES) or self._network.witnesses._signed is None:  # noqa: SLF001  # what the fake holds
            return got
        self.asked += 1
        return Entry(Event.OPERATOR_ACTION, 1).encode()


async def test_a_proof_that_does_not_verify_for_its_quorum_is_not_asked_for_without_end(tmp_path: Path) -> None:
    team = await named(tmp_path, quorum=1, codes=("FR",))
    links: list[Spoilt] = []

    def spoilt(who: Identity) -> Spoilt:
        links.append(Spoilt(team.network, who.address))
        return links[-1]

    async with team.open("FR", STILL) as fr:
        sent = await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)
        assert (await sent.proof(60)).provisional
    async with team.open("FR", STILL, spoilt) as fr:
        sent = await fr.exchange(sent.digest)
        assert await look(fr) is not None
        await eventually(lambda: links[0].asked > 0)
        await asyncio.sleep(5 * STILL.witness_seconds)
        assert links[0].asked == 1
        with pytest.raises(Untrusted):
            await sent.proof(60)


async def test_without_witnesses_a_receipt_says_so(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path, CODES)
    async with team.open("FR", STILL) as fr:
        assert await ask(fr) is Standing.UNWITNESSED
        assert await look(fr) is None


async def test_who_is_not_named_or_whose_key_is_another_signs_nothing(tmp_path: Path) -> None:
    team = await named(tmp_path, quorum=1, codes=("FR",))
    async with team.open("BR", STILL) as br:
        assert await look(br) is None
    wrong = Witnesses({"BR": next(iter(team.network.witnesses.policy.witnesses.values()))}, 1, 0)
    team.network.witnesses.name(wrong)
    team.network.publish(team.network.directory.participants)
    async with team.open("BR", STILL) as br:
        assert await look(br) is None


async def test_the_same_head_is_not_signed_twice_and_a_grown_one_is(tmp_path: Path) -> None:
    team = await named(tmp_path)
    async with team.open("FR", STILL) as fr, team.open("BR", STILL) as br:
        first = await look(fr)
        assert first is not None
        assert await look(fr) is None
        await look(br)
        team.network.ledger.append(Entry(Event.OPERATOR_ACTION, 1))
        second = await look(fr)
        assert second is not None
        assert second.size == first.size + 1


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from bureaus.store import Store, witnessing
from schemas.claims import Head

async def main() -> None:
    store = await Store.open(Path(sys.argv[1]))
    await store.run(witnessing.advance, Head(int(sys.argv[2]), bytes.fromhex(sys.argv[3])), "note")
    os.kill(os.getpid(), signal.SIGKILL)  # kept, and not signed

asyncio.run(main())
"""


async def test_a_witness_killed_between_keeping_and_signing_never_signs_another_head_of_that_size(
    tmp_path: Path,
) -> None:
    team = await named(tmp_path)
    head = team.network.ledger.head()
    script = [sys.executable, "-c", KILLED, str(tmp_path / "FR" / FILE), str(head.size), head.root.hex()]
    ended = await asyncio.to_thread(subprocess.run, script, check=False)
    assert ended.returncode == -signal.SIGKILL
    async with await Store.open(tmp_path / "FR" / FILE) as store:
        assert await store.run(witnessing.last) == (head, "note")
        for other in (Head(head.size, bytes(32)), Head(head.size - 1, head.root)):
            with pytest.raises(Untrusted) as refused:
                await store.run(witnessing.advance, other, "note")
            assert refused.value.reason is Reason.CONSISTENCY
    async with team.open("FR", STILL) as fr:
        assert await look(fr) == head, "the same head again, this time signed"


def restore(old: Path, store: Path) -> None:
    for left in store.parent.glob(f"{store.name}*"):
        left.unlink()
    shutil.copy(old, store)


async def test_a_witness_whose_old_store_is_restored_signs_no_second_head_of_a_size(tmp_path: Path) -> None:
    team = await named(tmp_path, quorum=1, codes=("FR",))
    store, old = tmp_path / "FR" / FILE, tmp_path / "old"
    heads: list[Head | None] = []
    for number in range(2):
        team.network.ledger.append(Entry(Event.OPERATOR_ACTION, number))
        async with team.open("FR", STILL) as fr:
            heads.append(await look(fr))
        if not number:
            shutil.copy(store, old)
    first, signed = heads
    assert first is not None
    assert signed is not None
    assert signed.size > first.size

    restore(old, store)
    async with team.open("FR", STILL) as fr:
        assert await look(fr) == signed, "the same head again, as the log is honest"

    restore(old, store)
    team.network.ledger.entries[-1] = Entry(Event.OPERATOR_ACTION, 9).encode()
    team.network.witnesses.name(team.network.witnesses.named)
    async with team.open("FR", STILL) as fr:
        with pytest.raises(Untrusted, match="another tree") as refused:
            await look(fr)
        assert refused.value.reason is Reason.CONSISTENCY
        kept = await fr._parts.store.run(witnessing.last)  # noqa: SLF001  # what the store alone knew
        assert kept is not None
        assert kept[0] == first


async def test_nothing_is_signed_under_an_alarm(tmp_path: Path) -> None:
    team = await named(tmp_path)
    async with team.open("FR", STILL) as fr:
        assert await look(fr) is not None
        team.network.ledger.entries[-1] = Entry(Event.OPERATOR_ACTION, 9).encode()
        team.network.witnesses.name(team.network.witnesses.named)
        with pytest.raises(Untrusted):
            await look(fr)
        assert fr.trust.alarm is not None
        assert await look(fr) is None


async def lie(team: Team, tmp_path: Path, code: str, checkpoint: Checkpoint) -> None:
    """A witness signs what nobody showed it."""
    async with await Store.open(tmp_path / code / FILE) as store:
        keys = await store.run(identity.keys)
    assert keys is not None
    team.network.witnesses.took(Address(code), cosign(checkpoint, keys.witness[0], team.network.seconds))


async def test_a_quorum_holds_although_one_witness_signs_anything(tmp_path: Path) -> None:
    team = await named(tmp_path)
    async with team.open("FR", STILL) as fr, team.open("BR", STILL) as br:
        sent = await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)
        await sent.proof(60)
        head = await look(fr)
        assert head is not None
        origin = team.network.network.policy.origin
        await lie(team, tmp_path, "AR", Checkpoint(origin, head.size, leaf_hash(b"lie")))
        await lie(team, tmp_path, "AR", Checkpoint(origin, head.size + 1000, head.root))
        assert (await sent.proof(60)).standing is Standing.PROVISIONAL, "a line over another tree makes no quorum"
        await look(br)
        proven = await sent.proof(60, witnessed=True)
        assert proven.checkpoint.witnesses == {"FR", "BR"}


async def test_a_quorum_that_is_not_reached_leaves_receipts_provisional(tmp_path: Path) -> None:
    team = await named(tmp_path, quorum=3)
    async with team.open("FR", STILL) as fr, team.open("BR", STILL) as br:
        await look(fr)
        await look(br)
        assert await ask(fr) is Standing.PROVISIONAL
