"""What the fault suite may ask of a gateway process: to end at a named stage of its pipeline, or to misread the clock.

    BUREAUNET_TEST_KILL_AT=STAGE:N           SIGKILL to itself the Nth time that it reaches a stage
    BUREAUNET_TEST_CLOCK_OFFSET=SECONDS      its clock is off by so many seconds

Rules: without these variables nothing here does anything, and the composition root builds what it always builds. With
them a gateway says so in its log when it starts. Neither can make a gateway do something that it does not do by itself:
every process may end at any moment, and every clock may be wrong.
"""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

from gateway.adapters.rabbitmq.publisher import Publisher
from gateway.adapters.rabbitmq.session import Endpoint
from gateway.adapters.sql.database import Database
from gateway.adapters.sql.store import SqlStore
from gateway.adapters.sql.transaction import SqlTransaction
from gateway.ports import Arrival, Clock, Handler, Owned, Pending, Taking, Watcher
from schemas.errors import Misuse

KILL_AT: Final = "BUREAUNET_TEST_KILL_AT"
CLOCK_OFFSET: Final = "BUREAUNET_TEST_CLOCK_OFFSET"


class Stage(StrEnum):
    """Where a batch may be cut off."""

    BEFORE_TRANSACTION = "before-transaction"
    INSIDE_TRANSACTION = "inside-transaction"
    """Everything is written, nothing committed."""
    AFTER_COMMIT = "after-commit"
    """Committed, and no submitter knows."""
    AFTER_PUBLISH = "after-publish"
    """The broker confirmed copies, and no row says so."""
    ACKNOWLEDGING = "acknowledging"
    """An arrival is decided and its receipt sent, and the broker has no acknowledgement."""


@dataclass(slots=True)
class Ending:
    """Counts how often its stage is reached, and ends the process at the Nth time."""

    stage: Stage
    left: int

    def reach(self, stage: Stage) -> None:
        """This stage is reached."""
        if stage is self.stage:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What was asked for; by default nothing."""

    ending: Ending | None = None
    offset: int = field(default=0)
    """Seconds that the clock is ahead."""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """What the environment asks for.

        Raises:
            Misuse: a variable is not of its form.
        """
        asked, offset = environment.get(KILL_AT, ""), environment.get(CLOCK_OFFSET, "")
        try:
            stage, _, count = asked.partition(":")
            return cls(Ending(Stage(stage), int(count)) if asked else None, int(offset or 0))
        except ValueError:
            raise Misuse(f"{KILL_AT} is STAGE:N and {CLOCK_OFFSET} seconds") from None

    @property
    def asked(self) -> bool:
        """Whether anything is asked for."""
        return self.ending is not None or self.offset != 0

    def store(self, database: Database) -> SqlStore:
        """The store on a database."""
        return SqlStore(database) if self.ending is None else _EndingStore(database, self.ending)

    def publisher(self, endpoint: Endpoint, watcher: Watcher) -> Publisher:
        """The publisher to a broker."""
        return Publisher(endpoint, watcher) if self.ending is None else _EndingPublisher(endpoint, watcher, self.ending)

    def handler(self, handler: Handler) -> Handler:
        """The handler of arrivals."""
        ending = self.ending
        if ending is None:
            return handler

        async def decided(arrival: Arrival) -> None:
            await handler(arrival)
            ending.reach(Stage.ACKNOWLEDGING)

        return decided

    def taking(self, taking: Taking) -> Taking:
        """What takes arrivals at once."""
        ending = self.ending
        if ending is None:
            return taking

        def taken(arrival: Arrival, decided: Callable[[BaseException | None], None], own: Owned) -> bool:
            def told(error: BaseException | None) -> None:
                if error is None:
                    ending.reach(Stage.ACKNOWLEDGING)
                decided(error)

            return taking(arrival, told, own)

        return taken

    def clock(self, clock: Clock) -> Clock:
        """The clock to go by."""
        return clock if self.offset == 0 else _WrongClock(clock, self.offset * 1000)


class _EndingStore(SqlStore):
    def __init__(self, database: Database, ending: Ending) -> None:
        super().__init__(database)
        self._ending = ending

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SqlTransaction]:
        """As the store's."""
        self._ending.reach(Stage.BEFORE_TRANSACTION)
        async with super().begin() as transaction:
            yield transaction
            self._ending.reach(Stage.INSIDE_TRANSACTION)
        self._ending.reach(Stage.AFTER_COMMIT)


class _EndingPublisher(Publisher):
    def __init__(self, endpoint: Endpoint, watcher: Watcher, ending: Ending) -> None:
        super().__init__(endpoint, watcher)
        self._ending = ending

    async def publish(self, pending: Sequence[Pending]) -> list[bool]:
        """As the publisher's."""
        confirmed = await super().publish(pending)
        self._ending.reach(Stage.AFTER_PUBLISH)
        return confirmed


class _WrongClock:
    def __init__(self, clock: Clock, ahead: int) -> None:
        self._clock, self._ahead = clock, ahead

    def now(self) -> int:
        """As the clock's, and wrong."""
        return self._clock.now() + self._ahead
