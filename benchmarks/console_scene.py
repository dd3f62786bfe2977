"""A gateway process on PostgreSQL with so many exchanges, and a reader of its console, for measuring.

Order of work: start a gateway and have it decide the first real exchanges -> at rest, fill in the others
(benchmarks/console_rows.py) -> start it, have it decide the last real ones, wait for its integrator -> sign in.
Real are the ends alone: their pages are opened, among all the others.
"""

from __future__ import annotations

import asyncio
import http.client
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urlsplit

import aiohttp
import asyncpg

from benchmarks.console_rows import Filled, fill
from bureaus.sandbox.postgres import Postgres
from schemas import wire
from schemas.codes import Answer, Handling, Purpose
from schemas.envelope import Envelope
from schemas.identity import Address
from schemas.operation import Member, Operation, Phase, Role, sign_operation
from tests.integration.gateway_network import MEMBERS, OPERATION, QUERY, GatewayNetwork

RESPONSE: Final = "whereabouts.response/1"
NOBODY: Final = "no-such-operation"
BUREAUS: Final = ("BR", "AR", "CL", "CO", "EC", "GY", "PE", "PY", "SR", "UY", "VE")
"""Whom exchanges that are filled in are between: of the first two, those that are real."""
REAL: Final = 500
"""Exchanges of the ends, in all."""
ACCOUNT: Final = "ada"
PASSWORD: Final = "synthetic operators only"  # noqa: S105  # of an account that lives as long as the measurement
AT_ONCE: Final = 8
_SETTINGS: Final = """\
[pipeline]
link_per_minute = 1000000
bureau_per_minute = 1000000
[chores]
integrate_items = 200000
integrate_milliseconds = 10
"""
_TOKEN: Final = re.compile(r'name="token" value="([0-9a-f]{64})"')
_COVERED: Final = "SELECT max(size) >= (SELECT next FROM log_seq) FROM checkpoint"
_WITHIN: Final = 900.0
"""Seconds for the integrator."""


@dataclass
class Scene:
    """The gateway, and who reads."""

    network: GatewayNetwork
    exchanges: int
    filled: Filled | None = None
    opened: list[str] = field(default_factory=list)
    """Digests of queries that have an answer, in hexadecimal: of both ends."""
    reader: Reader | None = None


class Reader:
    """One who is signed in to the console, on one connection."""

    def __init__(self, home: str) -> None:
        where = urlsplit(home)
        self._connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
        self._cookies: dict[str, str] = {}

    def sign_in(self) -> None:
        """Sign in, as the form has it."""
        status, page = self._ask("GET", "/console/sign-in")
        found = _TOKEN.search(page.decode())
        assert status == 200 and found is not None, "no form to sign in"  # noqa: S101, PT018  # of ours
        form = urlencode({"token": found[1], "name": ACCOUNT, "password": PASSWORD})
        status, _ = self._ask("POST", "/console/sign-in", form)
        assert status == 303, f"not signed in: {status}"  # noqa: S101  # of ours

    def rest(self) -> None:
        """Close the connection: the next request opens another. One that is idle for long is closed by the server."""
        self._connection.close()

    def milliseconds(self, path: str) -> float:
        """How long the console took to give a page, to its last byte."""
        begun = time.perf_counter()
        status, page = self._ask("GET", f"/console{path}")
        took = (time.perf_counter() - begun) * 1000
        assert status == 200, f"{path}: {status}\n{page[-400:].decode(errors='replace')}"  # noqa: S101  # of ours
        return took

    def page(self, path: str) -> str:
        """A page."""
        return self._ask("GET", f"/console{path}")[1].decode()

    def _ask(self, method: str, path: str, form: str | None = None) -> tuple[int, bytes]:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, path, form, headers)
        answer = self._connection.getresponse()
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, _, rest = line.partition("=")
            self._cookies[name] = rest.partition(";")[0]
        return answer.status, answer.read()


@asynccontextmanager
async def scene(folder: Path, server: Postgres, exchanges: int) -> AsyncIterator[Scene]:
    """A gateway with so many exchanges, `REAL` of them at the ends, for as long as the block lasts."""
    url = await server.create_database(f"console_{exchanges}")
    network = GatewayNetwork(folder)
    network.said = {"BUREAUNET_DATABASE_URL": url}
    (network.home / "gateway.toml").write_text(_SETTINGS)
    await network.load()
    secret = folder / "password"
    secret.touch(0o600)
    secret.write_text(PASSWORD)
    role = ("--role", "security-officer", "--password-file", secret)
    await network.command("account", "add", ACCOUNT, *role, "--home", network.home, "--operator", "benchmark")
    made = Scene(network, exchanges)
    await network.start()
    await _open_operation(network)
    made.opened += await _traffic(network, REAL // 2)
    await network.stop()
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        made.filled = await fill(connection, exchanges - REAL, OPERATION, list(BUREAUS))
        await network.start()
        try:
            made.opened += await _traffic(network, REAL // 2)
            await _signed(connection)
            made.reader = Reader(network.operators)
            made.reader.sign_in()
            yield made
        finally:
            await network.stop()
    finally:
        await connection.close()


async def _open_operation(network: GatewayNetwork) -> None:
    members = tuple(
        Member(Address(name), Role.OWNER if name == "IPSG" else Role.PARTICIPANT, network.now - 60) for name in MEMBERS
    )
    operation = Operation(
        id=OPERATION,
        version=1,
        previous=None,
        time=network.now,
        name="Benchmark",
        owner=Address("IPSG"),
        phase=Phase.ACTIVE,
        members=members,
        kinds=(QUERY, RESPONSE),
        purposes=(Purpose.ARREST,),
        handling=(Handling.H0,),
    )
    body = sign_operation(operation, network.network.id, network.bureaus["IPSG"].signing)
    async with network.client("IPSG") as client, client.post(wire.OPERATIONS, data=body) as response:
        assert response.status == 204, await response.text()  # noqa: S101  # of ours


async def _traffic(network: GatewayNetwork, exchanges: int) -> list[str]:
    """That many exchanges between the two real bureaus, of every sort: digests of those with an answer."""
    async with network.client("BR") as asking, network.client("AR") as asked:
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> str | None:
            async with slots:
                return await _exchange(network, asking, asked, number)

        found = await asyncio.gather(*map(one, range(exchanges)))
    return [digest for digest in found if digest is not None]


async def _exchange(
    network: GatewayNetwork, asking: aiohttp.ClientSession, asked: aiohttp.ClientSession, number: int
) -> str | None:
    if number % 50 == 0:
        await _send(asking, network.query("BR", "AR", sub=NOBODY), 422)
        return None
    query = network.query("BR", "AR")
    await _send(asking, query)
    if number % 25 == 2:  # nobody acknowledges it
        return None
    await _acknowledge(network, asked, "AR", query)
    if number % 2 == 0:
        return None
    opened = query.digest
    answer = network.query("AR", "BR", kind=RESPONSE, thread=opened, re=opened, answer=Answer.FINAL)
    await _send(asked, answer)
    await _acknowledge(network, asking, "BR", answer)
    return query.digest.hex()


async def _send(client: aiohttp.ClientSession, envelope: Envelope, status: int = 200) -> None:
    async with client.post(wire.MESSAGES, data=wire.encode_submission(envelope)) as response:
        assert response.status == status, f"{response.status}: {await response.read()!r}"  # noqa: S101  # of ours


async def _acknowledge(network: GatewayNetwork, client: aiohttp.ClientSession, name: str, sent: Envelope) -> None:
    async with client.post(wire.EVIDENCE, data=network.acknowledgement(name, sent.digest)) as response:
        assert response.status < 300, await response.text()  # noqa: S101  # of ours


async def _signed(connection: asyncpg.Connection) -> None:
    """Wait until a checkpoint covers all that was decided."""
    async with asyncio.timeout(_WITHIN):
        while not await connection.fetchval(_COVERED):  # noqa: ASYNC110  # the database tells nobody
            await asyncio.sleep(0.2)
