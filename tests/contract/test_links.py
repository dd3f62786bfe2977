"""The bureaus' port `Link`: the fake in memory and HTTPS to a real gateway behave alike."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from bureaus import drafts, links, settings
from bureaus.client import Bureau, Connect
from bureaus.drafts import Draft, Sealed
from bureaus.links import FROM_THE_START, Link
from bureaus.links.memory import MemoryNetwork
from bureaus.sandbox.network import PrivateNetwork, Seat
from bureaus.store.identity import Keys
from bureaus.trust import Trust
from schemas import messages, wire
from schemas.codes import Purpose
from schemas.directory import Use
from schemas.errors import BureaunetError, Forbidden, Reason, Unavailable
from schemas.evidence import Acknowledgement, Outcome, read_entry, sign_acknowledgement
from schemas.identity import Address
from schemas.receipts import Acceptance, read_acceptance, read_proof
from tests.unit.bureaus.network import OPERATION, QUERY, operation

CODES = ("FR", "BR")


@dataclass
class Side:
    """One participant by its link, without the SDK around it."""

    link: Link
    trust: Trust
    keys: Keys

    def seal(self, to: str) -> Sealed:
        content = messages.encode(QUERY)
        draft = Draft(self.trust.address, OPERATION, (Address(to),), QUERY.KIND, content, Purpose.ARREST)
        now = time.time_ns() // 1_000_000
        return drafts.seal(draft, self.trust, self.keys.signing, now, settings.DEFAULT)

    def acceptance(self, receipt: bytes) -> Acceptance:
        keys = self.trust.directory.service_keys(Use.ACCEPTANCE)
        return read_acceptance(receipt, self.trust.network.id, keys)

    def processed(self, digest: bytes) -> bytes:
        word = Acknowledgement(
            self.trust.address, digest, Outcome.PROCESSED, int(time.time()), self.trust.network.id, self.trust.head
        )
        return sign_acknowledgement(word, self.keys.signing[0])


Sides = dict[str, Side]


@asynccontextmanager
async def opened(homes: Callable[[str], Path], connect: Connect) -> AsyncIterator[Sides]:
    """Open the operation, then a link for everybody."""
    async with Bureau.open(homes("FR"), connect=connect) as fr:
        await fr.publish_operation(operation("FR", CODES, int(time.time())))
    sides: Sides = {}
    for code in CODES:
        async with Bureau.open(homes(code), connect=connect) as bureau:
            who = bureau.identity
            sides[code] = Side(connect(who), bureau.trust, bureau.keys)
    try:
        yield sides
    finally:
        for side in sides.values():
            await side.link.aclose()


@pytest.fixture(params=["memory", "http"])
async def sides(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Sides]:
    if cast("str", request.param) == "memory":
        memory = MemoryNetwork()
        for code in CODES:
            await memory.seat(tmp_path / code, code)
        async with opened(lambda code: tmp_path / code, memory.connect) as found:
            yield found
    else:
        seats = [Seat(Address(code), code) for code in CODES]
        async with (
            PrivateNetwork(tmp_path, seats) as network,
            opened(lambda code: network.home(Address(code)), links.connect) as found,
        ):
            yield found


async def eventually(read: Callable[[], Awaitable[bytes]]) -> bytes:
    """What `read` gives once it is there."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await read()
            except Unavailable as error:
                assert error.retry_after is not None  # noqa: PT017  # every "not yet" says how long to wait
                await asyncio.sleep(0.1)


async def test_a_link_does_what_the_port_says(sides: Sides) -> None:
    """One story, since each network costs seconds to start."""
    fr, br = sides["FR"], sides["BR"]
    sealed = fr.seal("BR")
    receipt = await fr.link.submit(sealed.body)
    acceptance = fr.acceptance(receipt)
    assert (acceptance.accepted, acceptance.digest) == (True, sealed.digest)
    assert await fr.link.submit(sealed.body) == receipt, "the same bytes again get the first receipt"

    stolen = fr.acceptance(await br.link.submit(fr.seal("BR").body))
    assert (stolen.accepted, stolen.reason) == (False, Reason.LINK_IDENTITY)

    async with asyncio.timeout(60):
        first = await anext(br.link.items(FROM_THE_START))
        again = await anext(br.link.items(FROM_THE_START))
    assert [item.statement for item in first] == [wire.decode_submission(sealed.body).statement]
    assert first == again, "an inbox keeps what was not acknowledged"
    assert first[0].acceptance == receipt

    following = fr.seal("BR")
    async with asyncio.timeout(60):
        waiting = asyncio.ensure_future(anext(br.link.items(first[-1].index)))
        await asyncio.sleep(0.2)
        assert not waiting.done(), "nothing above the cursor"
        await fr.link.submit(following.body)
        (item,) = await waiting
    assert (item.sealed, item.index > first[-1].index) == (wire.decode_submission(following.body).sealed, True)

    await br.link.acknowledge(br.processed(sealed.digest))
    async with asyncio.timeout(60):
        left = await anext(br.link.items(FROM_THE_START))
    assert [one.index for one in left] == [item.index]
    with pytest.raises(BureaunetError):
        await br.link.acknowledge(b"garbage")

    assert acceptance.index is not None
    entry = await eventually(lambda: fr.link.get(f"{wire.ENTRIES}/{acceptance.index}"))
    proof = await eventually(lambda: fr.link.get(f"{wire.PROOFS}/{acceptance.index}"))
    assert read_entry(entry).digest == sealed.digest
    checkpoint = read_proof(proof.decode()).verify(entry, fr.trust.network.policy).checkpoint
    assert checkpoint.size > acceptance.index

    with pytest.raises(Forbidden) as missing:
        await fr.link.get(f"{wire.DIRECTORY}/99")
    assert missing.value.reason is Reason.NOT_FOUND

    await fr.link.aclose()
    with pytest.raises(Unavailable):
        await fr.link.get(wire.DIRECTORY)
