"""The secretariat's office on an exercise's virtual clock: what it does by itself, without time passing meanwhile.

Order: whenever everything at one time has happened, and the office has something to do (its registry was written, a
message came, or a chore's time has come), its chores run one after another, what they posted is accepted, and its
handlers have ended; again, until there is nothing more. What it sent is counted until it came (virtual_time.py).

Rules: a chore runs at the times that its settings say, on the virtual clock, and those that wake on a transaction after
each; none of them keeps an exercise from ending. While the gateway is away nothing runs. A chore that fails fails the
exercise.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

from bureaus.exercises.catalogue import SECRETARIAT
from bureaus.exercises.secretariat import Secretariat
from bureaus.exercises.virtual_time import VirtualTime
from bureaus.secretariat import serving
from bureaus.secretariat.sending import Sending
from bureaus.secretariat.settings import DAY, DEFAULT, HOUR
from bureaus.steps import Step, StepName
from schemas import envelope, wire

SETTINGS: Final = replace(
    DEFAULT,
    outgoing_seconds=float(HOUR),
    notice_chore_seconds=float(HOUR),
    hits_seconds=float(HOUR),
    steps_seconds=float(HOUR),
    relay_seconds=float(HOUR),
    progress_seconds=float(DAY),
    review_seconds=float(DAY),
)
"""In virtual seconds: all that these chores wait for wakes them, and a week has many hours."""
_PAUSE: Final = 0.005
"""Real seconds between two looks at what is on its way."""


class Attendance:
    """The chores of one office, on one virtual clock. Making it has its messages counted."""

    def __init__(self, secretariat: Secretariat, time: VirtualTime) -> None:
        self._office, self._time = secretariat.office, time
        self.sending = Sending(self._office)
        self._chores = serving.chores(self._office, self.sending)
        self._due = dict.fromkeys(range(len(self._chores)), time.now())
        """Milliseconds, by the chore's place."""
        self._rung, self._came = -1, True
        self._office.bureau.on_step(self._stepped)

    def _stepped(self, step: Step) -> None:
        self._came = True
        if step.name is StepName.HANDLE:
            self._time.land(step.digest, SECRETARIAT)
        elif step.reason is None:
            self._time.start(self._flew(step.digest))

    async def _flew(self, digest: bytes) -> None:
        body, _ = await self._office.bureau.submitted(digest)
        for recipient in envelope.read(wire.decode_submission(body).statement).header.aud:
            self._time.fly(digest, SECRETARIAT, recipient)

    async def tend(self) -> bool:
        """Do all that there is to do at this time: whether there was anything.

        Raises:
            What a chore fails for.
        """
        moved = False
        while self._time.serving and self._has_work():
            moved = True
            woken, self._came = self._rung != self._office.registry.written.rung, False
            self._rung = self._office.registry.written.rung
            for place, chore in enumerate(self._chores):
                if (woken and chore.wakes) or self._due[place] <= self._time.now():
                    self._due[place] = self._time.now() + int(chore.every * 1000)
                    await chore.run()
            await self.sending.settled()
            while serving.busy(await self._office.bureau.counts()):  # noqa: ASYNC110  # the counts have no one event
                await asyncio.sleep(_PAUSE)
        return moved

    def _has_work(self) -> bool:
        rung = self._office.registry.written.rung
        return self._came or rung != self._rung or min(self._due.values()) <= self._time.now()
