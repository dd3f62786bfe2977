"""The gateway's attestations of silence, kept in the registry; and what a bureau that was asked again says.

Order of work: the SDK keeps each attestation before anybody is told of it; this reads from there on, from a little
before the last that the registry has, so that nothing is missed that came while nobody served. A silence is one row by
query and bureau asked, with what was attested last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bureaus.exchange import Received
from bureaus.secretariat.office import Chore, Office
from bureaus.secretariat.registry import audit, outgoing
from bureaus.secretariat.registry.duty import call, silence
from schemas.attestations import Attestation
from schemas.errors import Misuse
from schemas.evidence import Event
from schemas.messages.duty import DutyAnswer

SILENT: Final = "SILENT"
"""A call's finding where the bureau did not answer the call either, as the gateway attested."""
CALL: Final = "duty call"
"""How the keys of our calls begin (registry/outgoing.py)."""
_KEPT: Final = frozenset({Event.ANSWER_OVERDUE, Event.ESCALATED})
_OVERLAP: Final = 60
"""Seconds that are read again."""


class Hearing:
    """Keeps what the gateway and the bureaus say."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._heard = True
        self._since: int | None = None
        """Milliseconds: what came later is not read yet."""

    def ring(self, _said: Attestation) -> None:
        """Something was attested."""
        self._heard = True

    async def run(self) -> None:
        """Keep what was attested since the last time."""
        if not self._heard:
            return
        self._heard = False
        try:
            since = await self._begin() if self._since is None else self._since
            for arrived, said in await self._office.bureau.attested(since):
                if said.event in _KEPT:
                    await self._keep(arrived // 1000, said)
                self._since = arrived
        except BaseException:
            self._heard = True
            raise

    async def _begin(self) -> int:
        async with self._office.registry.reading() as connection:
            last = (await connection.execute(select(func.max(silence.c.heard)))).scalar_one()
        return max(0, ((last or 0) - _OVERLAP) * 1000)

    async def _keep(self, heard: int, said: Attestation) -> None:
        async with self._office.registry.writing() as connection:
            if said.asker.bureau == self._office.bureau.address and await self._of_a_call(connection, said):
                return
            here = silence.c.query == said.query, silence.c.asked == said.asked
            row = (await connection.execute(select(silence).where(*here).with_for_update())).first()
            if row is not None and row.entry >= said.index:
                return
            values: dict[str, object] = {"event": str(said.event), "entry": said.index, "heard": heard}
            values |= {"due": said.due // 1000, "request": said.request}
            if row is not None:
                again = {"closed": None, "closed_by": None, "why": None} if said.request > row.request else {}
                await connection.execute(update(silence).where(*here).values(values | again))
            else:
                values |= {"query": said.query, "asked": said.asked, "asker": said.asker}
                await connection.execute(insert(silence).values(values | {"operation": said.operation}))
            await audit.note(
                connection, time=heard, who=audit.SERVICE, act=f"silence {said.event}", subject=said.query.hex(),
                why=f"{said.asked} towards {said.asker}",
            )  # fmt: skip

    async def _of_a_call(self, connection: AsyncConnection, said: Attestation) -> bool:
        """Whether it is a call of ours that was not answered: noted with the call."""
        asked = await outgoing.asked(connection, said.query)
        if asked is None or (number := call_of(asked.key)) is None:
            return False
        here = call.c.silence == number[0], call.c.number == number[1], call.c.finding.is_(None)
        await connection.execute(update(call).where(*here).values(finding=SILENT, answered=said.time // 1000))
        return True

    async def answer(self, received: Received) -> None:
        """A bureau that was asked again says something."""
        said = received.message
        if not isinstance(said, DutyAnswer):
            raise Misuse("only a duty call's answers are taken here")
        asked = await self._office.asked(received)
        ours = asked is not None and {received.sender, received.sender.bureau} & set(asked.to)
        number = call_of(asked.key) if asked is not None and ours else None
        async with self._office.registry.writing() as connection:
            if number is None:
                await self._note(connection, received, "duty answer set aside", "it answers no call")
                return
            here = call.c.silence == number[0], call.c.number == number[1]
            values: dict[str, object] = {"finding": said.finding, "until": said.until, "remarks": said.remarks or ""}
            values |= {"answered": self._office.now()}
            await connection.execute(update(call).where(*here).values(values))
            await self._note(connection, received, "duty answer", str(said.finding))

    async def _note(self, connection: AsyncConnection, received: Received, act: str, why: str) -> None:
        subject = received.message.query if isinstance(received.message, DutyAnswer) else ""
        await audit.note(
            connection, time=self._office.now(), who=str(received.sender), act=act, subject=subject, why=why
        )


def key_of(number: int, count: int) -> str:
    """The key of a call's message."""
    return f"{CALL} {number} {count}"


def call_of(key: str | None) -> tuple[int, int] | None:
    """The silence and the call that a key is of."""
    if key is None or not key.startswith(f"{CALL} "):
        return None
    number, count = key.removeprefix(f"{CALL} ").split()
    return int(number), int(count)


def register(office: Office) -> None:
    """Take what bureaus say that were asked again."""
    office.bureau.on(DutyAnswer)(Hearing(office).answer)


def chores(office: Office) -> Sequence[Chore]:
    """Read on whenever something was attested."""
    hearing = Hearing(office)
    office.bureau.on_attestation(hearing.ring)
    return (Chore("duty", 1.0, hearing.run),)
