"""The sandbox's whole network: it serves, comes back after a crash on the same addresses, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from bureaus.sandbox.network import PrivateNetwork, Seat
from schemas.codes import Purpose
from schemas.errors import Forbidden, Unavailable
from schemas.identity import Address
from schemas.messages import WhereaboutsQuery
from schemas.messages.codes import Asked

pytestmark = pytest.mark.timeout(300)
FR, BR = Address("FR"), Address("BR")
SEATS = (Seat(FR, "NCB France"), Seat(BR, "NCB Brazil"))
QUERY = WhereaboutsQuery(asked=(Asked.STATUS,), case="FR-1")


def _children() -> set[int]:
    """Give our own: servers of other tests start processes, and end them, meanwhile."""
    return {child.pid for child in psutil.Process().children()}


async def test_it_serves_bureaus_and_comes_back_after_a_crash_on_the_same_addresses(tmp_path: Path) -> None:
    before = _children()
    async with PrivateNetwork(tmp_path / "net", SEATS) as network:
        async with network.bureau(FR) as fr:
            assert fr.trust.directory.find(BR) is not None
            with pytest.raises(Forbidden):
                await fr.ask(QUERY, to=[BR], operation="none-such", purpose=Purpose.ARREST)
        urls = network.url, network.operators
        await network.gateway.kill()
        with pytest.raises(Unavailable):
            async with network.bureau(FR) as fr:
                await fr.refresh()
        await network.serve()
        assert (network.url, network.operators) == urls
        async with network.bureau(BR) as br:
            await br.refresh()
    assert _children() == before
    assert (tmp_path / "net" / "gateway.log").is_file()


async def test_stages_are_told_in_words_as_they_begin(tmp_path: Path) -> None:
    said: list[str] = []
    async with PrivateNetwork(tmp_path / "net", SEATS, say=said.append):
        pass
    assert said == [
        "making the authority and the gateway's keys",
        "enrolling 2 participants",
        "starting the gateway",
    ]


async def test_a_start_that_fails_says_why_and_leaves_nothing_running(tmp_path: Path) -> None:
    before = _children()
    (tmp_path / "net" / "authority").mkdir(parents=True)
    (tmp_path / "net" / "authority" / "network.bn").write_bytes(b"somebody else's")
    with pytest.raises(Unavailable) as caught:
        async with PrivateNetwork(tmp_path / "net", SEATS):
            pass
    assert "error:" in caught.value.detail
    assert _children() == before


async def test_a_gateway_that_ended_badly_is_not_drained_in_silence(tmp_path: Path) -> None:
    async with PrivateNetwork(tmp_path / "net", SEATS) as network:
        await network.gateway.kill()
        with pytest.raises(Unavailable):
            await network.drain()
