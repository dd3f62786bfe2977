"""What the duty officer sees and does: silences, calls to the silent, what is urgent, hand-over notes.

Rules: a call is a real message, urgent, with a time to reply by, sent once; another call is another message. A silence
is closed by a person, with a word why: whether an answer came, the centre knows by hearsay alone. Nothing is deleted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.outcomes import Fate
from bureaus.secretariat.duty.hearing import key_of
from bureaus.secretariat.office import Office
from bureaus.secretariat.registry import audit, outgoing
from bureaus.secretariat.registry import duty as t
from bureaus.secretariat.typed import tidy
from schemas.codes import Purpose, Urgency
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.messages.duty import DutyCall

_MOST_CALLS: Final = 1000
_SHOWN: Final = 200
_URGENT_SHOWN: Final = 50
_NOTES: Final = 6
_LONGEST: Final = 4000


class Shift(StrEnum):
    """Whose watch ends."""

    DAY = "day"
    NIGHT = "night"


@dataclass(frozen=True, slots=True)
class Call:
    """One call about a silence. Times in seconds since the epoch."""

    number: int
    time: int
    who: str
    finding: str
    """What the bureau said; empty while it said nothing, SILENT where that too was attested."""
    until: int | None
    remarks: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """One bureau that does not answer one query. Times in seconds since the epoch."""

    id: int
    query: str
    asked: str
    asker: str
    operation: str
    due: int
    request: int
    event: str
    calls: Sequence[Call]
    closed: int | None
    closed_by: str
    why: str


@dataclass(frozen=True, slots=True)
class Question:
    """An urgent question of the secretariat that is not answered by all."""

    kind: str
    reply_by: int | None
    sides: Mapping[str, str]
    """Address -> awaiting, interim, more-time, silent."""


@dataclass(frozen=True, slots=True)
class Note:
    """What a watch leaves the next."""

    id: int
    time: int
    shift: Shift
    who: str
    text: str
    taken: int | None
    taken_by: str


class Desk:
    """The desk of one office."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def silences(self, *, closed: bool = False) -> Sequence[Silence]:
        """Silences that are open, longest due first; or those that were closed last."""
        query = select(t.silence).limit(_SHOWN)
        if closed:
            query = query.where(t.silence.c.closed.is_not(None)).order_by(t.silence.c.closed.desc())
        else:
            query = query.where(t.silence.c.closed.is_(None)).order_by(t.silence.c.due, t.silence.c.id)
        async with self._office.registry.reading() as connection:
            rows = (await connection.execute(query)).all()
            named = select(t.call).where(t.call.c.silence.in_([row.id for row in rows])).order_by(t.call.c.number)
            calls: dict[int, list[Call]] = {}
            for one in await connection.execute(named):
                said = Call(one.number, one.time, one.who, one.finding or "", one.until, one.remarks)
                calls.setdefault(one.silence, []).append(said)
        return [_silence(row, calls.get(row.id, [])) for row in rows]

    async def call(self, number: int, remarks: str, *, who: str) -> str:
        """Ask the bureau of a silence again: its address.

        Raises:
            Misuse: there is no such silence, or it is closed; or the words are too long.
        """
        now = self._office.now()
        async with self._office.registry.writing() as connection:
            row = await self._open(connection, number)
            counted = select(func.count()).select_from(t.call).where(t.call.c.silence == number)
            count = int((await connection.execute(counted)).scalar_one()) + 1
            if count > _MOST_CALLS:
                raise Misuse("this bureau was asked often enough about this")
            said = DutyCall(
                query=row.query.hex(),
                asker=Address(row.asker),
                operation=row.operation,
                due=row.due,
                call=count,
                remarks=_words(remarks, optional=True) or None,
            )
            values = {"silence": number, "number": count, "time": now, "who": who, "remarks": ""}
            await connection.execute(insert(t.call).values(values))
            await outgoing.post(
                connection, said, to=[row.asked], purpose=Purpose.ADMINISTRATION, urgency=Urgency.URGENT, expects=True,
                reply_by=now + self._office.settings.duty_reply_seconds, key=key_of(number, count),
            )  # fmt: skip
            await self._note(connection, who, "asked again", row.query.hex(), f"{row.asked}, call {count}")
            return str(row.asked)

    async def close(self, number: int, why: str, *, who: str) -> None:
        """Close a silence.

        Raises:
            Misuse: there is no such silence, it is closed, or nothing is said why.
        """
        said = _words(why)
        async with self._office.registry.writing() as connection:
            row = await self._open(connection, number)
            values = {"closed": self._office.now(), "closed_by": who, "why": said}
            await connection.execute(update(t.silence).where(t.silence.c.id == number).values(values))
            await self._note(connection, who, "silence closed", row.query.hex(), said)

    async def urgent(self) -> Sequence[Question]:
        """Urgent questions of the secretariat that somebody has not answered, the newest first."""
        o = outgoing.outgoing
        asked = select(o.c.kind, o.c.reply_by, o.c.digest).where(
            o.c.urgency == Urgency.URGENT, o.c.expects.is_(True), o.c.digest.is_not(None)
        )
        async with self._office.registry.reading() as connection:
            rows = (await connection.execute(asked.order_by(o.c.id.desc()).limit(_URGENT_SHOWN))).all()
        found = []
        for row in rows:
            sides = await (await self._office.bureau.exchange(bytes(row.digest))).sides()
            open_ = {str(a): str(side.fate) for a, side in sides.items() if not side.ended or side.fate is Fate.SILENT}
            if open_:
                found.append(Question(row.kind, row.reply_by, open_))
        return found

    async def notes(self) -> Sequence[Note]:
        """The last hand-over notes, the newest first."""
        async with self._office.registry.reading() as connection:
            rows = await connection.execute(select(t.note).order_by(t.note.c.id.desc()).limit(_NOTES))
            return [
                Note(row.id, row.time, Shift(row.shift), row.who, row.text, row.taken, row.taken_by or "")
                for row in rows
            ]

    async def leave(self, shift: Shift, text: str, *, who: str) -> None:
        """Leave a note for the next watch.

        Raises:
            Misuse: nothing is said, or too much.
        """
        said = _words(text)
        async with self._office.registry.writing() as connection:
            values = {"time": self._office.now(), "shift": shift, "who": who, "text": said}
            await connection.execute(insert(t.note).values(values))
            await self._note(connection, who, "watch handed over", shift)

    async def take(self, number: int, *, who: str) -> None:
        """Take over what a note says.

        Raises:
            Misuse: there is none, it is taken, or by whom it was left.
        """
        async with self._office.registry.writing() as connection:
            row = (await connection.execute(select(t.note).where(t.note.c.id == number).with_for_update())).first()
            if row is None or row.taken is not None:
                raise Misuse("there is no such note, or somebody took it over")
            if row.who == who:
                raise Misuse("a watch is taken over by somebody else than who left it")
            values = {"taken": self._office.now(), "taken_by": who}
            await connection.execute(update(t.note).where(t.note.c.id == number).values(values))
            await self._note(connection, who, "watch taken over", row.shift, f"left by {row.who}")

    async def _open(self, connection: AsyncConnection, number: int) -> Row[tuple[object, ...]]:
        here = t.silence.c.id == number, t.silence.c.closed.is_(None)
        row = (await connection.execute(select(t.silence).where(*here).with_for_update())).first()
        if row is None:
            raise Misuse("there is no such silence, or it is closed")
        return row

    async def _note(self, connection: AsyncConnection, who: str, act: str, subject: str, why: str = "") -> None:
        await audit.note(connection, time=self._office.now(), who=who, act=act, subject=subject, why=why)


def _words(text: str, *, optional: bool = False) -> str:
    said = tidy(text)
    if (not said and not optional) or len(said) > _LONGEST:
        raise Misuse(f"say something, in {_LONGEST} characters at most")
    return said


def _silence(row: Row[tuple[object, ...]], calls: Sequence[Call]) -> Silence:
    return Silence(
        id=row.id,
        query=row.query.hex(),
        asked=row.asked,
        asker=row.asker,
        operation=row.operation,
        due=row.due,
        request=row.request,
        event=row.event,
        calls=calls,
        closed=row.closed,
        closed_by=row.closed_by or "",
        why=row.why or "",
    )
