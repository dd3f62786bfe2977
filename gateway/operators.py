"""What operators do is itself recorded: one entry `OperatorAction` for each act.

The entry says what was done (`kind`), to which bytes (`digest`, their SHA-256), by whom (`key_id`) and why (`reason`, a
code); no free text. Who is an id made of the network and the operator's name: one who knows the name can tell that it
was them.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum

from gateway import ledger
from gateway.ports import Clock, Store, Transaction
from schemas.errors import Malformed, Reason
from schemas.evidence import Entry, Event


class Action(StrEnum):
    """What an operator did, as the entry names it."""

    QUARANTINE_LIST = "quarantine.list/1"
    QUARANTINE_SHOW = "quarantine.show/1"
    QUARANTINE_RELEASE = "quarantine.release/1"
    QUARANTINE_DISCARD = "quarantine.discard/1"
    BACKUP = "database.backup/1"
    RESTORE = "database.restore/1"
    REDELIVER = "inbox.redeliver/1"
    OPERATORS = "operators.install/1"
    """Nobody's: the authority signed the list that is its digest."""
    ACCOUNT_ADD = "account.add/1"
    ACCOUNT_LOCK = "account.lock/1"
    ACCOUNT_UNLOCK = "account.unlock/1"
    ACCOUNT_ROLE = "account.role/1"
    ACCOUNT_CREDENTIAL = "account.password/1"
    ACCOUNT_REMOVE = "account.remove/1"
    ACCOUNT_SESSIONS = "account.sessions/1"
    """All of an account's were ended."""
    SIGN_IN = "console.sign-in/1"
    SIGN_OUT = "console.sign-out/1"
    EXPORT_LIST = "console.export/1"
    """A list of messages, as the console shows it."""
    EXPORT_RECORD = "operation.export/1"
    REQUEST_BRING = "request.bring/1"
    """A request of operators, or one more signature under it; its digest is the file's."""


def operator_id(network: bytes, name: str) -> bytes:
    """The id of an operator in a network's ledger: 32 bytes.

    Raises:
        Malformed: `structure`, the name is empty or longer than 64 characters.
    """
    if not 1 <= len(name) <= 64:
        raise Malformed(Reason.STRUCTURE, "an operator's name has 1 to 64 characters")
    return hashlib.sha256(b"bureaunet-operator/1\0" + network + name.encode()).digest()


async def act(store: Store, clock: Clock, operator: bytes, action: Action) -> int:
    """Record an act that is no more than its entry: the entry's ledger index.

    Raises:
        Unavailable: `store`.
    """
    async with store.begin() as transaction:
        return await record(transaction, clock, operator, action)


async def record(
    transaction: Transaction,
    clock: Clock,
    operator: bytes,
    action: Action,
    body: bytes | None = None,
    reason: Reason | None = None,
) -> int:
    """Append an act's entry to a transaction, as its last write: the entry's ledger index."""
    digest = None if body is None else hashlib.sha256(body).digest()
    entry = Entry(Event.OPERATOR_ACTION, clock.now(), digest=digest, kind=str(action), key_id=operator, reason=reason)
    return (await ledger.record(transaction, [entry]))[0][0]
