"""Three private RabbitMQ nodes on loopback as one cluster, each a `Broker` that can be killed and started again.

Order: one port mapper and one cookie for all; the first node, then the others, which join it; only then the
definitions, so that every quorum queue has a member on each node. On leaving, all end and their folders go.

A node that comes back finds its place by itself. Two nodes of three are enough for queues to go on; with one they wait.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bureaus.sandbox.pki import TlsFiles
from bureaus.sandbox.process import Process, accepts, free_port
from bureaus.sandbox.rabbitmq import Broker, epmd
from schemas.errors import Misuse

NODES: Final = 3
_JOIN: Final = """\
cluster_formation.peer_discovery_backend = classic_config
cluster_formation.randomized_startup_delay_range.min = 0
cluster_formation.randomized_startup_delay_range.max = 1
cluster_partition_handling = pause_minority
"""


class Node(Broker):
    """One node of a cluster."""

    def __init__(self, definitions: Path, tls: TlsFiles, name: str, first: str, cookie: str, mapper: int) -> None:
        super().__init__(definitions, tls, node=name)
        self._first = first
        self._cookie = cookie
        self._mapper_port = mapper
        self._loaded = False

    def loaded(self) -> None:
        """The cluster has its definitions: from now on a start looks whether the node has them too."""
        self._loaded = True
        self._provisioned_at = time.monotonic()

    def _more_configuration(self) -> str:
        return f"{_JOIN}cluster_formation.classic_config.nodes.1 = {self._first}\n"

    def _write_files(self, folder: Path) -> None:
        super()._write_files(folder)
        cookie = folder / ".erlang.cookie"
        cookie.chmod(0o600)
        cookie.write_text(self._cookie, "ascii")
        cookie.chmod(0o400)

    async def _start_mapper(self, folder: Path) -> None:
        """The cluster's own is there already."""

    async def _must_hold(self, path: Path) -> None:
        if self._loaded:
            await super()._must_hold(path)


class Cluster:
    """`async with Cluster(definitions, tls) as cluster`."""

    def __init__(self, definitions: Path, tls: TlsFiles) -> None:
        self._definitions = definitions
        self._tls = tls
        self._stack = AsyncExitStack()
        self.nodes: tuple[Node, ...] = ()

    async def __aenter__(self) -> Self:
        """Start everything. Raises Misuse without the package, Unavailable if a node fails."""
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything."""
        await self._stack.aclose()

    @property
    def url(self) -> str:
        """The nodes' URLs, separated by commas."""
        return ",".join(f"amqps://127.0.0.1:{node.port}" for node in self.nodes)

    async def leader(self, queue: str) -> Node:
        """The node that leads a queue. Raises Misuse where none does."""
        for asked in self._running():
            for row in await asked.queues("name", "leader"):
                if row["name"] == queue:
                    return next(node for node in self.nodes if node.node == row["leader"])
        raise Misuse(f"nobody leads {queue}")

    def _running(self) -> Sequence[Node]:
        return [node for node in self.nodes if node.process.running]

    async def _start(self) -> None:
        names = [f"sandbox{number}@localhost" for number in range(1, NODES + 1)]
        cookie, port = secrets.token_hex(20), free_port()
        self.nodes = tuple(Node(self._definitions, self._tls, name, names[0], cookie, port) for name in names)
        mapper = epmd(port, Path(self._tls.certificate).with_name("epmd.log"))
        mapper.start()
        self._stack.push_async_callback(_stop, mapper)
        await mapper.ready(lambda: accepts(port), within=10.0)
        first, *others = self.nodes
        await self._stack.enter_async_context(first)
        await asyncio.gather(*(self._stack.enter_async_context(node) for node in others))
        await first.import_definitions(self._definitions)
        for node in self.nodes:
            node.loaded()


async def _stop(mapper: Process) -> None:
    if mapper.running:
        await mapper.stop()
