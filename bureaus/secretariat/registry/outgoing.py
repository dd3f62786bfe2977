"""Messages that follow from a row: written in its transaction, sent after it by bureaus/secretariat/sending.py.

A message is sent at least once: a process that ends between sending and marking sends it again. So every message here
carries what makes it once: a number with a version, or a reference. `post` with a `key` that is there already adds
nothing, so that a handler that runs again posts once.

Rules: `to` may hold EVERYBODY, which is resolved when it is sent: every bureau of the standing operation but ourselves
and those that `but` names (a country covers its units). Answers come to the handler of their kind; `asked` finds the
row that they answer. A row that is decided is kept for `outgoing_kept_seconds` and deleted then: so long its key makes
a message once, and so long an answer finds it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Index,
    Integer,
    LargeBinary,
    Row,
    Table,
    Text,
    and_,
    delete,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.secretariat.registry.tables import METADATA
from schemas import messages
from schemas.codes import Handling, Purpose, Urgency
from schemas.errors import Misuse
from schemas.messages import Message

EVERYBODY: Final = "*"
"""In `to`: every bureau of the standing operation but ourselves."""
_WIDE: Final = BigInteger().with_variant(Integer, "sqlite")
_OPEN: Final = text("state IN ('waiting', 'sent')")
_DECIDED: Final = text("decided IS NOT NULL")


class State(StrEnum):
    """Where a message stands."""

    WAITING = "waiting"
    SENT = "sent"
    """In the SDK's outbox."""
    ACCEPTED = "accepted"
    REFUSED = "refused"
    """By the gateway, for good, or it could not be sealed."""


outgoing: Final = Table(
    "outgoing",
    METADATA,
    Column("id", _WIDE, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=True, unique=True, comment="what makes it once; none is always another"),
    Column("state", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("content", LargeBinary, nullable=False, comment="the whole of it, empty once it is sent"),
    Column("content_hash", LargeBinary, nullable=False),
    Column("recipients", Text, nullable=False, comment="JSON; * is everybody"),
    Column("but", Text, nullable=False, comment="JSON"),
    Column("purpose", Text, nullable=False),
    Column("urgency", Text, nullable=False),
    Column("handling", Text, nullable=False),
    Column("expects", Boolean, nullable=False),
    Column("reply_by", BigInteger, nullable=True),
    Column("digest", LargeBinary, nullable=True, comment="of its envelope, once it is sent"),
    Column("reason", Text, nullable=True, comment="why it was refused"),
    Column("decided", BigInteger, nullable=True, comment="seconds since the epoch"),
    Index("ix_outgoing_decided", "decided", sqlite_where=_DECIDED, postgresql_where=_DECIDED),
    Index("ix_outgoing_waiting", "id", sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index("ix_outgoing_digest", "digest"),
    Index("ix_outgoing_content_hash", "content_hash"),
)


@dataclass(frozen=True, slots=True)
class Posted:
    """One row that is not decided. Times in seconds since the epoch."""

    id: int
    state: State
    kind: str
    content: bytes
    to: tuple[str, ...]
    but: tuple[str, ...]
    purpose: Purpose
    urgency: Urgency
    handling: Handling
    reply_by: int | None
    digest: bytes | None


@dataclass(frozen=True, slots=True)
class Asked:
    """The row that an answer answers."""

    id: int
    key: str | None
    kind: str
    to: tuple[str, ...]


async def post(  # noqa: PLR0913  # what `Bureau.ask` takes, and what makes it once
    connection: AsyncConnection,
    message: Message,
    *,
    to: Sequence[str],
    purpose: Purpose,
    but: Sequence[str] = (),
    urgency: Urgency = Urgency.ROUTINE,
    handling: Handling = Handling.H0,
    expects: bool = False,
    reply_by: int | None = None,
    key: str = "",
    attachments: Sequence[bytes | memoryview] = (),
) -> bool:
    """Have a message sent once this transaction is committed: False where `key` is posted already.

    `to` are addresses, or EVERYBODY but those that `but` names. `expects` says that answers are awaited; `reply_by` is
    in seconds since the epoch.

    Raises:
        Misuse: nobody to send to, or the message would not be taken.
    """
    if isinstance(to, str) or not to:
        raise Misuse("`to` is a list of one address or more")
    if key and await posted(connection, key):
        return False
    content = messages.encode(message, attachments)
    values = {
        "key": key or None,
        "state": State.WAITING,
        "kind": messages.kind_of(message),
        "content": content,
        "content_hash": hashlib.sha256(content).digest(),
        "recipients": json.dumps(list(to)),
        "but": json.dumps(list(but)),
        "purpose": purpose,
        "urgency": urgency,
        "handling": handling,
        "expects": expects,
        "reply_by": reply_by,
    }
    await connection.execute(insert(outgoing).values(values))
    return True


async def posted(connection: AsyncConnection, key: str) -> bool:
    """Whether a message of this key is there, sent or not."""
    return (await connection.execute(select(outgoing.c.id).where(outgoing.c.key == key))).first() is not None


async def undecided(connection: AsyncConnection, state: State, *, after: int, limit: int) -> list[Posted]:
    """Rows in a state, oldest first, after an id."""
    query = select(outgoing).where(outgoing.c.state == state, outgoing.c.id > after).order_by(outgoing.c.id)
    return [_posted(row) for row in await connection.execute(query.limit(limit))]


async def sent(connection: AsyncConnection, number: int, digest: bytes) -> None:
    """It is in the SDK's outbox: what it said is kept there alone."""
    values = {"state": State.SENT, "digest": digest, "content": b""}
    await connection.execute(update(outgoing).where(outgoing.c.id == number).values(values))


async def decided(
    connection: AsyncConnection, number: int, digest: bytes | None, reason: str | None, *, now: int
) -> None:
    """The gateway accepted it under a digest, or it was refused for a reason, at `now` in seconds."""
    state = State.ACCEPTED if reason is None else State.REFUSED
    values = {"state": state, "digest": digest, "reason": reason, "content": b"", "decided": now}
    await connection.execute(update(outgoing).where(outgoing.c.id == number).values(values))


async def prune(connection: AsyncConnection, before: int, limit: int) -> int:
    """Delete rows that were decided before a time, in seconds, `limit` at most: how many there were."""
    over = select(outgoing.c.id).where(outgoing.c.decided < before).order_by(outgoing.c.decided).limit(limit)
    return (await connection.execute(delete(outgoing).where(outgoing.c.id.in_(over)))).rowcount


async def asked(connection: AsyncConnection, digest: bytes) -> Asked | None:
    """The row that was sent under a digest."""
    return await _asked(connection, outgoing.c.digest == digest)


async def asked_with(connection: AsyncConnection, kind: str, content: bytes) -> Asked | None:
    """The newest row of a kind that said just this."""
    same = outgoing.c.content_hash == hashlib.sha256(content).digest()
    return await _asked(connection, and_(same, outgoing.c.kind == kind))


async def _asked(connection: AsyncConnection, which: ColumnElement[bool]) -> Asked | None:
    columns = outgoing.c.id, outgoing.c.key, outgoing.c.kind, outgoing.c.recipients
    row = (await connection.execute(select(*columns).where(which).order_by(outgoing.c.id.desc()))).first()
    return None if row is None else Asked(row.id, row.key, row.kind, tuple(json.loads(row.recipients)))


def _posted(row: Row[tuple[object, ...]]) -> Posted:
    return Posted(
        row.id,
        State(row.state),
        row.kind,
        bytes(row.content),
        tuple(json.loads(row.recipients)),
        tuple(json.loads(row.but)),
        Purpose(row.purpose),
        Urgency(row.urgency),
        Handling(row.handling),
        row.reply_by,
        row.digest,
    )
