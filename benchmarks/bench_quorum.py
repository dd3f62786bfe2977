"""From a checkpoint on offer to the quorum of 34 witnesses, 10 of whom may be dishonest, against a single witness.

The quorum of 34 with f = 10 is q = 23, the least above (34 + 10) / 2. Witnesses are bureaus of the SDK, all of them in
this process, each with its own store, keys and connection; the gateway is a process of its own, on SQLite. A round: a
message is recorded; its checkpoint is put on offer, and the clock starts; every witness takes its one step (the note
and a consistency proof fetched and verified, the head kept on disk, the cosignature made and sent); the clock stops
when the gateway serves a note with the quorum's lines. What a witness waits between two looks comes on top, on both
sides alike, and is left out: at most `witness_seconds`, ten by default.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Final

from benchmarks import scenes
from benchmarks.compare import Measured, Question, compare
from benchmarks.ground import OWNER, Ground
from bureaus.client import Bureau
from bureaus.links.http import HttpLink
from bureaus.settings import DEFAULT
from schemas import wire
from schemas.directory import Link
from schemas.errors import Forbidden, Reason, Unavailable
from schemas.notes import open_note

MANY: Final = 34
DISHONEST: Final = 10
QUORUM: Final = 23
QUESTION: Final = Question(
    "quorum",
    f"checkpoint on offer to the quorum of {MANY} witnesses (f = {DISHONEST}, q = {QUORUM}), against a single witness",
    "ms",
    goal=QUORUM,
    packages=("aiohttp", "cryptography"),
)
_SETTINGS: Final = "[chores]\nwitness_milliseconds = 10\n"
"""The next checkpoint is on offer as soon as it is published: a round waits for nothing."""
_BY_HAND: Final = replace(DEFAULT, witness=False, proofs=False)
"""Witnesses look when they are told to."""
_PAUSE: Final = 0.005
_WITHIN: Final = 30.0


@dataclass(frozen=True, slots=True)
class _Round:
    """What a round needs of one network that is up."""

    made: Ground
    witnesses: list[Bureau]
    link: HttpLink

    async def play(self) -> float:
        """Milliseconds from the offer to the quorum."""
        before = await self._size(wire.CANDIDATE)
        await self._record()
        async with asyncio.timeout(_WITHIN):
            size = await self._reached(wire.CANDIDATE, before + 1)
            begun = time.perf_counter()
            looks = [asyncio.ensure_future(_look(bureau)) for bureau in self.witnesses]
            await self._reached(wire.WITNESSED, size)
            took = (time.perf_counter() - begun) * 1000
            signed = sum(await asyncio.gather(*looks))
        await self._check(signed)
        print(f"  {len(self.witnesses):2} witnesses, {size} entries: {took:.1f} ms", flush=True)
        return took

    async def _record(self) -> None:
        """Two entries: a message is accepted, and consigned to the owner, whose program is not there."""
        await self.link.submit(wire.encode_submission(self.made.seal(self.made.bureaus[0], OWNER)))

    async def _reached(self, path: str, least: int) -> int:
        """The size of the note that is served there, once it is `least` or more."""
        while (size := await self._size(path)) < least:  # noqa: ASYNC110  # the gateway tells nobody
            await asyncio.sleep(_PAUSE)
        return size

    async def _size(self, path: str) -> int:
        """The size of a note that the gateway serves, 0 where it has none."""
        try:
            note = await self.link.get(path)
        except (Forbidden, Unavailable) as error:
            if error.reason is Reason.NOT_FOUND:
                return 0
            raise
        return open_note(note.decode(), self.witnesses[0].trust.policy).checkpoint.size

    async def _check(self, signed: int) -> None:
        """Every witness signed, and the quorum's lines verify."""
        policy = self.witnesses[0].trust.policy
        note = open_note((await self.link.get(wire.WITNESSED)).decode(), policy).under(policy)
        if signed != len(self.witnesses) or len(note.witnesses) < policy.quorum:
            raise RuntimeError(f"{signed} witnesses signed, and the note has {len(note.witnesses)}")


async def _look(bureau: Bureau) -> bool:
    return await bureau._parts.witness.look() is not None  # noqa: SLF001  # a witness' one step, without its clock


@contextmanager
def _network(witnesses: int, dishonest: int, quorum: int) -> Iterator[tuple[scenes.Stage, _Round]]:
    with scenes.stage(max(2, witnesses), Link.HTTP, witnesses, dishonest) as stage:
        stack = AsyncExitStack()
        made = stage.made

        async def enter(_: Ground) -> _Round:
            made.settle(more=_SETTINGS)
            await made.running.serve()
            names = made.bureaus[:witnesses]
            opened = [Bureau.open(made.running.home(name), limits=_BY_HAND) for name in names]
            await asyncio.gather(*(stack.enter_async_context(bureau) for bureau in opened))
            if opened[0].trust.policy.quorum != quorum:
                raise RuntimeError("the directory's quorum is another than what is told")
            link = HttpLink(made.running.url, made.tls(names[0]).client_context())
            stack.push_async_callback(link.aclose)
            return _Round(made, opened, link)

        async def leave(_: Ground) -> None:
            await stack.aclose()

        try:
            yield stage, stage.play(enter)
        finally:
            stage.play(leave)


def run() -> Measured:
    """Measure."""
    with _network(MANY, DISHONEST, QUORUM) as (many, ours), _network(1, 0, 1) as (one, other):
        return compare(QUESTION, lambda: many.play(lambda _: ours.play()), lambda: one.play(lambda _: other.play()), 7)
