"""The outbox: what was said while the gateway was away goes later; rotated keys seal it again; refusals stay."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bureaus.client import Bureau, Exchange
from bureaus.links.memory import MemoryLink
from bureaus.store import FILE, Store, identity
from schemas.codes import Purpose
from schemas.errors import Forbidden, Reason, Unavailable
from schemas.evidence import Event
from schemas.keys import SealingKey, SigningKey
from schemas.wire import decode_submission
from tests.unit.bureaus.network import OPERATION, QUERY, Team, counted


async def ask(fr: Bureau) -> Exchange:
    return await fr.ask(QUERY, to=["BR"], operation=OPERATION, purpose=Purpose.ARREST)


async def test_what_was_said_while_the_gateway_was_away_goes_when_it_is_back(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr:
        team.network.away = True
        exchange = await ask(fr)
        with pytest.raises(Unavailable):
            await exchange.accepted(0.1)
        team.network.away = False
        assert (await exchange.accepted(60)).accepted


async def test_what_was_said_before_the_process_ended_goes_when_it_starts_again(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr:
        team.network.away = True
        exchange = await ask(fr)
    team.network.away = False
    assert exchange.digest not in team.network.submitted
    async with team.open("FR") as fr:
        again = await fr.exchange(exchange.digest)
        assert (await again.accepted(60)).digest == exchange.digest


async def test_a_lost_receipt_is_asked_for_again_with_the_same_bytes(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr, team.open("BR") as br:
        team.network.lost_receipts = 2
        exchange = await ask(fr)
        await exchange.accepted(60)
        assert team.network.submitted == [exchange.digest] * 3
        await counted(br, "received", "new", 1)


async def test_a_recipients_rotated_key_seals_the_message_again_under_a_new_id(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr:
        await _rotate_sealing_key(team, "BR")
        exchange = await ask(fr)
        first = exchange.digest
        await exchange.accepted(60)
        assert exchange.digest != first
        assert (await fr.counts())["sent"] == {"accepted": 1, "replaced": 1}
    async with team.open("BR") as br:
        await counted(br, "received", "new", 1)


async def _rotate_sealing_key(team: Team, code: str) -> None:
    """A new sealing key in `code`'s home and in the directory; the old one ends now."""
    fresh = SealingKey.generate()
    async with await Store.open(team.folder / code / FILE) as store:
        await store.run(identity.add_keys, SigningKey.generate(), fresh, team.network.clock() + 1)
    rows = []
    for row in team.network.directory.participants:
        if row.address == code:
            old = row.sealing[0]
            ended = replace(old, validity=replace(old.validity, until=team.network.seconds))
            rows.append(replace(row, sealing=(replace(old, key=fresh.public), ended)))
        else:
            rows.append(row)
    team.network.publish(tuple(rows))


@pytest.mark.parametrize("reason", [Reason.WRAP_KEY, Reason.KEY_NOT_VALID, Reason.EXPIRED])
async def test_a_message_is_sealed_again_only_so_often(tmp_path: Path, reason: Reason) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr:
        team.network.refusing = [reason] * 4
        exchange = await ask(fr)
        with pytest.raises(Forbidden) as caught:
            await exchange.accepted(60)
        assert caught.value.reason is reason
        assert (await fr.counts())["sent"] == {"refused": 1, "replaced": 3}
        assert len(set(team.network.submitted)) == 4


async def test_a_spent_quota_is_waited_out(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr:
        team.network.refusing = [Reason.LINK_QUOTA] * 2
        exchange = await ask(fr)
        assert (await exchange.accepted(60)).accepted
        assert team.network.submitted == [exchange.digest] * 3


async def test_a_refusal_is_kept_and_tried_no_more(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr:
        team.network.refusing = [Reason.QUOTA]
        exchange = await ask(fr)
        with pytest.raises(Forbidden):
            await exchange.accepted(60)
    async with team.open("FR") as fr:
        again = await fr.exchange(exchange.digest)
        with pytest.raises(Forbidden) as caught:
            await again.accepted(60)
        assert caught.value.reason is Reason.QUOTA
        assert len(await fr.receipts()) == 1
    assert team.network.submitted == [exchange.digest]


async def test_a_receipt_that_does_not_verify_decides_nothing(tmp_path: Path) -> None:
    team, other = await Team.gather(tmp_path), await Team.gather(tmp_path / "other")
    lies = 2

    class LyingLink(MemoryLink):
        async def submit(self, body: bytes) -> bytes:
            nonlocal lies
            lies -= 1
            digest = decode_submission(body).digest
            return other.network.refusal(digest, Reason.QUOTA) if lies >= 0 else await super().submit(body)

    async with team.open("FR", connect=lambda who: LyingLink(team.network, who.address)) as fr:
        exchange = await ask(fr)
        assert (await exchange.accepted(60)).event is Event.SUBMISSION_ACCEPTANCE
        assert lies < 0


async def test_nothing_is_sealed_on_a_directory_that_was_not_confirmed_for_a_day(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr:
        team.clock.ahead += 25 * 3600 * 1000
        team.network.away = True
        with pytest.raises(Unavailable):
            await ask(fr)
        assert (await fr.counts())["sent"] == {}
        team.network.away = False
        assert (await (await ask(fr)).accepted(60)).accepted


async def test_everything_that_was_asked_for_goes_once(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    async with team.open("FR") as fr:
        team.network.away = True
        exchanges = await asyncio.gather(*(ask(fr) for _ in range(20)))
    team.network.away = False
    async with team.open("FR") as fr:
        await counted(fr, "sent", "accepted", 20)
    assert sorted(team.network.submitted) == sorted(exchange.digest for exchange in exchanges)
