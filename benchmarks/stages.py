"""Where a message waits at half the saturated rate: `make bench TABLE=stages` (ARGS="[MESSAGES A SECOND]").

The pace, the ends and the network are those of `latency`. How long a message waited for its batch, and how long its
batch took (facts, checks, one transaction with its fsync), is what the gateway's own log says of each; the whole way is
what the ends see. The rest is both ways through the broker, and the ends' own. Milliseconds, the gateway's two in whole
ones.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from typing import Final

from benchmarks import bench_latency, scenes
from benchmarks.ground import Ground

ROUNDS: Final = 3
WHOLE: Final = "submission to handover"
Waits = dict[str, Sequence[float]]
"""Milliseconds of each message, by stage."""


async def _round(made: Ground, rate: float) -> Waits:
    before = made.running.log.stat().st_size
    found = await bench_latency.carried(made, rate, bench_latency.gateway(made))
    lines = made.running.log.read_bytes()[before:].splitlines()
    events = [json.loads(line) for line in lines if b'"event": "admitted"' in line]
    return {
        "arrival at the gateway to its batch": [one.get("waited", 0) for one in events],
        "its batch, until it is recorded": [one["milliseconds"] - one.get("waited", 0) for one in events],
        WHOLE: [(arrived - due) * 1000 for due, arrived in found],
    }


def table(waits: Waits) -> str:
    """Half of the messages took so long at most, and 99 of 100."""
    rows = [f"{'ms':40}{'50%':>8}{'99%':>8}"]
    for name, each in waits.items():
        rows.append(f"  {name:38}{statistics.median(each):8.1f}{statistics.quantiles(each, n=100)[-1]:8.1f}")
    rest = statistics.median(waits[WHOLE]) - sum(
        statistics.median(each) for name, each in waits.items() if name != WHOLE
    )
    rows.append(f"  {'the rest, of the medians':38}{rest:8.1f}")
    return "\n".join(rows)


def main(rate: float | None) -> None:
    """Measure and print the round whose slowest hundredth was the quickest."""
    with scenes.stage() as stage:
        pace = rate or bench_latency.half(stage)
        found = [stage.play(lambda made: _round(made, pace)) for _ in range(ROUNDS)]
    print(table(min(found, key=lambda waits: statistics.quantiles(waits[WHOLE], n=100)[-1])))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else None)
