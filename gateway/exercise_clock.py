"""The clock of an exercise: it stands still, and goes forward when it is told to (`serve --exercise-clock`).

Order of work: `open_clock` finds the time at which the exercise stopped, or begins with the machine's; `advance` goes
forward. Rules: exercise networks alone have one; it is kept beside the high-water mark before anything is signed by it,
so that neither a restart nor a command on the same records goes back; a gateway that was served with one is served with
one for good, since its ledger has times that the machine's clock has not reached.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from gateway.ports import Clock
from schemas.errors import Misuse, Reason, Unavailable
from schemas.network import Network

FILE: Final = "exercise-clock"
LONGEST: Final = 400 * 24 * 3600 * 1000
"""Milliseconds that one `advance` may go at the most: what is more is a unit mixed up."""


class ExerciseClock:
    """Port `Clock`, by hand."""

    def __init__(self, folder: Path, begin: int) -> None:
        """`folder` keeps the time; where it keeps none, the exercise begins at `begin`, milliseconds since the epoch.

        Raises:
            Misuse: what is kept cannot be read.
        """
        self._file = folder / FILE
        kept = _read(self._file)
        self._now = begin if kept is None else kept

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return self._now

    def advance(self, to: int) -> None:
        """Go forward to `to`, milliseconds since the epoch.

        Raises:
            Misuse: that is earlier than now, or more than `LONGEST` ahead. Unavailable: `store`, it cannot be kept.
        """
        check(self._now, to)
        fresh = self._file.with_name(f".{FILE}.{os.getpid()}")
        try:
            fresh.write_text(f"{to}\n", "ascii")
            fresh.replace(self._file)
        except OSError as error:
            raise Unavailable(Reason.STORE, f"cannot keep the exercise's time: {error.strerror}") from None
        self._now = to


def check(now: int, to: int) -> None:
    """Whether the clock may go there.

    Raises:
        Misuse: it may not, in words.
    """
    if to < now:
        raise Misuse(f"the exercise's clock stands at {now} ms and does not go back to {to}")
    if to - now > LONGEST:
        raise Misuse(f"from {now} to {to} ms is more than {LONGEST // 86_400_000} days: one step goes no further")


def open_clock(network: Network, folder: Path, machine: Clock) -> ExerciseClock:
    """The exercise's clock of a gateway that keeps its state in `folder`.

    Raises:
        Misuse: the network is no exercise, or what is kept cannot be read.
    """
    if not network.genesis.exercise:
        name = network.genesis.name
        raise Misuse(f"--exercise-clock is for exercise networks alone, and {name} is none: its time is the machine's")
    clock = ExerciseClock(folder, machine.now())
    clock.advance(clock.now())
    return clock


def clock_of(network: Network, folder: Path, machine: Clock) -> Clock:
    """What a command goes by on these records: the exercise's clock where one is kept, else the machine's."""
    kept = network.genesis.exercise and (folder / FILE).exists()
    return ExerciseClock(folder, machine.now()) if kept else machine


def refuse_machine_time(network: Network, folder: Path) -> None:
    """Refuse to serve by the machine's clock where an exercise's was served.

    Raises:
        Misuse: it was.
    """
    if network.genesis.exercise and (folder / FILE).exists():
        raise Misuse("this gateway's ledger has an exercise's time: serve it with --exercise-clock")


def _read(file: Path) -> int | None:
    try:
        return int(file.read_text("ascii"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        raise Misuse(f"{file} is not the time of an exercise") from None
