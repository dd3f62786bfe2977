"""What somebody does at the console or by a command of accounts: a row of the audit, and an entry of the ledger.

Order of work: the row first, so that a deed which was cut off still shows; then the entry; then its index in the row.
The row says who and why in words, and stays in the database; the entry names both by codes and an id alone.
"""

from __future__ import annotations

from typing import Final

from gateway.operators import Action, operator_id, record
from gateway.ports import Clock, Store
from gateway.ports_console import Accounts, Audited

LONGEST: Final = 500
"""Characters of a reason; more are cut off."""


class Deeds:
    """Keeps the audit of one gateway."""

    def __init__(self, accounts: Accounts, store: Store, clock: Clock, network: bytes) -> None:
        """`network` is its id."""
        self._accounts, self._store, self._clock, self._network = accounts, store, clock, network

    async def did(self, actor: str, action: Action, subject: str = "", why: str = "", body: bytes | None = None) -> int:
        """Keep a deed; `body` is what it was done to, for the entry's digest: the entry's ledger index.

        Raises:
            Unavailable: `store`. Malformed: `structure`, the actor's name.
        """
        operator = operator_id(self._network, actor)
        number = await self.begun(actor, action, subject, why)
        async with self._store.begin() as transaction:
            entry = await record(transaction, self._clock, operator, action, body)
        await self._accounts.audited(number, entry)
        return entry

    async def begun(self, actor: str, action: Action | str, subject: str = "", why: str = "") -> int:
        """Keep a row alone, whose entry somebody else writes or which has none: its number.

        Raises:
            Unavailable: `store`.
        """
        row = Audited(0, self._clock.now(), actor, str(action), subject[:LONGEST], why[:LONGEST], None)
        return await self._accounts.audit(row)

    async def done(self, number: int, entry: int) -> None:
        """The entry of a row that was begun.

        Raises:
            Unavailable: `store`.
        """
        await self._accounts.audited(number, entry)
