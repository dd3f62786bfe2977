"""What the ledger costs as it grows from a thousand entries to a million: appending, proving, verifying, storing.

`growth` is one hop through a whole gateway at a million, beside an empty one (grown.py). Each other comparison has the
ledger of a million beside the ledger of a thousand. A path has twice as many hashes there, so twice the cost is flat
but for the logarithm; appending has no path and should cost the same. The curve over all sizes goes to docs/growth.svg.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from benchmarks import grown, ledgers, storage
from benchmarks.compare import ROUNDS, Measured, Question, compare, told
from benchmarks.curve import Curve, draw_curves
from benchmarks.ledgers import Opened, copied, made, opened
from gateway import ledger
from schemas import merkle
from schemas.evidence import read_entry

SIZES: Final = (1_000, 10_000, 100_000, 1_000_000)
SMALL, LARGE = SIZES[0], SIZES[-1]
BATCH: Final = 100
"""Entries in one transaction: what a gateway under load has."""
APPENDED: Final = 10_000
TURN: Final = 4 * BATCH
"""Entries that one ledger takes before the other has its turn."""
PROOFS: Final = 200
PICTURE: Final = Path("docs/growth.svg")
_RANDOM: Final = random.Random(1)  # noqa: S311 - which entries are proved; nothing secret
_Figure: TypeAlias = Callable[[Opened], Awaitable[float]]


async def append(at: Opened) -> float:
    """Microseconds for an entry: chained, appended, committed to the disk, integrated."""
    await _turn(at, 0)  # opens its connections
    return sum([await _turn(at, first) for first in range(TURN, TURN + APPENDED, TURN)]) / APPENDED


async def append_beside() -> tuple[float, float]:
    """The same for the largest and the smallest ledger, in turns of a few entries: other work meanwhile hits both."""
    with copied(LARGE) as large, copied(SMALL) as small:
        async with opened(large, LARGE) as ours, opened(small, SMALL) as other:
            turns = [(await _turn(ours, first), await _turn(other, first)) for first in range(0, TURN + APPENDED, TURN)]
    counted = turns[1:]  # the first opened connections
    return sum(mine for mine, _ in counted) / APPENDED, sum(theirs for _, theirs in counted) / APPENDED


async def _turn(at: Opened, first: int) -> float:
    """Microseconds for `TURN` entries from `first`, integrated at their end."""
    drafts = [read_entry(ledgers.entry(number)) for number in range(first, first + TURN)]
    begun = time.perf_counter()
    for start in range(0, TURN, BATCH):
        async with at.store.begin() as transaction:
            await ledger.record(transaction, drafts[start : start + BATCH])
    await at.ledger.integrate(20_000)
    return _microseconds(begun, 1)


async def prove(at: Opened) -> float:
    """Microseconds for an inclusion path, with nothing of the tree in memory at first."""
    wanted = [_RANDOM.randrange(at.size) for _ in range(PROOFS)]
    begun = time.perf_counter()
    for index in wanted:
        await at.ledger.proof(index, at.size)
    return _microseconds(begun, PROOFS)


async def prove_consistency(at: Opened) -> float:
    """Microseconds for a consistency path from a random older size."""
    wanted = [_RANDOM.randrange(1, at.size) for _ in range(PROOFS)]
    begun = time.perf_counter()
    for old in wanted:
        await at.ledger.consistency(old, at.size)
    return _microseconds(begun, PROOFS)


async def verify(at: Opened) -> float:
    """Microseconds to verify an inclusion path and a consistency path."""
    root = await at.ledger.root(at.size)
    wanted = [_RANDOM.randrange(1, at.size) for _ in range(PROOFS // 4)]
    paths = [(index, await at.ledger.proof(index, at.size), await at.ledger.root(index)) for index in wanted]
    chains = [await at.ledger.consistency(old, at.size) for old in wanted]
    begun = time.perf_counter()
    for (index, path, first), chain in zip(paths, chains, strict=True):
        merkle.verify_inclusion(merkle.leaf_hash(ledgers.entry(index)), index, at.size, path, root)
        merkle.verify_consistency(index, first, at.size, root, chain)
    return _microseconds(begun, len(wanted))


APPEND: Final = Question(
    "growth-append", "an entry appended, integrated at 1e6 entries, against at 1e3 (SQLite)", "us", 1.3
)
FIGURES: Final[Sequence[tuple[Question, _Figure]]] = (
    (Question("growth-proof", "an inclusion proof at 1e6 entries, against at 1e3 (SQLite)", "us", 2.5), prove),
    (
        Question("growth-consistency", "a consistency proof at 1e6 entries, against at 1e3 (SQLite)", "us", 2.5),
        prove_consistency,
    ),
    (
        Question("growth-verify", "both proofs verified at 1e6 entries, against at 1e3 (schemas alone)", "us", 2.5),
        verify,
    ),
)


def run() -> list[Measured]:
    """Measure, and draw the curve."""
    for size in SIZES:
        made(size)
    pairs = [asyncio.run(append_beside()) for _ in range(ROUNDS + 1)]
    found = [told(APPEND, pairs[1:])]  # the first warmed up
    found += [compare(question, _at(figure, LARGE), _at(figure, SMALL)) for question, figure in FIGURES]
    curves = [
        Curve(question.name.removeprefix("growth-"), [(size, _median(_at(figure, size))) for size in SIZES])
        for question, figure in ((APPEND, append), *FIGURES)
    ]
    PICTURE.write_text(draw_curves("Cost as the ledger grows", "entries", "microseconds", curves))
    return [grown.measure(), *found, *storage.measure()]


def brief() -> list[Measured]:
    """Measure the hop through a whole gateway alone."""
    return [grown.measure()]


def _at(figure: _Figure, size: int) -> Callable[[], float]:
    async def measured(path: Path) -> float:
        async with opened(path, size) as at:
            return await figure(at)

    def once() -> float:
        if figure is not append:
            return asyncio.run(measured(made(size)))
        with copied(size) as path:
            return asyncio.run(measured(path))

    return once


def _median(once: Callable[[], float]) -> float:
    return sorted(once() for _ in range(3))[1]


def _microseconds(begun: float, count: int) -> float:
    return (time.perf_counter() - begun) * 1e6 / count
