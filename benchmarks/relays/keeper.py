"""An aiohttp handler over mutual TLS that stores what it is sent, durably, and answers with its hash.

    keeper.py PORT DATABASE CA CERTIFICATE KEY

Requests that come while a transaction is being committed share the next one. Says "ready" when it serves.
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
    """Stores bodies, many in one transaction."""

    def __init__(self, database: str) -> None:
        self._path = database
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._more = asyncio.Event()

    async def keep(self) -> None:
        """Commit what waits, without end."""
        database = await asyncio.to_thread(self._open)
        while True:
            await self._more.wait()
            self._more.clear()
            some, self._waiting = self._waiting, []
            await asyncio.to_thread(self._commit, database, [body for body, _ in some])
            for _, done in some:
                done.set_result(None)

    async def post(self, request: web.Request) -> web.Response:
        """Store one body."""
        body = await request.read()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((body, done))
        self._more.set()
        await done
        return web.Response(body=hashlib.sha256(body).digest())

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE IF NOT EXISTS kept (digest BLOB PRIMARY KEY, body BLOB NOT NULL)")
        return database

    def _commit(self, database: sqlite3.Connection, bodies: list[bytes]) -> None:
        rows = [(hashlib.sha256(body).digest(), body) for body in bodies]
        database.execute("BEGIN IMMEDIATE")
        database.executemany("INSERT OR IGNORE INTO kept VALUES (?, ?)", rows)
        database.execute("COMMIT")


async def main(port: int, database: str, authority: str, certificate: str, key: str) -> None:
    """Serve until told to stop."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority)
    tls.load_cert_chain(certificate, key)
    tls.verify_mode = ssl.CERT_REQUIRED
    keeper = Keeper(database)
    application = web.Application(client_max_size=2**24)
    application.router.add_post("/v1/messages", keeper.post)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls).start()
    print("ready", flush=True)
    await keeper.keep()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), *sys.argv[2:]))
