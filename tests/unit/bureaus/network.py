"""A network in memory with bureaus seated and one operation open, for tests of the SDK."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bureaus.client import Bureau, Connect
from bureaus.links.memory import MemoryNetwork
from bureaus.settings import Limits
from schemas.codes import Handling, Purpose
from schemas.identity import Address
from schemas.messages import KINDS, WhereaboutsQuery, WhereaboutsResponse
from schemas.messages.codes import Asked, Finding
from schemas.operation import Member, Operation, Phase, Role

OPERATION = "infra-test"
QUICK = Limits(
    backoff_first_seconds=0.01,
    backoff_last_seconds=0.05,
    refresh_pause_seconds=0.0,
    gossip_seconds=0.0,
    handler_retry_seconds=0.01,
    refresh_seconds=3600,
)
QUERY = WhereaboutsQuery(asked=(Asked.STATUS,), case="CASE-1")
NO_TRACE = WhereaboutsResponse(finding=Finding.NO_TRACE, case="CASE-1")


def operation(
    owner: str, members: Sequence[str], now: int, phase: Phase = Phase.ACTIVE, name: str = OPERATION
) -> Operation:
    return Operation(
        id=name,
        version=1,
        previous=None,
        time=now,
        name="Test",
        owner=Address(owner),
        phase=phase,
        members=tuple(
            Member(Address(code), Role.OWNER if code == owner else Role.PARTICIPANT, now - 60) for code in members
        ),
        kinds=tuple(KINDS),
        purposes=tuple(Purpose),
        handling=tuple(Handling),
    )


class Clock:
    """The time, in milliseconds since the epoch; may be put forward."""

    def __init__(self) -> None:
        self.ahead = 0

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self.ahead


class Team:
    """Bureaus on one network in memory, each with its home below a folder."""

    def __init__(self, folder: Path, *, exercise: bool = True) -> None:
        self.folder = folder
        self.clock = Clock()
        self.network = MemoryNetwork(self.clock, exercise=exercise)

    @classmethod
    async def gather(cls, folder: Path, codes: Sequence[str] = ("FR", "BR", "AR")) -> Team:
        """Seat everybody, and open the operation, owned by the first."""
        team = cls(folder)
        for code in codes:
            await team.network.seat(folder / code, code)
        async with team.open(codes[0]) as owner:
            await owner.publish_operation(operation(codes[0], codes, team.network.seconds))
        return team

    def open(self, code: str, limits: Limits = QUICK, connect: Connect | None = None) -> Bureau:
        return Bureau.open(self.folder / code, connect=connect or self.network.connect, limits=limits, clock=self.clock)


async def eventually(holds: Callable[[], bool], within: float = 60.0) -> None:
    """Wait until something that other tasks do has happened."""
    async with asyncio.timeout(within):
        while not holds():  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.005)


async def counted(bureau: Bureau, where: str, state: str, number: int, within: float = 60.0) -> None:
    """Wait until so many of a bureau's messages are in a state."""
    async with asyncio.timeout(within):
        while (await bureau.counts())[where].get(state, 0) != number:  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.005)
