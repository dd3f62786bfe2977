"""Connections of the HTTP link, and how those that fell silent are left behind.

A connection may stand half-open: the gateway or the network is gone, and nothing says so. Who asked over one waits for
a deadline. When it passes, every connection of the same pool is in doubt: what is asked from then on goes over a fresh
pool, and what is under way over the old one goes on until its own deadline. Once the fresh pool has brought an answer,
long polls over the old one are given up too. The kernel looks after idle connections by itself (keepalive).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
from aiohttp.connector import AddrInfoType

from bureaus.version import PRODUCT, VERSION

CONNECTIONS: Final = 12
"""Open connections of one pool; the gateway grants a link far more."""
CONNECT_SECONDS: Final = 10.0
"""Until there is a connection, TLS included."""
KEEPALIVE: Final = (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 20_000))
"""Seconds, seconds, probes; and milliseconds that bytes of ours may stay unconfirmed. Where the system has them."""


class Pool:
    """One session of aiohttp, and who uses it."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        connector = aiohttp.TCPConnector(ssl=tls, limit=CONNECTIONS, ttl_dns_cache=60, socket_factory=_socket)
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_connect=CONNECT_SECONDS)
        self.session = aiohttp.ClientSession(
            connector=connector,
            timeout=timeout,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"{PRODUCT}/{VERSION}"},
        )
        self.users = 0
        self.polls: set[asyncio.Timeout] = set()
        """Deadlines of the long polls under way."""


class Pools:
    """The pool that is asked over, and those before it that are still in use."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._pool: Pool | None = None
        self._doubted: set[Pool] = set()

    @asynccontextmanager
    async def request(
        self, seconds: float, *, poll: bool
    ) -> AsyncIterator[tuple[aiohttp.ClientSession, asyncio.Timeout]]:
        """A session for one request, and its deadline in so many seconds, which may be moved.

        Raises:
            TimeoutError: the deadline passed, or the poll was given up.
        """
        pool = self._pool = self._pool or Pool(self._tls)
        pool.users += 1
        deadline = asyncio.timeout(seconds)
        try:
            async with deadline:
                if poll:
                    pool.polls.add(deadline)
                yield pool.session, deadline
                self._answered(pool)
        finally:
            pool.polls.discard(deadline)
            pool.users -= 1
            if deadline.expired():
                self._doubt(pool)
            await self._leave(pool)

    async def aclose(self) -> None:
        """Close everything; whoever waits hears of it."""
        pools = [*self._doubted, *([self._pool] if self._pool else [])]
        self._doubted.clear()
        await asyncio.gather(*(pool.session.close() for pool in pools))

    def _doubt(self, pool: Pool) -> None:
        if pool is self._pool:
            self._doubted.add(pool)
            self._pool = None

    def _answered(self, pool: Pool) -> None:
        if pool is self._pool:
            now = asyncio.get_running_loop().time()
            for deadline in [deadline for old in self._doubted for deadline in old.polls]:
                if not deadline.expired():
                    deadline.reschedule(now)

    async def _leave(self, pool: Pool) -> None:
        if not pool.users and pool in self._doubted:
            self._doubted.discard(pool)
            await pool.session.close()


def _socket(address: AddrInfoType) -> socket.socket:
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE:
        option = getattr(socket, name, None)
        if isinstance(option, int):
            made.setsockopt(socket.IPPROTO_TCP, option, value)
    return made
