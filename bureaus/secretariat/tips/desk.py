"""Tips of bureaus, and what bureaus say came of tips: handlers, hooks and chores.

Rules: a bureau's tip is taken once, whatever comes again (its message's digest, and the number that the bureau gave
it). Its pictures are made anew like the public's; what is no picture is left out, and that is recorded. A disposition
counts from a bureau that has the tip, and goes on to the bureau that gave it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.exchange import Received
from bureaus.secretariat.office import Chore, Office
from bureaus.secretariat.registry import audit, outgoing
from bureaus.secretariat.registry import tips as t
from bureaus.secretariat.tips import numbers
from bureaus.secretariat.tips.appeals import Appeals
from bureaus.secretariat.tips.pictures import Pictures
from bureaus.secretariat.tips.sealing import Seal
from bureaus.secretariat.tips.taking import SAID, TipState, day_of, put_pictures
from bureaus.secretariat.tips.triage import BEST, Triage
from schemas import messages
from schemas.codes import Purpose
from schemas.errors import Malformed, Misuse
from schemas.messages.codes import TipFinding
from schemas.messages.tips import Tip, TipDisposition

_HOUR: Final = 3600.0


class Desk:
    """Takes what bureaus send about tips."""

    def __init__(self, office: Office, seal: Seal) -> None:
        self._office, self._seal = office, seal
        self._pictures = Pictures(office.settings)

    async def tip(self, received: Received) -> None:
        """A bureau's tip, of its public or of an anonymous programme."""
        said = received.message
        if not isinstance(said, Tip):
            raise Misuse("only tips are taken here")
        pictures = await self._anew(received)
        left_out = len(received.attachments) - len(pictures)
        number, source = numbers.new_number(), str(received.sender.bureau)
        kept = said.model_copy(update={"number": number, "attachments": ()})
        values: dict[str, object] = {"number": number, "day": day_of(self._office.now()), "channel": said.channel}
        values |= {"source": source, "their_number": said.number, "message": received.digest, "secret": ""}
        values |= {"appeal": said.appeal or "", "said": self._seal.seal(messages.encode(kept), number, SAID)}
        values |= {"state": TipState.NEW, "finding": "", "closed": None}
        async with self._office.registry.writing() as connection:
            theirs = (t.tip.c.source == source) & (t.tip.c.their_number == said.number)
            known = select(t.tip.c.number).where(or_(t.tip.c.message == received.digest, theirs))
            if (await connection.execute(known)).first() is not None:
                return
            await connection.execute(insert(t.tip).values(values))
            await put_pictures(connection, self._seal, number, pictures)
            why = f"{left_out} attachments that are no pictures were left out" if left_out else ""
            await self._note(connection, str(received.sender), "tip taken", number, why)

    async def _anew(self, received: Received) -> Sequence[bytes]:
        made = []
        for data in received.attachments[: self._office.settings.tip_pictures]:
            try:
                made.append(await self._pictures.anew(bytes(data)))
            except Malformed:
                continue  # counted by the caller, and recorded
        return made

    async def disposition(self, received: Received) -> None:
        """What a bureau says came of a tip that it was sent."""
        said = received.message
        if not isinstance(said, TipDisposition):
            raise Misuse("only dispositions are taken here")
        sender = received.sender
        async with self._office.registry.writing() as connection:
            has = t.forward.c.tip == said.number, or_(t.forward.c.bureau == sender, t.forward.c.bureau == sender.bureau)
            bureau = (await connection.execute(select(t.forward.c.bureau).where(*has))).scalars().first()
            if bureau is None:
                await self._note(connection, str(sender), "disposition set aside", said.number, "it has no such tip")
                return
            sealed = self._seal.seal(messages.encode(said), said.number, f"from {bureau}")
            here = t.forward.c.tip == said.number, t.forward.c.bureau == bureau
            await connection.execute(update(t.forward).where(*here).values(finding=said.finding, said=sealed))
            await self._sum_up(connection, said, received)
            await self._note(connection, str(sender), "tip disposition", said.number, said.finding)

    async def _sum_up(self, connection: AsyncConnection, said: TipDisposition, received: Received) -> None:
        """The best of what bureaus said is the tip's; the bureau that gave it is told."""
        query = select(t.forward.c.finding).where(t.forward.c.tip == said.number, t.forward.c.finding != "")
        found = {TipFinding(one) for one in (await connection.execute(query)).scalars()}
        best = next(one for one in BEST if one in found)
        changed = update(t.tip).where(t.tip.c.number == said.number).values(finding=best)
        row = (await connection.execute(changed.returning(t.tip.c.source, t.tip.c.their_number))).one()
        if row.source:
            told = TipDisposition(number=row.their_number, finding=said.finding, for_tipster=said.for_tipster)
            key = f"disposition {received.digest.hex()}"
            await outgoing.post(connection, told, to=[row.source], purpose=Purpose.INFORMATION, key=key)

    async def _note(self, connection: AsyncConnection, who: str, act: str, number: str, why: str = "") -> None:
        await audit.note(connection, time=self._office.now(), who=who, act=act, subject=number, why=why)


def register(office: Office) -> None:
    """Take tips and dispositions; end appeals with their notices."""
    desk = Desk(office, Seal.at(office.bureau.home))
    office.bureau.on(Tip)(desk.tip)
    office.bureau.on(TipDisposition)(desk.disposition)
    office.ended.append(Appeals(office).follow)


def chores(office: Office) -> Sequence[Chore]:
    """Erasure."""
    return (Chore("tips", _HOUR, Triage(office, Seal.at(office.bureau.home)).erase),)
