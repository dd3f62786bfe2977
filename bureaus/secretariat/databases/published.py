"""Notices fill the databases: a person that a notice is published about can be asked for from that moment on.

Red notices and the special notices of the Security Council make wanted persons; blue, green and yellow ones persons
who are sought for another reason. What is about no named person is not searchable. The record is the notice's owner's
and changes with the notice alone, never by `database.record`; it goes when the notice ends, or is about no such person
any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.secretariat.databases import records
from bureaus.secretariat.databases.records import Kept
from bureaus.secretariat.notices.values import Ended, Published
from bureaus.secretariat.office import Office
from bureaus.secretariat.registry import audit
from schemas.messages.codes import NoticeColour, Visibility
from schemas.messages.databases import DatabaseRecord
from schemas.messages.person import Person
from schemas.messages.search_codes import HitAction, RecordAct, RecordKind
from schemas.messages.whereabouts import Notice

SEARCHABLE: Final[Mapping[NoticeColour, tuple[RecordKind, HitAction]]] = MappingProxyType(
    {
        NoticeColour.RED: (RecordKind.WANTED_PERSON, HitAction.ARREST),
        NoticeColour.UN_SPECIAL: (RecordKind.WANTED_PERSON, HitAction.CONTACT_OWNER),
        NoticeColour.BLUE: (RecordKind.PERSON, HitAction.IDENTIFY),
        NoticeColour.GREEN: (RecordKind.PERSON, HitAction.OBSERVE),
        NoticeColour.YELLOW: (RecordKind.PERSON, HitAction.LOCATE),
    }
)
"""Colour -> what its record is, and what is asked of whoever finds the person."""


class FromNotices:
    """The hooks."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def published(self, connection: AsyncConnection, notice: Published) -> None:
        """Add or replace the notice's record, in the publishing transaction; take it out where it is of none now."""
        there = await records.of_owner(connection, notice.owner, notice.number, notice=True)
        if notice.colour not in SEARCHABLE or not isinstance(notice.subject, Person):
            await self._erase(connection, there, f"notice {notice.what}: about nobody who is searched for")
            return
        kind, action = SEARCHABLE[notice.colour]
        message = DatabaseRecord(
            act=RecordAct.ADD if there is None else RecordAct.UPDATE,
            reference=notice.number,
            person=notice.subject,
            notice=Notice(colour=notice.colour, number=notice.number),
            actions=(action,),
            visibility=Visibility(notice.visibility),
            denied=notice.denied,
            review=notice.review,
        )
        settings, now = self._office.settings, self._office.now()
        await records.carry_out(connection, message, sender=notice.owner, now=now, settings=settings, notice=kind)

    async def ended(self, connection: AsyncConnection, notice: Ended) -> None:
        """Take the notice's record out, in the transaction that ends it."""
        there = await records.of_owner(connection, notice.owner, notice.number, notice=True)
        await self._erase(connection, there, f"notice {notice.ending}")

    async def _erase(self, connection: AsyncConnection, there: Kept | None, ground: str) -> None:
        if there is not None:
            await records.erase(connection, there, now=self._office.now(), who=audit.SERVICE, ground=ground)
