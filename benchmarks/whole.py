"""Whole exchanges: a query sealed, admitted, recorded, opened and acknowledged, and its answer likewise."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from benchmarks.ground import OWNER, QUERY, RESPONSE, Ground, Pace, posts
from gateway.adapters.memory import ListWatcher, MemoryStore
from gateway.app import SystemClock
from gateway.exchange import Exchange
from gateway.ports import Submission
from gateway.service import open_service
from gateway.settings import Pipeline
from schemas import envelope, wire
from schemas.claims import Head
from schemas.directory import Use
from schemas.envelope import Envelope
from schemas.evidence import Acknowledgement, Outcome, sign_acknowledgement
from schemas.identity import Address
from schemas.merkle import EMPTY
from schemas.receipts import read_acceptance
from schemas.wire import ItemType

IN_FLIGHT: Final = 16
ENTRIES_OF_A_MESSAGE, ENTRIES_OF_A_HANDOVER = 2, 1
Sent = list[tuple[Address, Envelope]]


def recipient_of(sent: Envelope) -> Address:
    """The one recipient of an envelope."""
    return envelope.read(sent.statement).header.aud[0]


def acknowledgement(made: Ground, sent: Envelope, by: Address) -> bytes:
    """The signed acknowledgement of an envelope."""
    said = Acknowledgement(by, sent.digest, Outcome.PROCESSED, int(time.time()), made.network.id, Head(0, EMPTY))
    return sign_acknowledgement(said, made.keys[by].signing[0])


async def through_network(made: Ground, count: int) -> Pace:
    """So many exchanges through one gateway process, each step from filled queues; the ends' work was done before."""
    queries = made.queries(count)
    answers: Sent = []
    for sender, query in queries:
        by = recipient_of(query)
        answers.append((by, made.seal(by, sender, RESPONSE, query)))
    seconds = cpu = 0.0
    for sent in (queries, answers):
        await made.empty()
        handed = [(recipient_of(one), one) for _, one in sent]
        evidence = [(by, ItemType.EVIDENCE, acknowledgement(made, one, by)) for by, one in handed]
        for step, entries in (
            (list(posts(sent)), ENTRIES_OF_A_MESSAGE),
            (evidence, ENTRIES_OF_A_HANDOVER),
        ):
            await made.load(step)
            pace = await made.drained(count, entries)
            seconds, cpu = seconds + 1 / pace.rate, cpu + pace.cpu
    return Pace(1 / seconds, cpu)


@dataclass(slots=True)
class InOneProcess:
    """A pipeline on a store in memory, and both ends, all in this process."""

    made: Ground
    exchange: Exchange

    @classmethod
    async def start(cls, made: Ground, operation: bytes) -> InOneProcess:
        """Begin, with the network's own directory and operation."""
        service = open_service(made.running.gateway_home)
        lifted = 10**9
        limits = Pipeline(
            link_per_minute=lifted, bureau_per_minute=lifted, bureau_bytes_per_minute=lifted, linger_milliseconds=0
        )
        exchange = Exchange(
            store=MemoryStore(),
            network=made.network,
            signer=service.acceptance,
            clock=SystemClock(),
            watcher=ListWatcher(),
            limits=limits,
        )
        await exchange.start()
        await exchange.publish_directory((made.running.network_file.parent / "directory.cbor").read_bytes())
        await exchange.publish_operation(OWNER, operation)
        return cls(made, exchange)

    async def rate(self, count: int) -> float:
        """Exchanges a second."""
        left = count

        async def one_after_another() -> None:
            nonlocal left
            first, second = self.made.bureaus[:2]
            while left > 0:
                left -= 1
                query = await self._send(first, second, QUERY)
                await self._send(second, first, RESPONSE, query)

        begun = time.perf_counter()
        await asyncio.gather(*(one_after_another() for _ in range(IN_FLIGHT)))
        return count / (time.perf_counter() - begun)

    async def _send(self, sender: Address, recipient: Address, kind: str, opened: Envelope | None = None) -> Envelope:
        """One message: sealed, submitted, its receipt checked, opened, acknowledged."""
        made = self.made
        sent = made.seal(sender, recipient, kind, opened)
        outcome = await self.exchange.submit(Submission(sender, wire.encode_submission(sent), _now()))
        keys = dict(made.directory.service_keys(Use.ACCEPTANCE))
        for _ in (sender, recipient):
            if not read_acceptance(outcome.receipt, made.network.id, keys).accepted:
                raise RuntimeError(str(outcome.reason))
        statement = envelope.read(sent.statement)
        known = made.directory.signing(statement.key_id)
        assert known is not None and sent.sealed is not None  # noqa: S101, PT018  # it was sealed above
        statement.verify(known[1].key)
        found = envelope.open_sealed(statement, sent.sealed, made.keys[recipient].sealing[0])
        envelope.check_commitment(statement.header, found)
        await self.exchange.evidence(recipient, acknowledgement(made, sent, recipient))
        return sent

    async def stop(self) -> None:
        """End."""
        await self.exchange.stop()


def _now() -> int:
    return time.time_ns() // 1_000_000
