"""An aiohttp handler over mutual TLS that stores what it is sent, durably, and answers with its hash.

    keeper.py PORT DATABASE CA CERTIFICATE KEY each|grouped

`each` commits a transaction for each request, as one writes it first; with `grouped` requests that come while one is
being committed share the next. Says "ready" when it serves.
"""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import ssl
import sys

import uvloop
from aiohttp import web


class Keeper:
    """Stores bodies."""

    def __init__(self, database: str, *, grouped: bool) -> None:
        self._grouped = grouped
        self._database = self._open(database)
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._more = asyncio.Event()
        self._turn = asyncio.Lock()

    async def keep(self) -> None:
        """Commit what waits, without end."""
        while True:
            await self._more.wait()
            self._more.clear()
            some, self._waiting = self._waiting, []
            await asyncio.to_thread(self._commit, [body for body, _ in some])
            for _, done in some:
                done.set_result(None)

    async def post(self, request: web.Request) -> web.Response:
        """Store one body."""
        body = await request.read()
        if self._grouped:
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((body, done))
            self._more.set()
            await done
        else:
            async with self._turn:
                await asyncio.to_thread(self._commit, [body])
        return web.Response(body=hashlib.sha256(body).digest())

    @staticmethod
    def _open(path: str) -> sqlite3.Connection:
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE IF NOT EXISTS kept (digest BLOB PRIMARY KEY, body BLOB NOT NULL)")
        return database

    def _commit(self, bodies: list[bytes]) -> None:
        rows = [(hashlib.sha256(body).digest(), body) for body in bodies]
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany("INSERT OR IGNORE INTO kept VALUES (?, ?)", rows)
        self._database.execute("COMMIT")


async def main(port: int, database: str, authority: str, certificate: str, key: str, way: str) -> None:
    """Serve until told to stop."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority)
    tls.load_cert_chain(certificate, key)
    tls.verify_mode = ssl.CERT_REQUIRED
    keeper = Keeper(database, grouped=way == "grouped")
    application = web.Application(client_max_size=2**24)
    application.router.add_post("/v1/messages", keeper.post)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls).start()
    print("ready", flush=True)
    await keeper.keep()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), *sys.argv[2:]))
