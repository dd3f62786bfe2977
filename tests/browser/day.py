"""A day's scene: a gateway process with traffic, a bureau that is silent, bodies in quarantine, two operators' keys."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from gateway import two_people
from gateway.adapters.sql import Database, SqlStore
from gateway.two_people import Act, Request
from schemas import wire
from schemas.answer_times import AnswerTime
from schemas.codes import Handling, Purpose, Urgency
from schemas.identity import Address
from schemas.operation import Member, Operation, Phase, Role, sign_operation
from schemas.progress import Objectives, Progress, Results
from schemas.receipts import Acceptance
from schemas.wire import ItemType
from tests.integration.gateway_network import MEMBERS, OPERATION, QUERY, GatewayNetwork

PASSWORD: Final = "synthetic operators only"  # noqa: S105  # of accounts that live as long as the test
PROGRESS: Final = Progress(0, Objectives(120, 14, 9, 8, 40, 33), Results(3, 5, 1, 2, 1))
RUBBISH: Final = b"\x00\xff what no program can read"
ACCOUNTS: Final = {"ada": "security-officer", "bo": "operator"}


@dataclass
class Day:
    """The scene."""

    network: GatewayNetwork
    refused: Acceptance
    answered: Acceptance
    silent: Acceptance
    operators: dict[str, Path]

    def request(self, name: str, subject: bytes, before: bytes | None = None) -> bytes:
        """An operator's signature, made at home: under a new request to discard, or under another's."""
        asked = Request(Act.QUARANTINE_DISCARD, hashlib.sha256(subject).digest(), int(time.time()))
        asked = asked if before is None else two_people.claimed(before)
        return two_people.sign_request(self.operators[name], asked, self.network.network, before)


async def open_operation(network: GatewayNetwork) -> None:
    """An operation whose urgent queries are to be answered within two seconds, with what it came to so far."""
    roles = {"IPSG": Role.OWNER}
    members = tuple(Member(Address(name), roles.get(name, Role.PARTICIPANT), network.now - 60) for name in MEMBERS)
    times = (AnswerTime("whereabouts.query", Urgency.URGENT, 2, 60, (50,), 1),)
    made = Operation(
        OPERATION,
        1,
        None,
        network.now,
        "Exercise South",
        Address("IPSG"),
        Phase.ACTIVE,
        members,
        (QUERY,),
        (Purpose.ARREST,),
        (Handling.H0,),
        times=times,
        progress=replace(PROGRESS, time=network.now),
    )
    body = sign_operation(made, network.network.id, network.bureaus["IPSG"].signing)
    async with network.client("IPSG") as client, client.post(wire.OPERATIONS, data=body) as response:
        assert response.status == 204, await response.text()


async def exchange(network: GatewayNetwork, sender: str, recipient: str) -> Acceptance:
    """A query that its recipient acknowledges."""
    _, sent = await network.submit(sender, wire.encode_submission(network.query(sender, recipient)))
    async with network.client(recipient) as client:
        data = network.acknowledgement(recipient, sent.digest)
        async with client.post(wire.EVIDENCE, data=data) as response:
            assert response.status < 300, await response.text()
    return sent


async def _traffic(network: GatewayNetwork) -> None:
    while True:
        await exchange(network, "BR", "AR")
        await exchange(network, "IPSG", "BR")
        await asyncio.sleep(0.5)


async def _set_aside(network: GatewayNetwork) -> None:
    """What a fault of the program would have left: a good message, and bytes that nobody can read."""
    good = wire.encode_submission(network.query("BR", "AR"))
    database = Database(f"sqlite+aiosqlite:///{network.home / 'ledger.db'}")
    try:
        async with SqlStore(database).begin() as transaction:
            now = int(time.time() * 1000)
            await transaction.quarantine(Address("BR"), good, "KeyError", now, ItemType.ENVELOPE)
            await transaction.quarantine(Address("AR"), RUBBISH, "unreadable", now, ItemType.ENVELOPE)
    finally:
        await database.close()


def _operators(network: GatewayNetwork) -> dict[str, Path]:
    """Keys at home for each, and the authority's list of them."""
    homes = {name: network.folder / "operators" / name for name in ACCOUNTS}
    for name, home in homes.items():
        home.mkdir(parents=True)
        two_people.new_operator(home, name, None)
    cards = [(home / two_people.CARD_FILE).read_bytes() for home in homes.values()]
    signers = network.authority.signers(network.network.holders)
    listed = network.folder / "operators.cbor"
    listed.write_bytes(two_people.sign_list(cards, 2, signers, network.network))
    return homes


@asynccontextmanager
async def day(folder: Path) -> AsyncIterator[Day]:
    """The scene, with traffic while it lasts."""
    network = GatewayNetwork(folder)
    await network.load()
    secret = folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    said = ("--home", str(network.home), "--operator", "the test", "--password-file", str(secret))
    for name, role in ACCOUNTS.items():
        await network.command("account", "add", name, "--role", role, *said)
    homes = _operators(network)
    await network.command("operator", "install", "--home", network.home, folder / "operators.cbor")
    await network.start()
    try:
        await open_operation(network)
        answered = await exchange(network, "BR", "AR")
        wrong = wire.encode_submission(network.query("BR", "AR", sub="no-such-operation"))
        _, refused = await network.submit("BR", wrong)
        urgent = wire.encode_submission(network.query("BR", "AR", urgency=Urgency.URGENT))
        _, silent = await network.submit("BR", urgent)
        await _set_aside(network)
        running = asyncio.create_task(_traffic(network))
        try:
            yield Day(network, refused, answered, silent, homes)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    finally:
        assert await network.stop() == 0
