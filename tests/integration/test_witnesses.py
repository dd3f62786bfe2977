"""Witnesses over real links: a gateway process, five bureaus that its directory names, and a quorum of four."""

from __future__ import annotations

import json
import time
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest

from bureaus.sandbox.network import PrivateNetwork, Seat
from schemas import wire
from schemas.codes import Purpose
from schemas.directory import Link
from schemas.errors import Unavailable
from schemas.identity import Address
from schemas.notes import Standing, read_checkpoint
from tests.exporting import once_covered
from tests.unit.bureaus.network import QUERY, operation

CODES = tuple(map(Address, ("AR", "BR", "CL", "FR", "PE")))


@pytest.mark.parametrize("link", [Link.HTTP, pytest.param(Link.AMQP, marks=[pytest.mark.broker, pytest.mark.postgres])])
async def test_a_quorum_signs_over_each_link_and_less_than_one_leaves_receipts_provisional(
    tmp_path: Path, link: Link
) -> None:
    seats = [Seat(code, code) for code in CODES]
    async with PrivateNetwork(tmp_path / "net", seats, link=link, witnesses=CODES, dishonest=1) as network:
        async with AsyncExitStack() as stack:
            fr, br, ar = [await stack.enter_async_context(network.bureau(Address(code))) for code in ("FR", "BR", "AR")]
            assert fr.witnesses
            await fr.publish_operation(operation("FR", ("FR", "BR"), int(time.time())))
            sent = await fr.ask(QUERY, to=["BR"], operation="infra-test", purpose=Purpose.ARREST)
            assert (await sent.proof(60)).standing is Standing.PROVISIONAL, "three of five are there"
            with pytest.raises(Unavailable, match="quorum"):
                await sent.proof(2.0, witnessed=True)
            export = ("operation", "export", "infra-test", "--home", network.gateway_home, "--json")
            early = json.loads(await once_covered(partial(network.command, *export, "--out", tmp_path / "early")))
            assert early["witnessed"] is False, "and the record says so"
            pe = await stack.enter_async_context(network.bureau(Address("PE")))
            proven = await sent.proof(60, witnessed=True)
            assert proven.standing is Standing.WITNESSED
            assert proven.checkpoint.witnesses == {"AR", "BR", "FR", "PE"}
            late = json.loads(await network.command(*export, "--out", tmp_path / "late", "--wait", "40"))
            assert late["witnessed"] is True, "all of it, as witnesses had time"
            note = (await fr.link.get(wire.WITNESSED)).decode()
            assert not read_checkpoint(note, fr.trust.policy).provisional(fr.trust.policy)
            same = await br.link.get(f"{wire.CHECKPOINT}/{read_checkpoint(note, fr.trust.policy).checkpoint.size}")
            assert "FR" in same.decode()
            assert (ar.trust.alarm, pe.trust.alarm) == (None, None)
        await network.drain()
        await network.export("infra-test", tmp_path / "record")
