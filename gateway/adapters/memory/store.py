"""The shipped fake of the store. It keeps the rules of the real one and passes the same contract tests.

A transaction works on the state itself and puts a copy back when it fails; transactions run one at a time.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from gateway.adapters.memory.clocks import Clocks, MemoryClockReads
from gateway.adapters.memory.state import Copy, MemoryTransaction, State
from gateway.ports import (
    CopyKey,
    Decided,
    Leaf,
    MessageRow,
    NewMessage,
    Owed,
    Pending,
    Placed,
    Quarantined,
    Spent,
    ThreadFacts,
    Waiting,
)
from gateway.ports_facts import Asked, Known
from schemas.directory import Link
from schemas.envelope import Envelope
from schemas.errors import Reason, Unavailable
from schemas.identity import Address
from schemas.wire import INLINE_RECIPIENTS

_DOUBLINGS: Final = 3
"""A lease doubles so many times at most."""


class MemoryStore(MemoryClockReads):
    """A `ports.Store` in memory. While `down` is true it cannot serve, as a database that went away."""

    def __init__(self) -> None:
        self.down = False
        self._state = State()
        self._lock = asyncio.Lock()

    def _up(self) -> State:
        if self.down:
            raise Unavailable(Reason.STORE, "the store is down")
        return self._state

    def _kept(self) -> Clocks:
        return self._up().clocks

    @property
    def state(self) -> State:
        """What is kept, for other fakes to read."""
        return self._up()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[MemoryTransaction]:
        """As the port says."""
        async with self._lock:
            before = self._up().snapshot()
            try:
                yield MemoryTransaction(self._state)
                self._up()
            except BaseException:
                self._state = before
                raise

    async def known(self, asked: Asked) -> Known:
        """As the port says."""
        state = self._up()
        messages, found = state.messages, {one: state.receipts[one] for one in asked.digests if one in state.receipts}
        spent = ((bureau, state.spent.get(bureau)) for bureau in asked.bureaus)
        return Known(
            len(state.entries),
            {one: Decided(receipt, index, messages[one].accepted) for one, (index, receipt) in found.items()},
            {key: state.ids[key] for key in asked.ids if key in state.ids},
            {one: _thread(messages[one]) for one in asked.named if one in messages and messages[one].accepted},
            [Spent(bureau, *row[1:]) for bureau, row in spent if row is not None and row[0] == asked.minute],
        )

    async def message(self, digest: bytes) -> MessageRow | None:
        """As the port says."""
        state = self._up()
        message, receipt = state.messages.get(digest), state.receipts.get(digest)
        return None if message is None or receipt is None else _row(message, *receipt)

    async def messages(self, digests: Sequence[bytes], max_bytes: int) -> Mapping[bytes, MessageRow]:
        """As the port says."""
        state = self._up()
        found: dict[bytes, MessageRow] = {}
        for digest in digests:
            row = await self.message(digest)
            if row is None:
                continue
            max_bytes -= len(state.messages[digest].sealed or b"")
            if found and max_bytes < 0:
                break
            found[digest] = row
        return found

    async def sealed(self, sealed_hash: bytes, reader: Address) -> bytes | None:
        """As the port says."""
        for message in self._up().messages.values():
            header = message.statement.header
            parties = (header.iss, *header.aud) if message.accepted else ()
            if message.statement.sealed_hash == sealed_hash and any(reader.covers(party) for party in parties):
                return message.sealed
        return None

    async def waiting(self, inbox: Address, after: int, limit: int, max_bytes: int) -> list[Waiting]:
        """As the port says."""
        state = self._up()
        rows = [row for row in _in_inboxes(state) if row.consignment.inbox == inbox]
        indexed = sorted((row.index, row.consignment.digest) for row in rows if row.index is not None)
        found: list[Waiting] = []
        end = 1 << 62
        for index, digest in [item for item in indexed if item[0] > after][:limit]:
            envelope, recipients = _inline(state.messages[digest])
            max_bytes -= len(envelope.sealed or b"")
            if found and max_bytes < 0:
                end = index
                break
            found.append(Waiting(index, digest, state.receipts[digest][1], envelope, recipients))
        attested = [one for (index, of), one in state.clocks.attested.items() if of == inbox and after < index < end]
        found += [Waiting.attestation(one.index, one.statement) for one in attested if one.link is Link.HTTP]
        return sorted(found, key=lambda item: item.index)[:limit]

    async def heads_of_inboxes(self, inboxes: Sequence[Address]) -> Mapping[Address, int]:
        """As the port says."""
        heads: dict[Address, int] = {}
        for row in _in_inboxes(self._up()):
            inbox = row.consignment.inbox
            if inbox in inboxes and row.index is not None:
                heads[inbox] = max(heads.get(inbox, -1), row.index)
        return heads

    async def lease_pending(self, now: int, lease: int, limit: int, max_bytes: int) -> list[Pending]:
        """As the port says."""
        state = self._up()
        pending = [r for r in state.copies.values() if r.pending and r.consignment.link is Link.AMQP]
        due = [r for r in pending if r.lease_until <= now < r.consignment.expires * 1000]
        chosen: list[Copy] = []
        for row in sorted(due, key=lambda row: row.lease_until)[:limit]:
            max_bytes -= len(_inline(state.messages[row.consignment.digest])[0].sealed or b"")
            if chosen and max_bytes < 0:
                break
            chosen.append(row)
            row.attempts += 1
            row.lease_until = now + (lease << min(row.attempts, _DOUBLINGS))
        return [_pending(state, row) for row in chosen]

    async def full_inboxes(self, inboxes: Sequence[Address], limit: int) -> frozenset[Address]:
        """As the port says."""
        counted = Counter(row.consignment.inbox for row in _in_inboxes(self._up()))
        return frozenset(inbox for inbox in inboxes if counted[inbox] >= limit)

    async def held_back(self, full: frozenset[Address], limit: int) -> list[Placed]:
        """As the port says."""
        state = self._up()
        kept = [row.consignment for row in state.copies.values() if row.pending]
        kept = [one for one in kept if one.link is Link.HTTP and one.inbox not in full]
        kept.sort(key=lambda one: (state.messages[one.digest].received, one.digest))
        headers = [state.messages[one.digest].statement.header for one in kept]
        return [Placed(o.digest, o.recipient, h.sub, h.kind) for o, h in zip(kept, headers, strict=True)][:limit]

    async def expired(self, now_seconds: int, limit: int) -> list[Placed]:
        """As the port says."""
        state = self._up()
        rows = [
            row.consignment for row in state.copies.values() if row.pending and row.consignment.expires <= now_seconds
        ]
        headers = [state.messages[one.digest].statement.header for one in rows]
        return [Placed(o.digest, o.recipient, h.sub, h.kind) for o, h in zip(rows, headers, strict=True)][:limit]

    async def owed(self, keys: Sequence[CopyKey]) -> Mapping[CopyKey, Owed]:
        """As the port says."""
        found = ((key, _owed(self._up(), *key)) for key in keys)
        return {key: owed for key, owed in found if owed is not None}

    async def size(self) -> int:
        """As the port says."""
        return len(self._up().entries)

    async def leaves(self, start: int, end: int) -> list[Leaf]:
        """As the port says."""
        entries = self._up().entries[max(0, start) : max(0, end)]
        return [Leaf(index, entry) for index, (entry, _) in enumerate(entries, max(0, start))]

    async def operation_leaves(self, operation: str, after: int, limit: int) -> list[Leaf]:
        """As the port says."""
        entries = enumerate(self._up().entries)
        return [Leaf(i, entry) for i, (entry, name) in entries if name == operation and i > after][:limit]

    async def acknowledgement(self, evidence: bytes) -> bytes | None:
        """As the port says."""
        kept = (handover.signed.raw for handover in self._up().acknowledgements.values())
        return next((raw for raw in kept if hashlib.sha256(raw).digest() == evidence), None)

    async def acknowledgements(self, evidence: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """As the port says."""
        kept = (handover.signed.raw for handover in self._up().acknowledgements.values())
        by_hash = {hashlib.sha256(raw).digest(): raw for raw in kept}
        return {one: by_hash[one] for one in evidence if one in by_hash}

    async def directories(self, after: int = -1) -> list[tuple[int, bytes]]:
        """As the port says."""
        return sorted(item for item in self._up().directories.values() if item[0] > after)

    async def operations(self, after: int = -1) -> list[tuple[int, bytes]]:
        """As the port says."""
        return sorted(item for item in self._up().operations.values() if item[0] > after)

    async def preferences(self, after: int = -1) -> list[tuple[int, bytes]]:
        """As the port says."""
        return sorted(item for item in self._up().preferences.values() if item[0] > after)

    async def operators(self) -> tuple[int, bytes] | None:
        """As the port says."""
        kept = self._up().operators
        return kept[max(kept)] if kept else None

    async def current(self) -> bytes | None:
        """As the port says."""
        return self._up().current

    async def save_current(self, statement: bytes) -> None:
        """As the port says."""
        self._up().current = statement

    async def ping(self) -> None:
        """As the port says."""
        self._up()

    async def set_aside(self, after: int, limit: int) -> list[Quarantined]:
        """As the port says."""
        found = sorted(self._up().quarantine.values(), key=lambda item: item.id)
        return [replace(item, body=None) for item in found if item.id > after][:limit]

    async def one_set_aside(self, number: int) -> Quarantined | None:
        """As the port says."""
        return self._up().quarantine.get(number)

    async def quarantined(self) -> int:
        """How many bodies are set aside."""
        return len(self._up().quarantine)


def _in_inboxes(state: State) -> list[Copy]:
    return [row for row in state.copies.values() if row.index is not None and row.consignment.link is Link.HTTP]


def _thread(message: NewMessage) -> ThreadFacts:
    header = message.statement.header
    return ThreadFacts(
        header.sub,
        header.exercise,
        header.purpose,
        header.handling,
        header.iss,
        frozenset(header.aud),
        header.thread or message.statement.digest,
    )


def _row(message: NewMessage, index: int, receipt: bytes) -> MessageRow:
    statement, header = message.statement, message.statement.header
    return MessageRow(
        statement.digest,
        statement.raw,
        message.sealed,
        message.accepted,
        message.reason,
        index,
        receipt,
        header.sub,
        header.iss,
        header.aud,
        header.kind,
    )


def _inline(message: NewMessage) -> tuple[Envelope, int]:
    recipients = len(message.statement.header.aud)
    return Envelope(message.statement.raw, message.sealed if recipients <= INLINE_RECIPIENTS else None), recipients


def _pending(state: State, row: Copy) -> Pending:
    digest = row.consignment.digest
    message, (index, receipt) = state.messages[digest], state.receipts[digest]
    envelope, recipients = _inline(message)
    header = message.statement.header
    return Pending(row.consignment, index, receipt, envelope, recipients, header.sub, header.kind, row.attempts)


def _owed(state: State, digest: bytes, address: Address) -> Owed | None:
    candidates = [
        (row.consignment.recipient != address, False, row.consignment.recipient)
        for (named, _), row in state.copies.items()
        if named == digest and address in (row.consignment.recipient, row.consignment.inbox)
    ] + [
        (recipient != address, True, recipient)
        for named, recipient in state.acknowledgements
        if named == digest and address.covers(recipient)
    ]
    if not candidates:
        return None
    _, acknowledged, recipient = min(candidates)
    header = state.messages[digest].statement.header
    return Owed(recipient, header.sub, header.kind, acknowledged, header.urgency, state.messages[digest].received)
