"""Public appeals: what the public is shown of whom a bureau seeks.

Rules: the fugitive unit opens one with the owner's consent, which it names and which is recorded; the owner decides
about its data. An appeal that was made from a notice ends with the notice. What is shown is written for the public:
nothing is taken from a message by itself. The picture is made anew like those of the public.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.secretariat.notices import book
from bureaus.secretariat.notices.values import Ended, NoticeState
from bureaus.secretariat.office import Office
from bureaus.secretariat.registry import audit
from bureaus.secretariat.registry.tips import appeal
from bureaus.secretariat.typed import tidy
from schemas.errors import Misuse
from schemas.identity import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Appeal:
    """One appeal. Times in seconds since the epoch."""

    reference: str
    title: str
    text: str
    seeks: str
    """The bureau that seeks the person."""
    notice: str
    operation: str
    has_picture: bool
    opened: int
    ended: int | None


class Appeals:
    """The registry's appeals."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def open(
        self, shown: tuple[str, str], *, seeks: str, consent: str, who: str, notice: str = "", operation: str = "",
        picture: bytes | None = None,
    ) -> str:  # fmt: skip
        """Show the public a name and a text; `picture` is a JPEG made anew. The appeal's reference.

        Raises:
            Misuse: something is missing, or the notice is not theirs or not in force. Malformed: `seeks` is no address.
        """
        title, text = tidy(shown[0], lines=False), tidy(shown[1])
        if not title or not text or not consent.strip():
            raise Misuse("an appeal has a name, a text and the owner's consent")
        owner, now = Address.parse(seeks), self._office.now()
        async with self._office.registry.writing() as connection:
            if notice:
                await _check_in_force(connection, notice, owner)
            count = (await connection.execute(select(func.count()).select_from(appeal))).scalar_one()
            reference = f"A-{datetime.fromtimestamp(now, UTC).year}-{count + 1}"
            values: dict[str, object] = {
                "reference": reference,
                "title": title,
                "text": text,
                "seeks": owner,
                "notice": notice,
            }
            values |= {"operation": operation, "picture": picture, "opened": now, "ended": None}
            await connection.execute(insert(appeal).values(values))
            await audit.note(
                connection, time=now, who=who, act="appeal opened", subject=reference, why=f"consent: {consent.strip()}"
            )
        return reference

    async def end(self, reference: str, why: str, *, who: str) -> None:
        """Show it no longer.

        Raises:
            Misuse: there is none, or it ended.
        """
        now = self._office.now()
        here = appeal.c.reference == reference, appeal.c.ended.is_(None)
        async with self._office.registry.writing() as connection:
            ended = update(appeal).where(*here).values(ended=now).returning(appeal.c.reference)
            if (await connection.execute(ended)).first() is None:
                raise Misuse("there is no such appeal, or it ended")
            await audit.note(connection, time=now, who=who, act="appeal ended", subject=reference, why=why)

    async def all(self, *, ended: bool = False) -> Sequence[Appeal]:
        """Appeals that are shown, the newest first; with `ended` also those that are not."""
        query = select(appeal) if ended else select(appeal).where(appeal.c.ended.is_(None))
        async with self._office.registry.reading() as connection:
            rows = await connection.execute(query.order_by(appeal.c.opened.desc(), appeal.c.reference.desc()))
            return [_appeal(row) for row in rows]

    async def one(self, reference: str) -> Appeal | None:
        """An appeal, ended or not."""
        async with self._office.registry.reading() as connection:
            row = (await connection.execute(select(appeal).where(appeal.c.reference == reference))).first()
        return None if row is None else _appeal(row)

    async def picture(self, reference: str) -> bytes | None:
        """The picture of an appeal that is shown."""
        here = appeal.c.reference == reference, appeal.c.ended.is_(None)
        async with self._office.registry.reading() as connection:
            found = (await connection.execute(select(appeal.c.picture).where(*here))).scalar_one_or_none()
        return None if found is None else bytes(found)

    async def follow(self, connection: AsyncConnection, ended: Ended) -> None:
        """A notice ended: what was shown of it ends in the same transaction."""
        here = appeal.c.notice == ended.number, appeal.c.ended.is_(None)
        gone = update(appeal).where(*here).values(ended=ended.time).returning(appeal.c.reference)
        for (reference,) in (await connection.execute(gone)).all():
            await audit.note(
                connection, time=ended.time, who=audit.SERVICE, act="appeal ended", subject=reference,
                why=f"notice {ended.number} ended",
            )  # fmt: skip


async def _check_in_force(connection: AsyncConnection, number: str, owner: Address) -> None:
    entry = await book.notice(connection, number)
    if entry is None or entry.state is not NoticeState.IN_FORCE or entry.owner.bureau != owner.bureau:
        raise Misuse(f"{owner} has no notice {number} in force")


def _appeal(row: Row[tuple[object, ...]]) -> Appeal:
    return Appeal(
        reference=row.reference,
        title=row.title,
        text=row.text,
        seeks=row.seeks,
        notice=row.notice,
        operation=row.operation,
        has_picture=row.picture is not None,
        opened=row.opened,
        ended=row.ended,
    )
