"""A purged or lost inbox on the broker: what was consigned to it and not handed over is owed again.

The running gateways then publish those copies as they do any whose lease ended, with the same ids: recipients
deduplicate, and a copy keeps the consignment entry that it has. The act itself is an entry (gateway/operators.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.operators import Action, record
from gateway.ports import Clock, Store
from schemas.identity import Address


@dataclass(frozen=True, slots=True)
class Redelivery:
    """What came of it."""

    copies: int
    """To be published again; those whose envelope has expired are not."""
    entry: int
    """Ledger index of the operator's action."""


async def redeliver(store: Store, clock: Clock, operator: bytes, inbox: Address) -> Redelivery:
    """Owe again what is in an inbox on the broker; the entry has the SHA-256 of the inbox's address.

    Raises:
        Unavailable: `store`.
    """
    async with store.begin() as transaction:
        copies = await transaction.redeliver(inbox, clock.now())
        entry = await record(transaction, clock, operator, Action.REDELIVER, inbox.encode())
    return Redelivery(copies, entry)
