"""An exercise over the broker while the gateway and the broker are killed: nothing is lost, nothing counts twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bureaus.auditor import audit, pinned
from bureaus.exercises.catalogue import operation
from bureaus.exercises.plan import make_plan
from bureaus.exercises.runner import Pace, run
from bureaus.sandbox.network import PrivateNetwork
from schemas.directory import Link
from tests.exporting import exported

pytestmark = [pytest.mark.broker, pytest.mark.postgres, pytest.mark.slow, pytest.mark.timeout(600)]

TARGETS, BUREAUS, SEED = 60, 8, 11
PATIENT = Pace(cases=12, answer_seconds=150.0, settle_seconds=90.0)


class Impatient(PrivateNetwork):
    """Its gateway has short leases, so that what a dead one had in hand goes again soon."""

    def launch(self, environment: Mapping[str, str] | None = None) -> None:
        """Start the gateway with these settings."""
        (self.gateway_home / "gateway.toml").write_text("[pipeline]\nlease_seconds = 4\n", "utf-8")
        super().launch(environment)


@dataclass
class Saboteur:
    """Follows the exercise, and does something terrible after so many cases."""

    after: dict[int, Callable[[], Awaitable[None]]]
    deeds: list[asyncio.Task[None]] = field(default_factory=list)

    def stage(self, words: str) -> None:
        """Waits."""

    def concluded(self, done: int, of: int) -> None:
        """Acts, once for each number of cases; `of` all."""
        assert done <= of
        deed = self.after.get(done)
        if deed is not None:
            self.deeds.append(asyncio.ensure_future(deed()))


async def test_kills_in_the_middle_lose_nothing_and_the_record_verifies(tmp_path: Path) -> None:
    plan = make_plan(operation("infra-sa-2011"), SEED, targets=TARGETS, bureaus=BUREAUS)
    network = Impatient(tmp_path / "private", plan.seats, link=Link.AMQP)
    record = tmp_path / "operation.record"

    async def kill_the_gateway() -> None:
        await network.gateway.kill()
        await network.serve()

    async def kill_the_broker() -> None:
        assert network.broker is not None
        await network.broker.settle()
        await network.broker.kill()
        await network.broker.start()

    async with network:
        saboteur = Saboteur({5: kill_the_gateway, 20: kill_the_broker, 35: kill_the_gateway})
        done = await run(plan, network.bureau, saboteur, PATIENT)
        await asyncio.gather(*saboteur.deeds)
        assert len(saboteur.deeds) == 3
        await exported(network, plan.operation.id, record)
        await network.drain()
    assert [case for case in done.cases if not case.as_expected] == []
    assert done.handled_twice == 0
    assert done.reported == done.owed()
    assert [attempt.fault for attempt in done.attempts if attempt.fault] == []
    verdict = audit(record, pinned(network.network_file), done.receipts)
    assert verdict.ok, verdict.error
