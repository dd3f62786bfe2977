"""The driver on a link: one `Bureau`, its user and what the user saw.

The user answers every query with the reply that `live.start` gave, and asks by `live.ask`. What arrived is kept here
until `live.take` fetches it; what was not fetched when the program ends was seen all the same.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import JsonValue

from bureaus import enrolment
from bureaus.client import Bureau, Exchange, Received
from bureaus.conformance.driver.given import Given
from bureaus.conformance.driver.reading import Shown
from bureaus.enrolment import REQUEST, write_file
from bureaus.settings import Limits
from bureaus.store import FILE, Store, identity
from schemas import cbor, messages
from schemas.codes import Purpose
from schemas.directory import Link, ParticipantKind
from schemas.enrolment import Request, sign_request
from schemas.errors import BureaunetError, Forbidden, Misuse
from schemas.identity import Address
from schemas.keys import SealingKey, SigningKey
from schemas.messages import Message

QUERY: Final = "whereabouts.query/1"
_LIMITS: Final = Limits(backoff_first_seconds=0.1, backoff_last_seconds=1.0, refresh_pause_seconds=0.0)


async def settle(given: Given) -> Path:
    """Make a home of the keys and files that are given, unless it is there; give its folder.

    Raises:
        Misuse: a key or file cannot be used.
    """
    home = Path(given.text("folder"))
    if (home / REQUEST).exists():
        return home
    await asyncio.to_thread(home.mkdir, mode=0o700, parents=True, exist_ok=True)
    address, link = Address.parse(given.text("address")), Link(given.text("link"))
    tls = serialization.load_pem_private_key(given.text("key").encode(), None)
    if not isinstance(tls, ec.EllipticCurvePrivateKey):
        raise Misuse("the link's key is an elliptic-curve key")
    signing, sealing = SigningKey(given.data("signing_seed")), SealingKey(given.data("seed"))
    now = time.time_ns() // 1_000_000
    kind, csr = ParticipantKind.NATIONAL_BUREAU, enrolment.make_csr(tls, address)
    asked = Request(address, kind, address, link, signing.public, sealing.public, (), csr, now // 1000)
    async with await Store.open(home / FILE) as store:
        await store.run(identity.add_keys, signing, sealing, now)
        values = {
            enrolment.ADDRESS: address.encode(),
            enrolment.KIND: kind.encode(),
            enrolment.NAME: address.encode(),
            enrolment.LINK: link.encode(),
            enrolment.UNITS: cbor.encode([]),
        }
        await store.run(identity.put, values)
    await asyncio.to_thread(write_file, home / enrolment.LINK_KEY, given.text("key").encode(), 0o600)
    await asyncio.to_thread(write_file, home / REQUEST, sign_request(asked, signing), 0o644)
    await enrolment.complete(
        home,
        network=given.data("network"),
        certificate=given.text("certificate").encode(),
        authority=given.text("authority").encode(),
        gateway=given.text("gateway"),
        broker=given.text("broker"),
    )
    return home


class Living:
    """A bureau on a link, or none yet."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._bureau: Bureau | None = None
        self._reply: Message | None = None
        self._seen: list[JsonValue] = []
        self._news = asyncio.Event()
        self._listening: set[asyncio.Task[None]] = set()
        self._asked: list[Exchange] = []
        self._told: set[int] = set()
        """Places of the attestations that the user was told of."""

    async def start(self, given: Given) -> Shown:
        """Begin, as `live.start` says."""
        if self._bureau is not None:
            raise Misuse("a bureau runs already")
        reply = given.object("reply")
        self._reply = _message(str(reply.get("kind")), reply.get("content"))
        bureau = Bureau.open(await settle(given), limits=_LIMITS)
        bureau.on(QUERY)(self._answer)
        self._bureau = await self._stack.enter_async_context(bureau)
        self._listen(self._others())
        return {}

    async def stop(self, _given: Given) -> Shown:
        """End, as `live.stop` says; without a bureau there is nothing to end."""
        for task in self._listening:
            task.cancel()
        await asyncio.gather(*self._listening, return_exceptions=True)
        self._listening, self._seen, self._asked, self._bureau = set(), [], [], None
        with suppress(BureaunetError):  # what its background work failed for was said where it was asked
            await self._stack.aclose()
        return {}

    async def ask(self, given: Given) -> Shown:
        """Send a query, as `live.ask` says."""
        message = _message(given.text("kind"), given.object("content"))
        to, purpose = given.texts("to"), Purpose(given.text("purpose"))
        exchange = await self._open.ask(message, to=to, operation=given.text("operation"), purpose=purpose)
        plain: dict[str, JsonValue] = {"digest": exchange.digest.hex(), "accepted": True, "reason": None}
        try:
            accepted = await exchange.accepted(given.number("seconds"))
        except Forbidden as refusal:
            return {**plain, "accepted": False, "index": None, "reason": str(refusal.reason)}
        self._asked.append(exchange)
        self._listen(self._responses(exchange))
        return {**plain, "digest": exchange.digest.hex(), "index": accepted.index}

    async def take(self, given: Given) -> Shown:
        """What the user saw, as `live.take` says."""
        attested = await self._attested()
        if not self._seen and not attested:
            self._news.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), given.number("seconds"))
        seen, self._seen = self._seen, []
        return {"messages": seen, "attested": attested}

    async def _attested(self) -> list[JsonValue]:
        """What the gateway attests of our questions and was not told yet."""
        rows: list[JsonValue] = []
        for exchange in self._asked:
            for said in await exchange.attestations():
                if said.index not in self._told:
                    self._told.add(said.index)
                    rows.append({"event": str(said.event), "query": said.query.hex(), "asked": str(said.asked)})
        return rows

    async def refresh(self, _given: Given) -> Shown:
        """Fetch and verify anew."""
        await self._open.refresh()
        return {}

    async def prove(self, given: Given) -> Shown:
        """Prove a message of ours."""
        exchange = await self._open.exchange(given.data("digest"))
        proven = await exchange.proof(given.number("seconds"))
        return {"index": proven.index}

    @property
    def _open(self) -> Bureau:
        if self._bureau is None:
            raise Misuse("no bureau was started")
        return self._bureau

    def _listen(self, what: Coroutine[None, None, None]) -> None:
        self._listening.add(asyncio.create_task(what))

    async def _answer(self, received: Received) -> None:
        self._see(received)
        if self._reply is not None:
            await received.answer(self._reply)

    async def _others(self) -> None:
        async for received in self._open.inbox():
            self._see(received)

    async def _responses(self, exchange: Exchange) -> None:
        async for received in exchange.responses():
            self._see(received)

    def _see(self, received: Received) -> None:
        self._seen.append(
            {
                "digest": received.digest.hex(),
                "from": str(received.sender),
                "kind": received.kind,
                "re": None if received.header.re is None else received.header.re.hex(),
                "content": received.message.model_dump(mode="json", exclude_none=True, exclude_defaults=True),
            }
        )
        self._news.set()


def _message(kind: str, content: JsonValue) -> Message:
    return messages.decode(kind, json.dumps(content).encode())
