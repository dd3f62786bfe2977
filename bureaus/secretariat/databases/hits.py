"""What follows from a hit: the owner is told or asked, and its word goes to whoever had the hit.

Order of work, for each question that was answered: each of its hits becomes a row; the owner of a silent record gets
`database.alert`, any other owner `hit.confirmation` on the answer clock, urgent where the question was urgent or came
from a unit; then what was asked is deleted. The owner's `hit.confirmed` goes to the asker and the asker's bureau.
NOT_VALID takes the record out.

Rules: an owner is not asked about its own question, nor twice about one record by one bureau within a while; only the
owner's bureau is listened to; whoever is asked learns who asked, since it is the owner; the row of a hit names nobody.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from sqlalchemy import delete, insert, select, update
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.exchange import Received
from bureaus.secretariat.databases import questions, records
from bureaus.secretariat.databases.questions import Waiting
from bureaus.secretariat.databases.records import Kept
from bureaus.secretariat.office import Office
from bureaus.secretariat.registry import audit, outgoing
from bureaus.secretariat.registry.databases import hit
from schemas.codes import Purpose, Urgency
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.messages.databases import DatabaseAlert, DatabaseQuery, DatabaseRecorded
from schemas.messages.hits import HitConfirmation, HitConfirmed
from schemas.messages.search_codes import MatchReason, RecordOutcome, Validity

_AT_A_TIME: Final = 256
_KEY: Final = "hit "


class HitState(StrEnum):
    """Where a hit stands; the owner's own words beside these (`Validity`)."""

    TOLD = "told"
    """A silent record's: nobody is asked."""
    REPEATED = "repeated"
    """The same bureau had it a moment ago: that one is asked about."""
    ASKED = "asked"


class Hits:
    """Follows up hits."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def follow(self) -> None:
        """The chore: everything that waits."""
        while True:
            async with self._office.registry.reading() as connection:
                waiting = await questions.waiting(connection, _AT_A_TIME)
            if not waiting:
                return
            async with self._office.registry.writing() as connection:
                for asked in waiting:
                    await self._follow(connection, asked)
                await questions.followed(connection, [asked.digest for asked in waiting])

    async def _follow(self, connection: AsyncConnection, asked: Waiting) -> None:
        query = asked.query if asked.hits else None
        if query is None:
            return
        there = {one.id: one for one in await records.by_id(connection, [record for record, *_ in asked.hits])}
        followed = await _followed(connection, asked.digest)
        for record, score, reasons, shown in asked.hits:
            if record in there and record not in followed and there[record].owner != asked.asker.bureau:
                await self._one(connection, asked, query, there[record], score, reasons, shown=shown)

    async def _one(
        self,
        connection: AsyncConnection,
        asked: Waiting,
        query: DatabaseQuery,
        record: Kept,
        score: int,
        reasons: tuple[MatchReason, ...],
        *,
        shown: bool,
    ) -> None:
        state = HitState.TOLD
        if shown:
            repeated = await self._repeated(connection, record.id, asked)
            state = HitState.REPEATED if repeated else HitState.ASKED
        values = {
            "question": asked.digest,
            "record": record.id,
            "owner": record.owner,
            "reference": record.reference,
            "asker": asked.asker,
            "bureau": asked.asker.bureau,
            "time": asked.time,
            "score": score,
            "visibility": record.visibility,
            "state": state,
            "answered": None,
        }
        number = (await connection.execute(insert(hit).values(values).returning(hit.c.id))).scalar_one()
        urgent = asked.urgent or asked.asker.unit is not None
        if state is HitState.TOLD:
            alert = _alert(asked, query, record, score, reasons)
            await outgoing.post(
                connection, alert, to=[record.contact], purpose=Purpose.INFORMATION, key=f"alert {number}"
            )
        elif state is HitState.ASKED:
            await outgoing.post(
                connection,
                _confirmation(asked, query, record),
                to=[record.contact],
                purpose=Purpose.IDENTIFICATION,
                urgency=Urgency.URGENT if urgent else Urgency.ROUTINE,
                expects=True,
                key=f"{_KEY}{number}",
            )

    async def _repeated(self, connection: AsyncConnection, record: int, asked: Waiting) -> bool:
        """Whether the same bureau had this hit within the while, and its owner was asked."""
        since = asked.time - self._office.settings.hit_repeat_seconds
        query = select(hit.c.id).where(hit.c.record == record, hit.c.bureau == asked.asker.bureau)
        query = query.where(hit.c.time >= since, hit.c.state.not_in([HitState.TOLD, HitState.REPEATED]))
        return (await connection.execute(query.limit(1))).first() is not None

    async def confirmed(self, received: Received) -> None:
        """The handler of `hit.confirmed`: the owner's word."""
        said = received.message
        if not isinstance(said, HitConfirmed):
            raise Misuse("only hit.confirmed is taken here")
        asked = await self._office.asked(received)
        if asked is None or asked.key is None or not asked.key.startswith(_KEY):
            return
        async with self._office.registry.writing() as connection:
            row = (await connection.execute(select(hit).where(hit.c.id == int(asked.key[len(_KEY) :])))).one()
            if row.owner == received.sender.bureau:
                await self._take(connection, received, said, row)

    async def _take(
        self, connection: AsyncConnection, received: Received, said: HitConfirmed, row: Row[tuple[object, ...]]
    ) -> None:
        now = self._office.now()
        final = said.validity is not Validity.IN_PROCESS
        values = {"state": said.validity, "answered": now if final else None}
        await connection.execute(update(hit).where(hit.c.id == row.id).values(values))
        number = records.number(row.record)
        act = f"hit {said.validity}"
        await audit.note(connection, time=now, who=received.sender, act=act, subject=number, why=f"hit {row.id}")
        passed = said.model_copy(update={"record": number, "owner": received.sender})
        asker = Address(row.asker)
        await outgoing.post(
            connection,
            passed,
            to=list(dict.fromkeys([asker, asker.bureau])),
            purpose=Purpose.IDENTIFICATION,
            urgency=received.header.urgency,
            handling=received.header.handling,
            key=f"word {received.digest.hex()}",
        )
        if said.validity is Validity.NOT_VALID:
            await self._take_out(connection, row.record, now, received.sender)

    async def _take_out(self, connection: AsyncConnection, record: int, now: int, who: Address) -> None:
        for there in await records.by_id(connection, [record]):
            await records.erase(connection, there, now=now, who=who, ground="not valid, its owner said upon a hit")
            said = DatabaseRecorded(reference=there.reference, outcome=RecordOutcome.ERASED, record=there.number)
            await outgoing.post(
                connection, said, to=[there.contact], purpose=Purpose.ADMINISTRATION, key=f"erased {there.id}"
            )


async def _followed(connection: AsyncConnection, question: bytes) -> set[int]:
    """Records whose hits on a question are followed up: its handler may run again after that, and log it anew."""
    return set((await connection.execute(select(hit.c.record).where(hit.c.question == question))).scalars())


async def forget(connection: AsyncConnection, before: int) -> None:
    """Delete hits of before a time, in seconds since the epoch."""
    await connection.execute(delete(hit).where(hit.c.time < before))


def _alert(
    asked: Waiting, query: DatabaseQuery, record: Kept, score: int, reasons: tuple[MatchReason, ...]
) -> DatabaseAlert:
    return DatabaseAlert(
        record=record.number,
        reference=record.reference,
        kind=record.kind,
        asker=asked.asker,
        time=asked.time,
        score=score,
        reasons=reasons,
        visibility=record.message.visibility,
        asked=query.person,
        document=query.document,
        place=query.place,
        why=query.why,
    )


def _confirmation(asked: Waiting, query: DatabaseQuery, record: Kept) -> HitConfirmation:
    return HitConfirmation(
        record=record.number,
        reference=record.reference,
        kind=record.kind,
        notice=record.message.notice,
        asker=asked.asker,
        time=asked.time,
        place=query.place,
        person=query.person,
        document=query.document,
        why=query.why,
    )
