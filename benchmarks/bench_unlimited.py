"""One hop with two gateway processes against one, on all of the machine: `make bench ONLY=unlimited`.

As bench_scale.py without a limit for each process: two of them are bounded by what broker and database leave of the
cores.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from benchmarks import bench_scale, scenes
from benchmarks.compare import Measured, compare
from benchmarks.ground import Ground

ITEMS: Final = 8000
"""Messages of one round: half of them may be through before a second process is ready."""
QUESTION: Final = replace(
    bench_scale.QUESTION,
    name="unlimited",
    what="one hop with two gateway processes on all of the machine, against one",
    goal=1.0,
)


async def _through(made: Ground, workers: int) -> float:
    made.settle(workers)
    return (await scenes.through_ours(made, ITEMS)).rate


def run() -> Measured:
    """Measure."""
    with scenes.stage() as stage:
        return compare(
            QUESTION,
            lambda: stage.play(lambda made: _through(made, 2)),
            lambda: stage.play(lambda made: _through(made, 1)),
        )
