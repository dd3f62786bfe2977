"""The management API of RabbitMQ (plugin rabbitmq_management), read by a user with the tag `monitoring` alone.

Order of work: overview, nodes, queues, connections, each with the columns that are shown. Rules: an answer is bounded
in time and size; queues and connections beyond `MOST` are left out, and that is said; one look serves everyone who
looks within `FRESH` seconds; no password and no answer goes to a log.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from ssl import SSLContext, create_default_context
from typing import Final
from urllib.parse import quote, urlencode

import aiohttp
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.broker import VHOST
from gateway.ports_broker import Connection, Look, Node, Queue
from gateway.settings import Management as Settings
from schemas.errors import Misuse, Reason, Unavailable

FRESH: Final = 5.0
SECONDS: Final = 5.0
MOST: Final = 500
"""The API gives so many rows in one page."""
_LARGEST: Final = 16 * 1024 * 1024


class _Said(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Overview(_Said):
    rabbitmq_version: str = ""


class _Node(_Said):
    name: str
    running: bool = False
    mem_alarm: bool = False
    disk_free_alarm: bool = False
    mem_used: int = 0
    mem_limit: int = 0
    disk_free: int | str = 0
    disk_free_limit: int = 0
    uptime: int = 0
    partitions: list[str] = []

    def node(self) -> Node:
        named = ((self.mem_alarm, "memory"), (self.disk_free_alarm, "disk"), (bool(self.partitions), "partition"))
        free = self.disk_free if isinstance(self.disk_free, int) else 0
        alarms = tuple(word for rings, word in named if rings)
        memory = self.mem_used, self.mem_limit
        return Node(self.name, self.running, alarms, *memory, free, self.disk_free_limit, self.uptime)


class _Queue(_Said):
    name: str
    messages_ready: int = 0
    messages_unacknowledged: int = 0
    consumers: int = 0
    message_bytes: int = 0
    state: str = ""
    members: list[str] = []
    online: list[str] = []

    def queue(self) -> Queue:
        depth = self.messages_ready, self.messages_unacknowledged, self.consumers, self.message_bytes
        return Queue(self.name, *depth, self.state, len(self.members), len(self.online))


class _Properties(_Said):
    product: str = ""
    version: str = ""
    connection_name: str = ""


class _Connection(_Said):
    user: str = ""
    name: str = ""
    node: str = ""
    state: str = "unknown"
    channels: int = 0
    connected_at: int = 0
    client_properties: _Properties = Field(default_factory=_Properties)
    peer_cert_validity: str | None = None
    """`BEGIN - END`, RFC 3339."""

    def until(self) -> int | None:
        _, _, end = (self.peer_cert_validity or "").partition(" - ")
        try:
            return round(datetime.fromisoformat(end).timestamp())
        except ValueError:
            return None

    def connection(self) -> Connection:
        said = self.client_properties
        program = f"{said.product} {said.version}".strip()[:80]
        peer = self.name.partition(" ->")[0]
        link = self.node, self.state, self.channels, self.connected_at
        return Connection(self.user, peer, *link, program, self.until())


class _Queues(_Said):
    items: list[_Queue]
    page_count: int = 1


class _Connections(_Said):
    items: list[_Connection]
    page_count: int = 1


class _Nodes(_Said):
    items: list[_Node]


class BrokerManagement:
    """A `gateway.ports_broker.BrokerLooks` over HTTP."""

    def __init__(self, settings: Settings, authority: Path) -> None:
        """`authority` is the network's certificate, which an https URL is checked with.

        Raises:
            Misuse: the password's file, or the authority's, cannot be read.
        """
        self._url = settings.url.rstrip("/")
        self._login = aiohttp.encode_basic_auth(settings.user, settings.password)
        self._tls: SSLContext | bool = True
        if self._url.startswith("https:"):
            try:
                self._tls = create_default_context(cafile=authority)
            except (OSError, ValueError) as error:
                raise Misuse(f"the broker's authority cannot be read: {type(error).__name__}") from None
        self._lock = asyncio.Lock()
        self._at = 0.0
        self._found: Look | Unavailable = Unavailable(Reason.UNREACHABLE, "the broker was not asked yet")

    async def look(self) -> Look:
        """As the port says."""
        async with self._lock:
            if not self._at or time.monotonic() - self._at > FRESH:
                try:
                    self._found = await self._look()
                except Unavailable as error:
                    self._found = error
                self._at = time.monotonic()
            if isinstance(self._found, Unavailable):
                raise self._found
            return self._found

    async def _look(self) -> Look:
        timeout, headers = aiohttp.ClientTimeout(total=SECONDS), {"Authorization": self._login}
        try:
            async with aiohttp.ClientSession(timeout=timeout, headers=headers) as client:
                overview = _Overview.model_validate_json(await self._get(client, "overview", "rabbitmq_version"))
                found = b'{"items":' + await self._get(client, "nodes", ",".join(_Node.model_fields)) + b"}"
                nodes = _Nodes.model_validate_json(found)
                vhost = quote(VHOST, safe="")
                queues = _Queues.model_validate_json(await self._page(client, f"queues/{vhost}", _Queue.model_fields))
                links = _Connections.model_validate_json(
                    await self._page(client, "connections", _Connection.model_fields)
                )
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unavailable(Reason.UNREACHABLE, f"the broker's management does not answer ({_name(error)})") from None
        except ValidationError:
            raise Unavailable(Reason.UNREACHABLE, "the broker's management answers in another form") from None
        return Look(
            overview.rabbitmq_version,
            tuple(sorted((one.node() for one in nodes.items), key=lambda one: one.name)),
            tuple(sorted((one.queue() for one in queues.items), key=lambda one: (-one.ready, one.name))),
            tuple(sorted((one.connection() for one in links.items), key=lambda one: (one.user, one.peer))),
            cut=max(queues.page_count, links.page_count) > 1,
        )

    async def _page(self, client: aiohttp.ClientSession, path: str, fields: Sequence[str] | object) -> bytes:
        names = ",".join(fields) if isinstance(fields, dict) else ""
        return await self._get(client, path, names, page="1", page_size=str(MOST), pagination="true")

    async def _get(self, client: aiohttp.ClientSession, path: str, columns: str, **more: str) -> bytes:
        query = urlencode({"columns": columns, **more})
        async with client.get(f"{self._url}/api/{path}?{query}", ssl=self._tls, allow_redirects=False) as answer:
            if answer.status != 200:
                raise Unavailable(Reason.UNREACHABLE, f"the broker's management answers {answer.status} to {path}")
            body = await answer.content.read(_LARGEST + 1)
            while len(body) <= _LARGEST and (piece := await answer.content.read(_LARGEST)):
                body += piece
        if len(body) > _LARGEST:
            raise Unavailable(Reason.UNREACHABLE, "the broker's management says too much")
        return body


def _name(error: BaseException) -> str:
    return type(error).__name__
