"""The demonstration over RabbitMQ and PostgreSQL: the same cases, and nothing of them in the clear on either."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from bureaus.auditor import audit, pinned
from bureaus.exercises.catalogue import operation
from bureaus.exercises.plan import make_plan
from bureaus.exercises.runner import run
from bureaus.sandbox.network import PrivateNetwork
from schemas.directory import Link
from tests.e2e.exercise_runs import Json, held, lying_open, searched

pytestmark = [pytest.mark.timeout(400), pytest.mark.broker, pytest.mark.postgres]

TARGETS, BUREAUS, SEED = 12, 8, 7
SLICE: Final = ("--targets", str(TARGETS), "--bureaus", str(BUREAUS), "--seed", str(SEED))


def test_it_comes_to_the_same_over_either_link(tmp_path: Path) -> None:
    over: dict[str, Json] = {
        str(link): held("demo", "--link", str(link), "--out", tmp_path / str(link), *SLICE) for link in Link
    }
    for section in ("cases", "outcomes", "refusals", "results", "messages"):
        assert over["amqp"][section] == over["http"][section], section
    assert over["amqp"]["ok"] is True


class _Quiet:
    def stage(self, words: str) -> None:
        """Nobody watches."""

    def concluded(self, done: int, of: int) -> None:
        """Nobody watches."""


async def test_no_name_of_a_target_is_in_the_database_or_in_any_queue(tmp_path: Path) -> None:
    plan = make_plan(operation("infra-sa-2011"), SEED, targets=TARGETS, bureaus=BUREAUS)
    record = tmp_path / "record"
    async with PrivateNetwork(tmp_path / "private", plan.seats, link=Link.AMQP) as network:
        assert network.broker is not None
        assert network.postgres is not None
        done = await run(plan, network.bureau, _Quiet())
        dump = await network.postgres.dump("bureaunet")
        queues = [path for path in network.broker.process.log.parent.rglob("*") if path.is_file()]
        assert any(b"whereabouts.query/1" in path.read_bytes() for path in queues)
        assert lying_open(plan.caseload, queues) == []
        await network.drain()
        await network.export(plan.operation.id, record)
        network_file = network.network_file
    assert b"whereabouts.query/1" in dump
    for word, forms in searched(plan.caseload).items():
        assert not any(form in dump for form in forms), word
    assert audit(record, pinned(network_file), done.receipts).ok
