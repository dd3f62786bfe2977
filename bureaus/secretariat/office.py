"""What every room of the secretariat is given, and what it gives back: handlers, hooks, chores.

A room is a module with `register(office)`, which registers its handlers and hooks, and `chores(office)`, what it does
by itself from time to time. `serving.py` lists the rooms. Officers' commands make an office too, around a bureau that
is not entered: they write to the registry, and the process that serves sends what follows (registry/outgoing.py).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from bureaus.exchange import Received
from bureaus.secretariat.registry import outgoing
from schemas.directory import ParticipantKind, State
from schemas.errors import Misuse

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from bureaus.client import Bureau
    from bureaus.secretariat.notices.values import Ended, Published
    from bureaus.secretariat.registry import Registry
    from bureaus.secretariat.settings import Settings

OPERATION: Final = "ipsg-services"
"""The standing operation that the services are exchanged in."""
_BUREAUS: Final = frozenset({ParticipantKind.NATIONAL_BUREAU, ParticipantKind.REGIONAL_BUREAU})

PublishedHook: TypeAlias = "Callable[[AsyncConnection, Published], Awaitable[None]]"
EndedHook: TypeAlias = "Callable[[AsyncConnection, Ended], Awaitable[None]]"


@dataclass(frozen=True, slots=True)
class Chore:
    """What is done again and again, `every` so many seconds after it ended. A failure is logged, and it goes on."""

    name: str
    every: float
    run: Callable[[], Awaitable[None]]
    wakes: bool = False
    """Also at once after each transaction of this process."""


@dataclass(slots=True, eq=False)
class Office:
    """The secretariat's bureau with its registry, and who wants to know of notices."""

    bureau: Bureau
    registry: Registry
    settings: Settings
    now: Callable[[], int]
    """Seconds since the epoch."""
    operation: str = OPERATION
    standing: bool = True
    """Whether that is the standing operation, which is held against the directory. An exercise has its own, and its
    office publishes nothing about any other."""
    published: list[PublishedHook] = field(default_factory=list)
    """Called inside the publishing transaction: new, updated, addendum."""
    ended: list[EndedHook] = field(default_factory=list)
    """Called inside the transaction that withdraws, cancels or lets it expire."""

    def everybody(self, but: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Every active bureau of the standing operation but ourselves and those of `but`, in order.

        Organisations are not among them: they are denied what they were not given. Needs the bureau to be entered.
        """
        trust, denied = self.bureau.trust, set(but) | {self.bureau.address}
        operation = trust.operation(self.operation)
        rows = [row for row in trust.directory.participants if row.kind in _BUREAUS and row.state is State.ACTIVE]
        return tuple(
            str(row.address)
            for row in rows
            if row.address not in denied
            and operation is not None
            and (member := operation.member(row.address, self.now())) is not None
            and member.receives
        )

    async def asked(self, answer: Received) -> outgoing.Asked | None:
        """The row of what an answer answers; None where we did not ask.

        It is found by the digest in the answer's header; where that was not marked (a process ended between sending
        and marking, or the envelope was sealed again), by what the SDK kept of the question.
        """
        if (re := answer.header.re) is None:
            return None
        async with self.registry.reading() as connection:
            found = await outgoing.asked(connection, re)
        if found is not None:
            return found
        try:
            question = (await self.bureau.exchange(re)).draft
        except Misuse:
            return None
        async with self.registry.reading() as connection:
            return await outgoing.asked_with(connection, question.kind, question.content)
