"""A console on a store in memory, on a real listener: for tests of its pages."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.adapters.memory import MemoryCosignatures, MemoryStore, MemoryTree
from gateway.adapters.memory.accounts import MemoryAccounts
from gateway.adapters.memory.console import MemorySightings
from gateway.adapters.memory.looks import MemoryApprovals, MemoryLooks
from gateway.approvals import Requests
from gateway.console.desk import Desk
from gateway.console.routes import Console
from gateway.exchange import Exchange
from gateway.openid import Issuer
from gateway.passwords import hashed
from gateway.ports_broker import BrokerLooks
from gateway.ports_console import Account, AccountRole
from gateway.settings import Console as Limits
from gateway.witnesses import Policies
from tests.support import World

PASSWORD = "a synthetic password"  # noqa: S105  # of accounts that live as long as a test
KEPT = hashed(PASSWORD)
TOKEN = re.compile(r'name="token" value="([0-9a-f]{64})"')


def token_of(page: str) -> str:
    """The token of the first form of a page."""
    found = TOKEN.search(page)
    assert found is not None, page
    return found[1]


@dataclass
class Scene:
    """The console, who it knows, and the world that it shows."""

    world: World
    exchange: Exchange
    desk: Desk
    console: Console
    accounts: MemoryAccounts
    server: TestServer
    clients: list[TestClient[web.Request, web.Application]] = field(default_factory=list)

    async def browser(self) -> TestClient[web.Request, web.Application]:
        """Somebody's browser, with cookies of its own."""
        client = TestClient(self.server, cookie_jar=aiohttp.CookieJar(unsafe=True))
        self.clients.append(client)
        return client

    async def sign_in(
        self, name: str, password: str = PASSWORD, client: TestClient[web.Request, web.Application] | None = None
    ) -> tuple[TestClient[web.Request, web.Application], int]:
        """A browser in which someone tried to sign in, and the status of the answer."""
        browser = client or await self.browser()
        form = await (await browser.get("/console/sign-in")).text()
        data = {"token": token_of(form), "name": name, "password": password}
        answer = await browser.post("/console/sign-in", data=data, allow_redirects=False)
        return browser, answer.status


@asynccontextmanager
async def console(
    limits: Limits | None = None, issuer: Issuer | None = None, broker: BrokerLooks | None = None
) -> AsyncIterator[Scene]:
    """The console of a world with an account for each role, named as the role."""
    world, store = World(), MemoryStore()
    tree = MemoryTree(store)
    accounts, sightings = MemoryAccounts(), MemorySightings(store)
    for role in AccountRole:
        await accounts.add_account(Account(str(role), role, KEPT, world.clock.now()))
    async with world.gateway(store) as exchange:
        places: list[str] = []
        desk = Desk(
            network=world.network,
            accounts=accounts,
            sightings=sightings,
            looks=MemoryLooks(store),
            requests=Requests(Path("nowhere"), store, MemoryApprovals(store), world.clock, world.network, lambda: None),
            store=store,
            tree=tree,
            ledger=world.ledger(tree),
            policies=Policies(store, world.network),
            cosignatures=MemoryCosignatures(tree),
            trust=lambda: exchange.trust,
            checks={"store": store.ping},
            refusals=(),
            clock=world.clock,
            watcher=world.watcher,
            limits=limits or Limits(),
            pipeline=exchange,
            place=lambda: places[0],
            issuer=issuer,
            broker=broker,
            broker_address="" if broker is None else "broker.test.invalid:5671",
        )
        made = Console(desk)
        application = web.Application()
        made.mount(application)
        server = TestServer(application)
        async with server:
            places.append(str(server.make_url("")).rstrip("/"))
            scene = Scene(world, exchange, desk, made, accounts, server)
            yield scene
            made.stop()
            for client in scene.clients:
                await client.close()
