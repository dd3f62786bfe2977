"""Records: what their owners do with them, and how they are found again by key.

Order of an act: who owns it, whether it is there, the row with its keys, a line of audit. Rules: a record belongs to
the bureau that sent it, and nobody else learns that it is there by trying to change it; a message is carried out once,
by its digest, and its first answer is given again; of two messages the one with the higher place in the ledger counts,
in whichever order they are handed over; taking out leaves a row that says that there was one, whose, and why it went,
and no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.secretariat.databases import documents, names
from bureaus.secretariat.databases.keys import WEIGHTS
from bureaus.secretariat.databases.matcher import Known
from bureaus.secretariat.registry import audit
from bureaus.secretariat.registry.databases import done, erasure, found, record
from bureaus.secretariat.settings import Settings
from schemas import messages
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.messages.databases import DatabaseRecord, DatabaseRecorded
from schemas.messages.search_codes import RecordAct, RecordKind, RecordOutcome

NOTICE: Final = "notice "
KEYS: Final = 10_000
"""Keys in one statement: a person with twenty long aliases has more than PostgreSQL takes values in one."""
_CANDIDATES: Final = (
    select(found.c.record, func.sum(found.c.key.bitwise_and(WEIGHTS)).label("weight"))
    .where(found.c.key.in_(bindparam("keys", expanding=True)))
    .group_by(found.c.record)
    .order_by(func.sum(found.c.key.bitwise_and(WEIGHTS)).desc(), found.c.record)
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A record as it stands. Times in seconds since the epoch."""

    id: int
    owner: Address
    own: str
    """The owner's reference; of a notice's record `notice NUMBER`, which no bureau can send."""
    contact: Address
    kind: RecordKind
    visibility: str
    denied: str
    """Codes with a space before and after each; empty for none."""
    content: bytes
    names: str
    review: int
    place: int
    """The index in the ledger of the newest message that spoke of it."""

    @property
    def number(self) -> str:
        """How messages name it."""
        return number(self.id)

    @property
    def reference(self) -> str:
        """The owner's reference, or the notice's number."""
        return self.own.removeprefix(NOTICE)

    @property
    def message(self) -> DatabaseRecord:
        """What its owner says of it."""
        said = messages.decode(DatabaseRecord.KIND, self.content)
        if not isinstance(said, DatabaseRecord):
            raise Misuse("a record's row holds a record")
        return said

    def denies(self, asker: Address) -> bool:
        """Whether its owner shows it to nobody of that bureau."""
        return bool(self.denied) and f" {asker.bureau} " in self.denied


COLUMNS: Final = (
    record.c.id,
    record.c.owner,
    record.c.reference,
    record.c.contact,
    record.c.kind,
    record.c.visibility,
    record.c.denied,
    record.c.content,
    record.c.names,
    record.c.review,
    record.c.place,
)


def number(identity: int) -> str:
    """A record's number in messages: `DB-17`."""
    return f"DB-{identity}"


def kept(row: Sequence[object]) -> Kept:
    """A row of COLUMNS."""
    identity, owner, reference, contact, kind, visibility, denied, content, named, review, place = row
    if not isinstance(identity, int) or not isinstance(content, bytes):
        raise Misuse("this is no row of a record")
    if not isinstance(review, int) or not isinstance(place, int):
        raise Misuse("this is no row of a record")
    return Kept(
        identity,
        Address(str(owner)),
        str(reference),
        Address(str(contact)),
        RecordKind(str(kind)),
        str(visibility),
        str(denied),
        content,
        str(named),
        review,
        place,
    )


def keys_of(message: DatabaseRecord) -> set[int]:
    """What a record is found by."""
    keyed = {documents.number_key(document.number) for document in documents.documents(message)}
    return keyed | (names.record_keys(message.person) if message.person is not None else set())


def values_of(
    message: DatabaseRecord, sender: Address, *, now: int, review: int, notice: RecordKind | None = None
) -> dict[str, object]:
    """The columns of a record but its id; `notice` says what the record of a notice is."""
    return {
        "owner": sender.bureau,
        "reference": message.reference if notice is None else NOTICE + message.reference,
        "contact": sender,
        "kind": notice or message.kind,
        "visibility": message.visibility,
        "denied": f" {' '.join(message.denied)} " if message.denied else "",
        "content": messages.encode(message),
        "names": Known.of(message.person).encode() if message.person is not None else "",
        "changed": now,
        "review": review,
        "asked": None,
    }


async def carry_out(
    connection: AsyncConnection,
    message: DatabaseRecord,
    *,
    sender: Address,
    now: int,
    settings: Settings,
    place: int = 0,
    notice: RecordKind | None = None,
) -> DatabaseRecorded:
    """Do what an owner says, or a notice of its, in the connection's transaction: what to answer.

    `place` is the message's index in the ledger; a notice has none, since its versions are in order.
    """
    there = await of_owner(connection, sender.bureau, message.reference, notice=notice is not None, lock=True)
    if there is None and message.act is not RecordAct.ADD:
        return _refused(message, RecordOutcome.NO_SUCH_RECORD)
    if message.act is RecordAct.ADD and (
        there is not None or (place and await _erased_since(connection, sender.bureau, message.reference, place))
    ):
        return _refused(message, RecordOutcome.EXISTS)
    if there is not None and place < there.place:
        return _overtaken(message, there)
    if message.act is RecordAct.DELETE and there is not None:
        ground = message.reason or "deleted by its owner"
        await erase(connection, there, now=now, who=sender, ground=ground, place=place)
        return _recorded(message, there.id, None)
    latest = now + settings.record_seconds
    review = min(max(message.review or latest, now + 1), latest)
    values = values_of(message, sender, now=now, review=review, notice=notice) | {"place": place}
    if there is None:
        identity = (await connection.execute(insert(record).values(values).returning(record.c.id))).scalar_one()
    else:
        identity = there.id
        await connection.execute(update(record).where(record.c.id == identity).values(values))
        await unkey(connection, there)
    await _key(connection, identity, keys_of(message))
    await audit.note(connection, time=now, who=sender, act=f"record {message.act}", subject=number(identity))
    return _recorded(message, identity, review)


async def of_owner(
    connection: AsyncConnection, owner: Address, reference: str, *, notice: bool = False, lock: bool = False
) -> Kept | None:
    """A bureau's record by its own reference, or that of a notice by the notice's number.

    `lock` keeps it from other transactions until the end of this one.
    """
    own = NOTICE + reference if notice else reference
    query = select(*COLUMNS).where(record.c.owner == owner.bureau, record.c.reference == own)
    row = (await connection.execute(query.with_for_update() if lock else query)).first()
    return None if row is None else kept(row)


async def _erased_since(connection: AsyncConnection, owner: Address, reference: str, place: int) -> bool:
    """Whether a record of that reference was taken out by what is newer than `place`."""
    newer = erasure.c.owner == owner, erasure.c.reference == reference, erasure.c.place > place
    return (await connection.execute(select(erasure.c.record).where(*newer).limit(1))).first() is not None


async def by_id(connection: AsyncConnection, identities: Iterable[int]) -> list[Kept]:
    """Records that stand, in the order of the numbers."""
    wanted = list(identities)
    rows = await connection.execute(select(*COLUMNS).where(record.c.id.in_(wanted)))
    there = {row[0]: kept(row) for row in rows}
    return [there[identity] for identity in wanted if identity in there]


async def candidates(
    connection: AsyncConnection, keys: Iterable[int], limit: int, but: Address | None = None
) -> list[int]:
    """Numbers of the records that keys bring, most weight first; `but` those of one owner."""
    query = _CANDIDATES.limit(limit)
    if but is not None:
        query = query.join(record, record.c.id == found.c.record).where(record.c.owner != but)
    rows = await connection.execute(query, {"keys": list(keys)})
    return [row[0] for row in rows]


async def erase(
    connection: AsyncConnection, there: Kept, *, now: int, who: str, ground: str, place: int | None = None
) -> None:
    """Take a record out. What stays: that there was one, whose, under which reference, and why it went.

    `place` is that of the message that says so; left out, no message does.
    """
    await unkey(connection, there)
    await connection.execute(delete(record).where(record.c.id == there.id))
    values = {"record": there.id, "owner": there.owner, "reference": there.own, "kind": there.kind}
    values |= {"time": now, "ground": ground, "who": who, "place": there.place if place is None else place}
    await connection.execute(insert(erasure).values(values))
    await audit.note(connection, time=now, who=who, act="record erased", subject=there.number, why=ground)


async def unkey(connection: AsyncConnection, there: Kept) -> None:
    """Let a record be found by nothing."""
    keyed = sorted(keys_of(there.message))
    for start in range(0, len(keyed), KEYS):
        these = found.c.key.in_(keyed[start : start + KEYS])
        await connection.execute(delete(found).where(found.c.record == there.id, these))


async def done_before(connection: AsyncConnection, digest: bytes) -> DatabaseRecorded | None:
    """What a message was answered that was carried out already."""
    row = (await connection.execute(select(done.c.answer).where(done.c.digest == digest))).first()
    said = None if row is None else messages.decode(DatabaseRecorded.KIND, bytes(row[0]))
    return said if isinstance(said, DatabaseRecorded) else None


async def note_done(connection: AsyncConnection, digest: bytes, answer: DatabaseRecorded, now: int) -> None:
    """Keep what a message was answered."""
    await connection.execute(insert(done).values(digest=digest, answer=messages.encode(answer), time=now))


async def _key(connection: AsyncConnection, identity: int, keys: Iterable[int]) -> None:
    await connection.execute(insert(found), [{"key": one, "record": identity} for one in sorted(keys)])


def _overtaken(message: DatabaseRecord, there: Kept) -> DatabaseRecorded:
    """The answer to what a newer message of the owner's went before: an update was replaced, and the record stands."""
    if message.act is RecordAct.UPDATE:
        return _recorded(message, there.id, there.review)
    return _refused(message, RecordOutcome.EXISTS)


def _refused(message: DatabaseRecord, outcome: RecordOutcome) -> DatabaseRecorded:
    return DatabaseRecorded(reference=message.reference, outcome=outcome, act=message.act)


def _recorded(message: DatabaseRecord, identity: int, review: int | None) -> DatabaseRecorded:
    return DatabaseRecorded(
        reference=message.reference,
        outcome=RecordOutcome.RECORDED,
        act=message.act,
        record=number(identity),
        review=review,
    )
