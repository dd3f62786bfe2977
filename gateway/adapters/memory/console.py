"""The shipped fake of what the console reads (`gateway.ports_console.Sightings`), beside a store in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from gateway.adapters.memory.state import Copy
from gateway.adapters.memory.store import MemoryStore
from gateway.ports import NewMessage
from gateway.ports_console import Acknowledged, Backlog, Outlook, Seen, Sought
from gateway.values import Leaf
from schemas.identity import Address


class MemorySightings:
    """A `gateway.ports_console.Sightings` beside a store in memory."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def search(self, sought: Sought) -> Sequence[Seen]:
        """As the port says."""
        unread = {row.consignment.digest for row in self._unread()}
        found = [
            self._seen(message)
            for message in self._store.state.messages.values()
            if _matches(message, sought, waiting=message.statement.digest in unread)
        ]
        found.sort(key=lambda one: (one.received, one.digest), reverse=True)
        before = sought.before
        return [one for one in found if before is None or (one.received, one.digest) < before][: sought.limit]

    async def exchange(self, thread: bytes, limit: int) -> Sequence[Seen]:
        """As the port says."""
        found = [one for one in map(self._seen, self._store.state.messages.values()) if one.thread == thread]
        return sorted(found, key=lambda one: (one.received, one.digest))[:limit]

    async def about(self, digest: bytes, start: int, end: int) -> Sequence[Leaf]:
        """As the port says."""
        return [leaf for leaf in await self._store.leaves(start, end) if digest in leaf.entry]

    async def acknowledged(self, digest: bytes) -> Sequence[Acknowledged]:
        """As the port says."""
        found: list[Acknowledged] = []
        for (named, recipient), handover in self._store.state.acknowledgements.items():
            if named == digest:
                place = next(
                    index
                    for index, (entry, _) in enumerate(self._store.state.entries)
                    if handover.evidence in entry and str(recipient).encode() in entry
                )
                found.append(Acknowledged(recipient, handover.signed.raw, place))
        return sorted(found, key=lambda one: one.index)

    async def backlogs(self) -> Sequence[Backlog]:
        """As the port says."""
        state = self._store.state
        rows = self._unread()
        pending = Counter((row.consignment.inbox, str(row.consignment.link)) for row in rows if row.pending)
        every = Counter((row.consignment.inbox, str(row.consignment.link)) for row in rows)
        oldest: dict[tuple[Address, str], int] = {}
        for row in rows:
            key = row.consignment.inbox, str(row.consignment.link)
            received = state.messages[row.consignment.digest].received
            oldest[key] = min(oldest.get(key, received), received)
        return [
            Backlog(key[0], key[1], pending[key], n - pending[key], oldest[key]) for key, n in sorted(every.items())
        ]

    def _unread(self) -> list[Copy]:
        copies, kept = self._store.state.copies, self._store.state.acknowledgements
        return [row for key, row in copies.items() if key not in kept and not row.failed]

    def _seen(self, message: NewMessage) -> Seen:
        header, digest = message.statement.header, message.statement.digest
        receipt = self._store.state.receipts.get(digest)
        return Seen(
            digest=digest,
            received=message.received,
            sender=header.iss,
            recipients=header.aud,
            operation=header.sub,
            kind=header.kind,
            urgency=str(header.urgency),
            accepted=message.accepted,
            reason=message.reason,
            thread=header.thread or digest,
            re=header.re,
            answer=None if header.answer is None else str(header.answer),
            index=None if receipt is None else receipt[0],
            exercise=header.exercise,
        )


def _matches(message: NewMessage, sought: Sought, *, waiting: bool) -> bool:
    header, digest = message.statement.header, message.statement.digest
    asked = (
        (sought.since, sought.since is not None and message.received >= sought.since),
        (sought.until, sought.until is not None and message.received < sought.until),
        (sought.sender, header.iss == sought.sender),
        (sought.recipient, sought.recipient in header.aud),
        (sought.operation, header.sub == sought.operation),
        (sought.kind, header.kind == sought.kind),
        (sought.outlook, _has(message, sought.outlook, waiting=waiting)),
        (sought.id, sought.id is not None and (digest.startswith(sought.id) or bytes(header.cti) == sought.id)),
    )
    return all(holds for value, holds in asked if value is not None)


def _has(message: NewMessage, outlook: Outlook | None, *, waiting: bool) -> bool:
    if outlook is Outlook.WAITING:
        return waiting
    return message.accepted == (outlook is Outlook.ACCEPTED)
