"""Where a message waits at half the saturated rate: `make bench TABLE=stages` (ARGS="[MESSAGES A SECOND]").

The pace, the ends and the network are those of `latency`. How long a message waited for its batch, and how long its
batch took (facts, checks, one transaction with its fsync), is what the gateway's own log says of each; the whole way is
what the ends see. The rest is both ways through the broker, and the ends' own. Milliseconds, the gateway's two in whole
ones. Below it, who had the cores meanwhile (busy.py), with the gateway in the middle and with the plain relay.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psutil

from benchmarks import bench_latency, busy, scenes
from benchmarks.ground import Ground
from benchmarks.machine import Costs, family_seconds

ROUNDS: Final = 3
BATCHED: Final = "its batch, until it is recorded"
WHOLE: Final = "submission to handover"
_RELAY: Final = "benchmarks.relays.raw"
_MEANWHILE: Final = 2
"""Milliseconds in which one message of a batch is told after the one before it."""


@dataclass(frozen=True, slots=True)
class Round:
    """One run at the pace."""

    waits: Mapping[str, Sequence[float]]
    """Milliseconds of each message, by stage."""
    batches: Sequence[int]
    """How many messages each had; none of the plain relay."""
    spent: Costs
    """The part of one core that each had."""

    @property
    def slowest(self) -> float:
        """The slowest hundredth, in milliseconds."""
        return statistics.quantiles(self.waits[WHOLE], n=100)[-1]


async def _ours(made: Ground, rate: float) -> Round:
    before = made.running.log.stat().st_size
    async with busy.watching(made, made.spent) as watched:
        found = await bench_latency.carried(made, rate, bench_latency.gateway(made))
    lines = [json.loads(line) for line in made.running.log.read_bytes()[before:].splitlines()]
    events = [one for one in lines if one.get("event") == "admitted"]
    waits = {
        "arrival at the gateway to its batch": [one.get("waited", 0) for one in events],
        BATCHED: [_took(one) for one in events],
    }
    return Round(waits | _whole(found), _batches(lines), _spent(watched, found))


async def _plain(made: Ground, rate: float) -> Round:
    def relay() -> float:
        return sum(family_seconds(one.pid) for one in psutil.Process().children() if _RELAY in one.cmdline())

    async with busy.watching(made, relay) as watched:
        found = await bench_latency.carried(made, rate, bench_latency.plain(made))
    return Round(_whole(found), (), _spent(watched, found))


def _whole(found: Sequence[tuple[float, float]]) -> dict[str, list[float]]:
    return {WHOLE: [(arrived - due) * 1000 for due, arrived in found]}


def _spent(watched: busy.Watched, found: Sequence[tuple[float, float]]) -> Costs:
    due = [moment for moment, _ in found]
    return watched.spent(min(due), max(due))


def _took(event: Mapping[str, Any]) -> int:
    return int(event["milliseconds"]) - int(event.get("waited", 0))


def _batches(lines: Iterable[Mapping[str, Any]]) -> list[int]:
    """How many messages each batch had: they stand together in the log, and it took as long for each, or a bit more."""
    sizes, before = list[int](), None
    for line in lines:
        took = _took(line) if line.get("event") == "admitted" else None
        if took is not None and before is not None and 0 <= took - before <= _MEANWHILE:
            sizes[-1] += 1
        elif took is not None:
            sizes.append(1)
        before = took
    return sizes


def table(ours: Round, plain: Round) -> str:
    """Half of the messages took so long at most, and 99 of 100; then the cores."""
    rows = [f"{'ms':40}{'50%':>8}{'99%':>8}", *(_row(name, each) for name, each in ours.waits.items())]
    rest = statistics.median(ours.waits[WHOLE]) - sum(
        statistics.median(each) for name, each in ours.waits.items() if name != WHOLE
    )
    rows += [f"  {'the rest, of the medians':38}{rest:8.1f}", _row("the same with the plain relay", plain.waits[WHOLE])]
    rows += [_row("messages in a batch", ours.batches), f"{'the cores meanwhile, of one':40}{'ours':>8}{'plain':>8}"]
    rows += [f"  {name:38}{spent:8.0%}{plain.spent[name]:8.0%}" for name, spent in ours.spent.items()]
    return "\n".join(rows)


def _row(name: str, each: Sequence[float]) -> str:
    return f"  {name:38}{statistics.median(each):8.1f}{statistics.quantiles(each, n=100)[-1]:8.1f}"


def main(rate: float | None) -> None:
    """Measure and print of either the round whose slowest hundredth was the quickest."""
    with scenes.stage() as stage:
        pace = rate or bench_latency.half(stage)
        found = [
            (stage.play(lambda made: _ours(made, pace)), stage.play(lambda made: _plain(made, pace)))
            for _ in range(ROUNDS)
        ]
    print(table(*(min(each, key=lambda one: one.slowest) for each in zip(*found, strict=True))))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else None)
