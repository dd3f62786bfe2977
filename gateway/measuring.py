"""The chore that measures what all processes of a gateway share, for the metrics: one process at a time, every 15 s.

Order of work: inboxes and quarantine as the store counts them, how far the ledger has come and since when an entry
waits, the directory's age, keys and certificate. Rules: it reads and changes nothing; a look costs one read over what
nobody acknowledged, four small ones, and is bounded by the database's own time-out; one that fails gives nothing out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from gateway.ports import Clock, Leaf, Trust
from gateway.ports_measures import Measured, Measures
from schemas import notes
from schemas.directory import State, read_current
from schemas.errors import BureaunetError
from schemas.evidence import read_entry

EVERY: Final = 15.0
"""Seconds between two looks."""


class Entries(Protocol):
    """What is read of the store: part of `gateway.ports.Store`."""

    async def size(self) -> int:
        """Entries in the ledger."""

    async def leaves(self, start: int, end: int) -> list[Leaf]:
        """Entries of [start, end), those that exist."""

    async def current(self) -> bytes | None:
        """The newest DirectoryCurrent statement."""


class Heads(Protocol):
    """How far the tree has come: part of `gateway.ports.Tree`."""

    async def head(self) -> tuple[int, object]:
        """Leaves integrated so far, and the peaks."""

    async def checkpoint(self) -> str | None:
        """The newest published checkpoint's note."""


class Witnessed(Protocol):
    """What witnesses signed: `gateway.witnesses`."""

    async def witnessed(self) -> str | None:
        """The newest note that the quorum of its policy signed."""

    async def quorum(self, size: int) -> int:
        """How many witnesses sign a checkpoint of this size; 0 where nobody does."""


class Pipeline(Protocol):
    """What is needed of the exchange."""

    @property
    def trust(self) -> Trust:
        """The signed statements in force."""


class Gauges(Protocol):
    """Where the numbers go."""

    def measured(self, found: Measured) -> None:
        """What all processes share was looked at."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the numbers come from."""

    counts: Measures
    entries: Entries
    tree: Heads
    witnesses: Witnessed
    pipeline: Pipeline


class Measuring:
    """The chore."""

    def __init__(self, sources: Sources, clock: Clock, gauges: Gauges, certificate: int | None) -> None:
        """`certificate` is when the gateway's own TLS certificate ends, in seconds since the epoch."""
        self._from, self._clock, self._gauges = sources, clock, gauges
        self._certificate = certificate

    async def look(self) -> None:
        """Measure, and say what was found.

        Raises:
            Unavailable: `store`.
        """
        now, trust = self._clock.now(), self._from.pipeline.trust
        directory = trust.directory
        rows = [row for row in directory.participants if row.state is not State.WITHDRAWN]
        items, size = await self._from.counts.set_aside()
        lying = await self._from.counts.lying()
        ledger = await self._ledger()
        found = Measured(
            time=now,
            lying=lying,
            bureaus=frozenset(str(row.address.bureau) for row in rows),
            ledger=ledger,
            unreached={stage: await self._unreached(end, ledger["appended"], now) for stage, end in ledger.items()},
            directory_version=directory.version,
            directory_time=directory.time,
            confirmed=await self._confirmed(trust, now // 1000),
            keys={str(row.address): row.lapses or 0 for row in rows},
            certificate=self._certificate,
            quarantine_items=items,
            quarantine_bytes=size,
        )
        self._gauges.measured(found)

    async def _ledger(self) -> dict[str, int]:
        """Stage -> entries; those that came furthest are read first, so that none is ahead of the one before."""
        witnessed = _size(await self._from.witnesses.witnessed())
        signed = _size(await self._from.tree.checkpoint())
        integrated = (await self._from.tree.head())[0]
        found = {"appended": await self._from.entries.size(), "integrated": integrated, "signed": signed}
        if await self._from.witnesses.quorum(signed):
            found["witnessed"] = witnessed
        return found

    async def _unreached(self, end: int, size: int, now: int) -> float:
        """Age in seconds of entry number `end`, the first that is not there; 0 where there is none."""
        waiting = await self._from.entries.leaves(end, end + 1) if end < size else []
        return max(0, now - read_entry(waiting[0].entry).time) / 1000 if waiting else 0.0

    async def _confirmed(self, trust: Trust, now: int) -> int:
        stored = await self._from.entries.current()
        try:
            return 0 if stored is None else read_current(stored, trust.network, trust.directory, now).time
        except BureaunetError:  # of another version, too old, or by a key that is no longer delegated
            return 0


def _size(note: str | None) -> int:
    return 0 if note is None else notes.read_body(note)[0].size
