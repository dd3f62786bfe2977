"""Tips of the public taken in, and read again by whoever gave them.

A tip is kept as the message that will go to bureaus, sealed; beside it stand its number, the day, the appeal, and an
Argon2id hash of the secret. The number and the secret are shown once and to nobody else. Nothing here knows where a
tip comes from, and neither taking nor reading one is in the audit: its rows have a time finer than the day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from pydantic import ValidationError
from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.secretariat.office import Office
from bureaus.secretariat.registry import tips as t
from bureaus.secretariat.staff.passwords import Comparing
from bureaus.secretariat.tips import numbers
from bureaus.secretariat.tips.sealing import Seal
from bureaus.secretariat.typed import tidy
from schemas import messages
from schemas.errors import Malformed, Misuse, Reason
from schemas.messages.codes import TipChannel
from schemas.messages.fields import Place
from schemas.messages.tips import Tip

SAID: Final = "said"
TIPSTER, UNIT = "tipster", "unit"
_MOST_WORDS: Final = 50
"""Words of either side about one tip."""


class TipState(StrEnum):
    """Where a tip stands with the unit."""

    NEW = "new"
    FORWARDED = "forwarded"
    MORE = "more"
    """Whoever gave it said more."""
    CLOSED = "closed"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Given:
    """What the form said. Empty is unknown."""

    text: str
    appeal: str = ""
    country: str = ""
    place: str = ""
    seen: str = ""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of the exchange between the unit and whoever gave the tip."""

    day: str
    by: str
    text: str


@dataclass(frozen=True, slots=True)
class Thread:
    """What whoever gave a tip reads of it."""

    number: str
    day: str
    state: TipState
    finding: str
    words: Sequence[Word]


def day_of(now: int) -> str:
    """The day of a time in seconds, in UTC."""
    return datetime.fromtimestamp(now, UTC).date().isoformat()


class Taking:
    """The public's side of tips."""

    def __init__(self, office: Office, seal: Seal) -> None:
        self._office, self._seal = office, seal
        self._comparing = Comparing()

    async def take(self, given: Given, pictures: Sequence[bytes] = ()) -> tuple[str, str]:
        """Keep a tip with pictures made anew: its number, and the secret that opens its answers.

        Raises:
            Malformed: `content-model`, there is no text, or something is too long or none such. Unavailable:
                `overloaded`, `store`.
        """
        secret, number = numbers.new_secret(), numbers.new_number()
        day = day_of(self._office.now())
        said = self._seal.seal(messages.encode(_tip(number, day, given)), number, SAID)
        kept = await self._comparing.keep(secret)
        values: dict[str, object] = {
            "number": number,
            "day": day,
            "channel": TipChannel.PUBLIC_PAGE,
            "source": "",
            "their_number": "",
        }
        values |= {"message": None, "appeal": given.appeal, "secret": kept, "said": said}
        values |= {"state": TipState.NEW, "finding": "", "closed": None}
        async with self._office.registry.writing() as connection:
            await connection.execute(insert(t.tip).values(values))
            await put_pictures(connection, self._seal, number, pictures)
        return number, secret

    async def read(self, number: str, secret: str) -> Thread | None:
        """A tip by its number and secret; None where there is none such, which takes as long.

        Raises:
            Unavailable: `overloaded`, `store`.
        """
        async with self._office.registry.reading() as connection:
            row = (await connection.execute(select(t.tip).where(t.tip.c.number == number))).first()
        kept = str(row.secret) if row is not None and row.secret else None
        if not await self._comparing.matches(secret, kept) or row is None:
            return None
        async with self._office.registry.reading() as connection:
            words = await read_words(connection, self._seal, number)
        return Thread(number, row.day, TipState(row.state), row.finding, words)

    async def add(self, number: str, secret: str, text: str) -> bool:
        """Say more to a tip; False where there is none such.

        Raises:
            Malformed: `content-model`, nothing is said or too much. Misuse: there is no more room.
            Unavailable: `overloaded`, `store`.
        """
        said = check_word(text)
        if await self.read(number, secret) is None:
            return False
        async with self._office.registry.writing() as connection:
            row = (await connection.execute(select(t.tip).where(t.tip.c.number == number).with_for_update())).first()
            if row is None or row.state == TipState.ERASED:
                return False
            await put_word(connection, self._seal, number, Word(day_of(self._office.now()), TIPSTER, said))
            more = update(t.tip).where(t.tip.c.number == number).values(state=TipState.MORE, closed=None)
            await connection.execute(more)
        return True


def _tip(number: str, day: str, given: Given) -> Tip:
    place = tidy(given.place, lines=False)
    try:
        return Tip(
            number=number,
            channel=TipChannel.PUBLIC_PAGE,
            received=day,
            text=tidy(given.text),
            appeal=given.appeal or None,
            place=Place(country=given.country, locality=place or None) if given.country else None,
            seen=given.seen or None,
        )
    except ValidationError as error:
        field = ".".join(
            map(str, error.errors(include_url=False, include_context=False, include_input=False)[0]["loc"])
        )
    raise Malformed(Reason.CONTENT_MODEL, f"the field {field} is empty, too long, or none such")


def check_word(text: str) -> str:
    """Words to or of a tipster, tidied.

    Raises:
        Malformed: `content-model`, there are none or too many.
    """
    said = tidy(text)
    if not 0 < len(said) <= 4000:
        raise Malformed(Reason.CONTENT_MODEL, "nothing is said, or more than 4,000 characters")
    return said


async def put_pictures(connection: AsyncConnection, seal: Seal, number: str, pictures: Sequence[bytes]) -> None:
    """Keep pictures of a tip, sealed."""
    for place, data in enumerate(pictures):
        sealed = seal.seal(data, number, f"picture {place}")
        await connection.execute(insert(t.picture).values(tip=number, place=place, data=sealed))


async def put_word(connection: AsyncConnection, seal: Seal, number: str, word: Word) -> None:
    """Add a word to a tip.

    Raises:
        Misuse: there is no more room.
    """
    counted = select(func.count()).select_from(t.word).where(t.word.c.tip == number)
    place = int((await connection.execute(counted)).scalar_one())
    if place >= _MOST_WORDS:
        raise Misuse("there is no room for more words on this tip; please give a new one")
    sealed = seal.seal(word.text.encode(), number, f"word {place}")
    await connection.execute(insert(t.word).values(tip=number, place=place, day=word.day, by=word.by, text=sealed))


async def read_words(connection: AsyncConnection, seal: Seal, number: str) -> Sequence[Word]:
    """The words of a tip, opened, in order."""
    rows = await connection.execute(select(t.word).where(t.word.c.tip == number).order_by(t.word.c.place))
    return [_word(seal, number, row) for row in rows]


def _word(seal: Seal, number: str, row: Row[tuple[object, ...]]) -> Word:
    return Word(row.day, row.by, seal.open(bytes(row.text), number, f"word {row.place}").decode())
