"""A network in memory with bureaus seated and one operation open, for tests of the SDK."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bureaus.client import Bureau
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
    handler_retry_seconds=0.01,
    refresh_seconds=3600,
)
QUERY = WhereaboutsQuery(asked=(Asked.STATUS,), case="CASE-1")
NO_TRACE = WhereaboutsResponse(finding=Finding.NO_TRACE, case="CASE-1")


def operation(owner: str, members: Sequence[str], now: int, phase: Phase = Phase.ACTIVE) -> Operation:
    return Operation(
        id=OPERATION,
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


class Team:
    """Bureaus on one network in memory, each with its home below a folder."""

    def __init__(self, folder: Path, network: MemoryNetwork) -> None:
        self.folder = folder
        self.network = network

    @classmethod
    async def gather(cls, folder: Path, codes: Sequence[str] = ("FR", "BR", "AR")) -> Team:
        """Seat everybody, and open the operation, owned by the first."""
        team = cls(folder, MemoryNetwork())
        for code in codes:
            await team.network.seat(folder / code, code)
        async with team.open(codes[0]) as owner:
            await owner.publish_operation(operation(codes[0], codes, team.network.seconds))
        return team

    def open(self, code: str, limits: Limits = QUICK) -> Bureau:
        return Bureau.open(self.folder / code, connect=self.network.connect, limits=limits, clock=self.network.clock)
