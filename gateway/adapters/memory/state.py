"""The state of the store in memory, and one transaction on it."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

from gateway.adapters.memory.clocks import Clocks, MemoryClockWrites
from gateway.ports import (
    Consignment,
    CopyKey,
    Handover,
    Held,
    NewMessage,
    OperationHead,
    Placed,
    Quarantined,
    Spent,
    Unplaced,
)
from schemas.directory import Directory, Link
from schemas.errors import Reason, Untrusted
from schemas.identity import Address
from schemas.operation import SignedOperation
from schemas.preferences import SignedPreferences
from schemas.wire import ItemType


@dataclass(slots=True)
class Copy:
    """A delivery row."""

    consignment: Consignment
    pending: bool = True
    failed: bool = False
    index: int | None = None
    lease_until: int = 0
    attempts: int = 0


@dataclass(slots=True)
class State:
    """All of the store: what the tables hold."""

    messages: dict[bytes, NewMessage] = field(default_factory=dict)
    ids: dict[tuple[str, bytes], bytes] = field(default_factory=dict)
    receipts: dict[bytes, tuple[int, bytes]] = field(default_factory=dict)
    copies: dict[CopyKey, Copy] = field(default_factory=dict)
    acknowledgements: dict[CopyKey, Handover] = field(default_factory=dict)
    heads: dict[str, OperationHead] = field(default_factory=dict)
    entries: list[tuple[bytes, str | None]] = field(default_factory=list)
    directories: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    operations: dict[tuple[str, int], tuple[int, bytes]] = field(default_factory=dict)
    preferences: dict[tuple[str, int], tuple[int, bytes]] = field(default_factory=dict)
    operators: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    requests: set[bytes] = field(default_factory=set)
    spent: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """Bureau -> (minute, messages, bytes)."""
    quarantine: dict[int, Quarantined] = field(default_factory=dict)
    set_aside: int = 0
    """Numbers given in quarantine."""
    current: bytes | None = None
    clocks: Clocks = field(default_factory=Clocks)

    def snapshot(self) -> State:
        """A copy of the containers; a copy on its way is the one row that changes in place."""
        again = State(**{f.name: copy.copy(getattr(self, f.name)) for f in fields(self)})
        again.copies = {key: replace(row) for key, row in self.copies.items()}
        again.clocks = self.clocks.snapshot()
        return again


class MemoryTransaction(MemoryClockWrites):
    """A `ports.Transaction` on the state in memory."""

    def __init__(self, state: State) -> None:
        self._state, self._clocks = state, state.clocks

    async def insert(
        self,
        messages: Sequence[NewMessage],
        copies: Sequence[Consignment] = (),
        lease_until: int = 0,
        touched: Sequence[CopyKey] = (),
    ) -> tuple[frozenset[bytes], Mapping[CopyKey, bool]]:
        """As the port says."""
        inserted = self._insert_messages(messages)
        for one in copies:
            if one.digest in inserted:
                self._state.copies[one.digest, one.recipient] = Copy(one, lease_until=lease_until)
        found = {key: self._state.copies[key] for key in touched if key in self._state.copies}
        return inserted, {key: row.pending and row.index is None for key, row in found.items()}

    def _insert_messages(self, messages: Sequence[NewMessage]) -> frozenset[bytes]:
        inserted: set[bytes] = set()
        for message in messages:
            digest, header = message.statement.digest, message.statement.header
            name = (str(header.iss), bytes(header.cti))
            if digest in self._state.messages or (message.claims_id and name in self._state.ids):
                continue
            self._state.messages[digest] = message
            if message.claims_id:
                self._state.ids[name] = digest
            inserted.add(digest)
        return frozenset(inserted)

    async def insert_consigned(self, consigned: Sequence[tuple[Consignment, int]]) -> None:
        """As the port says."""
        for one, index in consigned:
            self._state.copies[one.digest, one.recipient] = Copy(one, pending=False, index=index)

    async def remove_copies(self, keys: Sequence[CopyKey]) -> None:
        """As the port says."""
        for key in keys:
            del self._state.copies[key]

    async def mark_consigned(self, consigned: Sequence[tuple[bytes, Address, int]]) -> None:
        """As the port says."""
        for digest, recipient, index in consigned:
            row = self._state.copies[digest, recipient]
            row.pending, row.index = False, index

    async def mark_failed(self, failed: Sequence[CopyKey]) -> None:
        """As the port says."""
        for key in failed:
            row = self._state.copies[key]
            row.pending, row.failed = False, True

    async def redeliver(self, inbox: Address, now: int) -> int:
        """As the port says."""
        count = 0
        for row in self._state.copies.values():
            there = not row.pending and not row.failed and row.index is not None
            one = row.consignment
            if there and (one.inbox, one.link) == (inbox, Link.AMQP) and one.expires * 1000 > now:
                row.pending, row.lease_until = True, now
                count += 1
        return count

    async def keep_consigned(self, keys: Sequence[CopyKey]) -> None:
        """As the port says."""
        for row in (self._state.copies[key] for key in keys):
            if row.index is not None:
                row.pending = False

    async def take(self, ids: Collection[str], count: int) -> tuple[Mapping[str, OperationHead], int]:  # noqa: ARG002  # nobody else is here meanwhile
        """As the port says."""
        return {name: self._state.heads.get(name, OperationHead()) for name in ids}, len(self._state.entries)

    async def save_operations(self, heads: Mapping[str, OperationHead]) -> None:
        """As the port says."""
        self._state.heads.update(heads)

    async def append(self, entries: Sequence[tuple[bytes, str | None]], at: int | None = None) -> int:
        """As the port says."""
        base = len(self._state.entries)
        assert at in (None, base)  # noqa: S101  # the places that were taken
        self._state.entries.extend(entries)
        return base

    async def save_receipts(self, receipts: Mapping[bytes, tuple[int, bytes]]) -> None:
        """As the port says."""
        self._state.receipts.update(receipts)

    async def save_acknowledgements(self, acknowledgements: Sequence[tuple[Handover, int]]) -> None:
        """As the port says."""
        self._state.acknowledgements.update({handover.key: handover for handover, _ in acknowledgements})

    async def save_directory(self, directory: Directory, raw: bytes, index: int) -> None:
        """As the port says."""
        if directory.version in self._state.directories:
            raise Untrusted(Reason.VERSION_ORDER, "another statement of this version came first")
        self._state.directories[directory.version] = index, raw

    async def save_operation(self, signed: SignedOperation, index: int) -> None:
        """As the port says."""
        key = signed.operation.id, signed.operation.version
        if key in self._state.operations:
            raise Untrusted(Reason.VERSION_ORDER, "another statement of this version came first")
        self._state.operations[key] = index, signed.raw

    async def save_preferences(self, signed: SignedPreferences, index: int) -> None:
        """As the port says."""
        key = str(signed.preferences.owner), signed.preferences.version
        if key in self._state.preferences:
            raise Untrusted(Reason.VERSION_ORDER, "another statement of this version came first")
        self._state.preferences[key] = index, signed.raw

    async def save_operators(self, version: int, raw: bytes, index: int) -> None:
        """As the port says."""
        if version in self._state.operators:
            raise Untrusted(Reason.VERSION_ORDER, "another statement of this version came first")
        self._state.operators[version] = index, raw

    async def use_request(self, request: bytes) -> bool:
        """As the port says."""
        used = request in self._state.requests
        self._state.requests.add(request)
        return not used

    async def spend(self, spent: Sequence[Spent], minute: int) -> None:
        """As the port says."""
        for one in spent:
            then, messages, size = self._state.spent.get(one.bureau, (minute, 0, 0))
            before = (messages, size) if then >= minute else (0, 0)
            self._state.spent[one.bureau] = max(then, minute), before[0] + one.messages, before[1] + one.size

    async def quarantine(self, link: Address, body: bytes, cause: str, time: int, item: ItemType | None = None) -> None:
        """As the port says."""
        self._state.set_aside += 1
        number = self._state.set_aside
        self._state.quarantine[number] = Quarantined(number, time, link, cause, item, len(body), body)

    async def quarantined(self, link: Address) -> tuple[int, int]:
        """As the port says."""
        kept = self._state.quarantine.values()
        return sum(item.link == link for item in kept), len(kept)

    async def take_quarantined(self, number: int) -> Quarantined | None:
        """As the port says."""
        return self._state.quarantine.pop(number, None)

    async def held(self, digests: Sequence[bytes]) -> list[Held]:
        """As the port says."""
        return [held for held in self._all_held() if held.digest in digests]

    async def due(self, day: int, limit: int) -> list[Held]:
        """As the port says."""
        first = sorted((held for held in self._all_held() if held.due <= day), key=lambda held: held.due)[:limit]
        return sorted(first, key=lambda held: held.digest)

    def _all_held(self) -> list[Held]:
        rows = ((digest, row.statement.header, row.due) for digest, row in sorted(self._state.messages.items()))
        return [Held(digest, header.sub, header.kind, due) for digest, header, due in rows if due is not None]

    async def erase(self, digests: Sequence[bytes]) -> Unplaced:
        """As the port says."""
        state = self._state
        for digest in digests:
            state.messages[digest] = replace(state.messages[digest], sealed=None, due=None)
        statements = [state.messages[digest].statement.raw for digest in digests]
        for number, item in list(state.quarantine.items()):
            if any(statement in (item.body or b"") for statement in statements):
                del state.quarantine[number]
        rows = [row for key, row in sorted(state.copies.items()) if key[0] in digests and not row.failed]
        never = [row.consignment for row in rows if row.pending and row.index is None]
        on_broker = [row.consignment for row in rows if row.consignment.link is Link.AMQP]
        for one in (*never, *on_broker):
            row = state.copies[one.digest, one.recipient]
            row.pending, row.failed = False, True
        headers = [state.messages[one.digest].statement.header for one in never]
        pending = (Placed(o.digest, o.recipient, h.sub, h.kind) for o, h in zip(never, headers, strict=True))
        return Unplaced(tuple(pending), frozenset(one.inbox for one in on_broker))
