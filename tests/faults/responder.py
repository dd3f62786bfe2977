"""A bureau with the SDK in a process of its own: it answers every query with NO_TRACE, until it is told to stop.

    python -m tests.faults.responder HOME [--end-at STAGE:N] [--ahead SECONDS]

STAGE is `handled`, in the handler of the Nth query after its answer, before anything is committed; or `committed`,
before the Nth acknowledgement goes to the gateway, when answer and completion are committed. The process ends by
SIGKILL there. `--ahead` puts its clock forward.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import click

from bureaus import links
from bureaus.client import Bureau, Received
from bureaus.enrolment import Identity
from bureaus.links import Link
from bureaus.settings import Limits
from schemas.errors import BureaunetError
from schemas.messages import WhereaboutsQuery, WhereaboutsResponse
from schemas.messages.codes import Finding
from schemas.wire import InboxItem

LIMITS = Limits(proofs=False, backoff_last_seconds=2.0, refresh_seconds=5.0)


class Ending:
    """Counts a stage, and ends the process at the Nth time."""

    def __init__(self, asked: str) -> None:
        self._stage, _, count = asked.partition(":")
        self._left = int(count or 0)

    def reach(self, stage: str) -> None:
        """This stage is reached."""
        if stage == self._stage:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


class EndingLink:
    """A link whose Nth acknowledgement is never sent."""

    def __init__(self, link: Link, ending: Ending) -> None:
        self._link = link
        self._ending = ending

    async def submit(self, body: bytes) -> bytes:
        """As the link's."""
        return await self._link.submit(body)

    def items(self, after: int) -> AsyncIterator[Sequence[InboxItem]]:
        """As the link's."""
        return self._link.items(after)

    async def acknowledge(self, body: bytes) -> None:
        """As the link's, until the end."""
        self._ending.reach("committed")
        await self._link.acknowledge(body)

    async def get(self, path: str) -> bytes:
        """As the link's."""
        return await self._link.get(path)

    async def publish(self, path: str, body: bytes) -> None:
        """As the link's."""
        await self._link.publish(path, body)

    async def aclose(self) -> None:
        """As the link's."""
        await self._link.aclose()


async def serve(home: Path, ending: Ending, ahead: int) -> None:
    """Answer until SIGTERM."""
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)

    def connect(who: Identity) -> Link:
        return EndingLink(links.connect(who), ending)

    bureau = Bureau.open(home, connect=connect, limits=LIMITS, clock=lambda: time.time_ns() // 1_000_000 + ahead * 1000)

    @bureau.on(WhereaboutsQuery)
    async def answer(query: Received) -> None:
        await query.answer(WhereaboutsResponse(finding=Finding.NO_TRACE, case="SYNTHETIC-1"))
        ending.reach("handled")

    async with bureau:
        click.echo("ready")
        await told.wait()


@click.command()
@click.argument("home", type=click.Path(path_type=Path, exists=True))
@click.option("--end-at", default="", help="STAGE:N")
@click.option("--ahead", type=int, default=0, help="Seconds.")
def main(home: Path, end_at: str, ahead: int) -> None:
    """Answer queries."""
    try:
        asyncio.run(serve(home, Ending(end_at), ahead))
    except BureaunetError as error:
        raise SystemExit(f"{type(error).__name__} {error.reason}: {error}") from None


if __name__ == "__main__":
    main()
