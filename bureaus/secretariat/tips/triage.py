"""What the fugitive unit does with a tip: reads it, forwards it sealed, answers whoever gave it, closes it.

Rules: everything here is in the audit with who did it. A tip goes to each bureau in a message of its own, so that no
bureau learns who else got it; a bureau gets it once. The answer to the public is the unit's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Row, case, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.secretariat.office import Office
from bureaus.secretariat.registry import audit, outgoing
from bureaus.secretariat.registry import tips as t
from bureaus.secretariat.tips.sealing import Seal
from bureaus.secretariat.tips.taking import SAID, UNIT, TipState, Word, check_word, day_of, put_word, read_words
from bureaus.secretariat.typed import tidy
from schemas import messages
from schemas.codes import Handling, Purpose, Urgency
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.messages.attachments import Attachment, MediaType, Shows
from schemas.messages.codes import TipFinding
from schemas.messages.tips import Tip, TipDisposition

BEST: Final = (
    TipFinding.ARRESTED,
    TipFinding.LOCATED,
    TipFinding.USEFUL,
    TipFinding.KNOWN,
    TipFinding.IN_PROCESS,
    TipFinding.NOT_USEFUL,
    TipFinding.NOT_ASSESSED,
)
"""What a tip came to, where bureaus say different things: the first of these."""
_ORDER: Final = (TipState.MORE, TipState.NEW, TipState.FORWARDED, TipState.CLOSED, TipState.ERASED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A tip in the list: nothing that it says."""

    number: str
    day: str
    channel: str
    source: str
    appeal: str
    state: TipState
    finding: str


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A bureau that has a tip, and what it said."""

    bureau: str
    day: str
    disposition: TipDisposition | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A tip, opened."""

    line: Line
    tip: Tip | None
    """None once it is erased."""
    answerable: bool
    words: Sequence[Word]
    forwards: Sequence[Forwarded]
    pictures: int


class Triage:
    """The unit's side of tips."""

    def __init__(self, office: Office, seal: Seal) -> None:
        self._office, self._seal = office, seal

    async def list(self, state: TipState | None = None, limit: int = 200) -> Sequence[Line]:
        """Tips, those that wait for the unit first, then the newest; or those of one state."""
        rank = case({state: place for place, state in enumerate(_ORDER)}, value=t.tip.c.state)
        query = select(t.tip).order_by(rank, t.tip.c.day.desc(), t.tip.c.number).limit(limit)
        if state is not None:
            query = query.where(t.tip.c.state == state)
        async with self._office.registry.reading() as connection:
            return [_line(row) for row in await connection.execute(query)]

    async def counts(self) -> dict[str, int]:
        """How many tips are in which state."""
        query = select(t.tip.c.state, func.count()).group_by(t.tip.c.state)
        async with self._office.registry.reading() as connection:
            return {str(state): int(count) for state, count in await connection.execute(query)}

    async def open(self, number: str, *, who: str) -> Opened:
        """A tip with all that belongs to it; that it was read is recorded.

        Raises:
            Misuse: there is none. Untrusted: it does not open with this home's key.
        """
        async with self._office.registry.writing() as connection:
            row = await _row(connection, number)
            await self._note(connection, who, "tip read", number)
            words = await read_words(connection, self._seal, number)
            forwards = await connection.execute(
                select(t.forward).where(t.forward.c.tip == number).order_by(t.forward.c.bureau)
            )
            counted = select(func.count()).select_from(t.picture).where(t.picture.c.tip == number)
            pictures = int((await connection.execute(counted)).scalar_one())
            return Opened(
                line=_line(row),
                tip=self._tip(row),
                answerable=bool(row.secret),
                words=words,
                forwards=[self._forwarded(number, one) for one in forwards],
                pictures=pictures,
            )

    async def picture(self, number: str, place: int, *, who: str) -> bytes:
        """A picture of a tip, a JPEG.

        Raises:
            Misuse: there is none. Untrusted: it does not open with this home's key.
        """
        async with self._office.registry.writing() as connection:
            await self._note(connection, who, "tip picture seen", number, str(place))
            return await self._picture(connection, number, place)

    async def forward(self, number: str, to: Sequence[str], remarks: str, *, who: str, urgent: bool = False) -> None:
        """Send a tip, sealed, to bureaus that do not have it, a message each.

        Raises:
            Misuse: there is none, or nobody to send it to. Malformed: an address is none.
        """
        known = self._office.everybody()
        addresses = [Address.parse(one) for one in to]
        if not addresses or any(address.bureau not in known for address in addresses):
            raise Misuse("a tip goes to bureaus of the network")
        async with self._office.registry.writing() as connection:
            row = await _row(connection, number)
            tip = self._tip(row)
            if tip is None:
                raise Misuse(f"what tip {number} said is erased")
            pictures = await self._pictures(connection, number)
            listed = tuple(Attachment.of(data, Shows.OTHER, MediaType.JPEG) for data in pictures)
            said = tip.model_copy(update={"attachments": listed, "remarks": tidy(remarks)[:4000] or None})
            for address in addresses:
                if address.bureau == row.source:
                    raise Misuse(f"{row.source} gave this tip")
                await self._send(connection, row, address, said, pictures, urgent=urgent)
                await self._note(connection, who, "tip forwarded", number, str(address))
            values = {"state": TipState.FORWARDED, "closed": None}
            await connection.execute(update(t.tip).where(t.tip.c.number == number).values(values))

    async def _send(
        self, connection: AsyncConnection, row: Row[tuple[object, ...]], to: Address, said: Tip,
        pictures: Sequence[bytes], *, urgent: bool,
    ) -> None:  # fmt: skip
        number = str(row.number)
        here = t.forward.c.tip == number, t.forward.c.bureau == to
        if (await connection.execute(select(t.forward.c.tip).where(*here))).first() is not None:
            raise Misuse(f"{to} has this tip already")
        day = day_of(self._office.now())
        await connection.execute(insert(t.forward).values(tip=number, bureau=to, day=day, finding="", said=None))
        await outgoing.post(
            connection, said, to=[to], purpose=Purpose.LOCATION, handling=Handling.H1,
            urgency=Urgency.URGENT if urgent else Urgency.ROUTINE, expects=True, key=f"tip {number} to {to}",
            attachments=pictures,
        )  # fmt: skip

    async def answer(self, number: str, text: str, *, who: str) -> None:
        """Say something to whoever gave a tip.

        Raises:
            Misuse: there is none, or nobody comes back to read it. Malformed: nothing is said, or too much.
        """
        said = check_word(text)
        async with self._office.registry.writing() as connection:
            row = await _row(connection, number)
            if not row.secret:
                raise Misuse("nobody comes back to read an answer to this tip")
            await put_word(connection, self._seal, number, Word(day_of(self._office.now()), UNIT, said))
            await self._note(connection, who, "tip answered", number)

    async def close(self, number: str, finding: TipFinding, why: str, *, who: str) -> None:
        """Close a tip with what came of it; a bureau that gave it is told.

        Raises:
            Misuse: there is none.
        """
        day = day_of(self._office.now())
        async with self._office.registry.writing() as connection:
            row = await _row(connection, number)
            values = {"state": TipState.CLOSED, "finding": finding, "closed": day}
            await connection.execute(update(t.tip).where(t.tip.c.number == number).values(values))
            if row.source:
                said = TipDisposition(number=row.their_number, finding=finding)
                await outgoing.post(connection, said, to=[row.source], purpose=Purpose.INFORMATION)
            await self._note(connection, who, "tip closed", number, f"{finding}: {why}" if why else finding)

    async def erase(self) -> None:
        """Erase what tips said that were closed long enough ago; that there were tips stays."""
        now = self._office.now()
        last = day_of(now - self._office.settings.tip_kept_days * 86_400)
        async with self._office.registry.writing() as connection:
            due = t.tip.c.state == TipState.CLOSED, t.tip.c.closed < last
            values = {"state": TipState.ERASED, "said": b"", "secret": ""}
            gone = update(t.tip).where(*due).values(values).returning(t.tip.c.number)
            for (number,) in (await connection.execute(gone)).all():
                await connection.execute(delete(t.picture).where(t.picture.c.tip == number))
                await connection.execute(delete(t.word).where(t.word.c.tip == number))
                await connection.execute(update(t.forward).where(t.forward.c.tip == number).values(said=None))
                await self._note(connection, audit.SERVICE, "tip erased", number)

    def _tip(self, row: Row[tuple[object, ...]]) -> Tip | None:
        if row.state == TipState.ERASED:
            return None
        said = messages.decode(Tip.KIND, self._seal.open(bytes(row.said), row.number, SAID))
        if not isinstance(said, Tip):
            raise Misuse("what is kept of a tip is a tip")
        return said

    def _forwarded(self, number: str, row: Row[tuple[object, ...]]) -> Forwarded:
        if row.said is None:
            return Forwarded(row.bureau, row.day, None)
        said = messages.decode(TipDisposition.KIND, self._seal.open(bytes(row.said), number, f"from {row.bureau}"))
        return Forwarded(row.bureau, row.day, said if isinstance(said, TipDisposition) else None)

    async def _picture(self, connection: AsyncConnection, number: str, place: int) -> bytes:
        here = t.picture.c.tip == number, t.picture.c.place == place
        data = (await connection.execute(select(t.picture.c.data).where(*here))).scalar_one_or_none()
        if data is None:
            raise Misuse("there is no such picture")
        return self._seal.open(bytes(data), number, f"picture {place}")

    async def _pictures(self, connection: AsyncConnection, number: str) -> Sequence[bytes]:
        query = select(t.picture.c.place).where(t.picture.c.tip == number).order_by(t.picture.c.place)
        places = (await connection.execute(query)).scalars().all()
        return [await self._picture(connection, number, place) for place in places]

    async def _note(self, connection: AsyncConnection, who: str, act: str, number: str, why: str = "") -> None:
        await audit.note(connection, time=self._office.now(), who=who, act=act, subject=number, why=why)


async def _row(connection: AsyncConnection, number: str) -> Row[tuple[object, ...]]:
    row = (await connection.execute(select(t.tip).where(t.tip.c.number == number).with_for_update())).first()
    if row is None:
        raise Misuse(f"there is no tip {number}")
    return row


def _line(row: Row[tuple[object, ...]]) -> Line:
    return Line(
        number=row.number,
        day=row.day,
        channel=row.channel,
        source=row.source,
        appeal=row.appeal,
        state=TipState(row.state),
        finding=row.finding,
    )
