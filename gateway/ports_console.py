"""What the operators' console needs of the world: accounts, sessions, the audit, and reads of what the gateway keeps.

Ports beside those of gateway/ports.py, with their values. Times are milliseconds since the epoch. Every method raises
Unavailable (`store`) while the database cannot serve.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from gateway.values import Leaf
from schemas.errors import Reason
from schemas.identity import Address


class AccountRole(StrEnum):
    """What an account may do."""

    VIEWER = "viewer"
    """Sees traffic, bureaus and the ledger."""
    OPERATOR = "operator"
    """Acts besides: looks into the quarantine and releases."""
    SECURITY_OFFICER = "security-officer"
    """Acts where it takes a second person, and sees accounts."""
    AUDITOR = "auditor"
    """Sees everything, what operators did too, and acts on nothing."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may sign in."""

    name: str
    role: AccountRole
    password: str
    """Argon2id in the PHC form; never shown."""
    created: int
    locked: bool = False
    """By an operator: no sign-in until it is unlocked."""
    failures: int = 0
    """Attempts since the last sign-in that succeeded."""
    until: int = 0
    """No attempt counts before this time."""
    issuer: str | None = None
    """Who says that it is them (OpenID Connect), with `subject`; such an account has no password."""
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes other of an account; what is not given stays, whatever somebody else changed of it meanwhile."""

    role: AccountRole | None = None
    password: str | None = None
    locked: bool | None = None
    forgiven: bool = False
    """No attempt has failed now."""


class Arrival(StrEnum):
    """What became of somebody whom an issuer sent."""

    ENTERED = "entered"
    REPLAYED = "replayed"
    """The same word of the issuer was used before."""
    NAME_TAKEN = "name-taken"
    """An account of this name is somebody else's."""
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class Session:
    """One who is signed in."""

    hash: bytes
    """SHA-256 of the token that the browser has."""
    account: str
    role: AccountRole
    opened: int
    seen: int
    """The last request."""


@dataclass(frozen=True, slots=True)
class Audited:
    """Something that an operator did."""

    id: int
    time: int
    actor: str
    action: str
    subject: str
    why: str
    entry: int | None
    """Ledger index of its entry; None where it has none, or was cut off before it."""


class Accounts(Protocol):
    """Accounts, sessions, and the audit."""

    async def add_account(self, account: Account) -> bool:
        """Keep a new account; False where the name is taken."""

    async def account(self, name: str) -> Account | None:
        """One."""

    async def accounts(self) -> Sequence[Account]:
        """All, by name."""

    async def change_account(self, name: str, change: Change) -> Account | None:
        """Change an account and end its sessions: as it is now; None where there is none of this name."""

    async def remove_account(self, name: str) -> bool:
        """Remove an account and its sessions; False where there is none of this name."""

    async def attempt(self, name: str, now: int, until: Callable[[int], int]) -> Account | None:
        """Count an attempt to sign in before its password is looked at, so that attempts at once count too.

        `until` gives, for the number of attempts since the last success, the time before which none counts. The
        account as it was; None where there is none, it is locked, or an attempt does not count yet.
        """

    async def knock(self, address: str, now: int, since: int) -> int:
        """Count an attempt from a network address before it is judged: how many since the first one after `since`."""

    async def let_in(self, address: str) -> None:
        """The attempt was right: it does not count."""

    async def enter(self, session: Session, password: str) -> bool:
        """Keep a session, and forget the attempts that failed; False where the account is not as it was judged.

        `password` is what was kept of it then: a change in between, or a lock, lets nobody in.
        """

    async def arrive(self, account: Account, session: Session, word: bytes) -> tuple[Arrival, str]:
        """Keep a session of whom an issuer sent; with the name of the account that is theirs.

        The account is found by issuer and subject, and by nothing else, and has the role of `account` now; where there
        is none, `account` is kept. `word` is used up.
        """

    async def sessions(self, name: str) -> Sequence[Session]:
        """Those of one account, the first opened first, over or not."""

    async def session(self, hash_: bytes) -> Session | None:
        """One, with its account's role as it is now; None where there is none, or the account is locked."""

    async def touch_session(self, hash_: bytes, now: int) -> None:
        """It was used."""

    async def end_session(self, hash_: bytes) -> None:
        """It ended."""

    async def end_sessions(self, name: str) -> int:
        """Those of one account ended: how many."""

    async def sweep_sessions(self, opened: int, seen: int, used: int) -> int:
        """End those that were opened before, or last seen before: how many.

        What was counted of addresses, and words that were used, before `used` are forgotten.
        """

    async def audit(self, row: Audited) -> int:
        """Keep a row; its id is given here, and what `row` says of it is not read."""

    async def audited(self, number: int, entry: int) -> None:
        """The row's entry is at this ledger index."""

    async def audit_rows(self, before: int | None, limit: int) -> Sequence[Audited]:
        """Those with a lower id, newest first."""


class Outlook(StrEnum):
    """What became of a message, as one can search for it."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    WAITING = "waiting"
    """Accepted, and some recipient has not acknowledged it."""


@dataclass(frozen=True, slots=True)
class Sought:
    """What messages are looked for: all that is given must hold."""

    since: int | None = None
    until: int | None = None
    """Exclusive."""
    sender: str | None = None
    """The address, exactly."""
    recipient: str | None = None
    """The address, exactly, among those that it names."""
    operation: str | None = None
    kind: str | None = None
    outlook: Outlook | None = None
    id: bytes | None = None
    """The beginning of a digest, or a whole message id."""
    before: tuple[int, bytes] | None = None
    """(received, digest) of the last one seen: the page goes on behind it."""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Seen:
    """One message as the console shows it: from its header and its outcome, nothing of the content."""

    digest: bytes
    received: int
    sender: Address
    recipients: tuple[Address, ...]
    operation: str
    kind: str
    urgency: str
    accepted: bool
    reason: Reason | None
    thread: bytes
    """The digest of the message that opened its exchange: its own where it did."""
    re: bytes | None
    answer: str | None
    index: int | None
    """Ledger index of the decision."""
    exercise: bool = False


@dataclass(frozen=True, slots=True)
class Backlog:
    """Copies that one inbox has not acknowledged."""

    inbox: Address
    link: str
    pending: int
    """Not placed in it yet."""
    waiting: int
    """In it."""
    oldest: int
    """When the oldest was received."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A recipient's signed word about a copy."""

    recipient: Address
    raw: bytes
    index: int


class Sightings(Protocol):
    """Reads for the console, newest first; each answers in a time that does not grow with what is kept."""

    async def search(self, sought: Sought) -> Sequence[Seen]:
        """A page of messages."""

    async def exchange(self, thread: bytes, limit: int) -> Sequence[Seen]:
        """The messages of one exchange, oldest first."""

    async def about(self, digest: bytes, start: int, end: int) -> Sequence[Leaf]:
        """Entries of [start, end) that name this digest, ascending."""

    async def acknowledged(self, digest: bytes) -> Sequence[Acknowledged]:
        """What recipients signed about this message, in the ledger's order."""

    async def backlogs(self) -> Sequence[Backlog]:
        """Inboxes with copies that nobody acknowledged, by address; its time grows with their number alone."""
