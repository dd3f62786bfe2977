"""One fault of each family under a few hundred envelopes: the short form of `make faults`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest

from tests.faults.__main__ import INTERRUPTED
from tests.faults.catalogue import FAULTS
from tests.faults.fault import Fault, run_fault
from tests.faults.ground import REPOSITORY, Ground, prepare

Grounds = Callable[[bool], Awaitable[Ground]]
pytestmark = [pytest.mark.broker, pytest.mark.postgres, pytest.mark.slow, pytest.mark.timeout(400)]

COUNT = 400
SEED = 20111101
CHOSEN = ("gateway-after-commit", "bureau-committed", "leader", "torn", "sqlite-full", "duplicates")


def _named(name: str) -> Fault:
    return next(fault for fault in FAULTS if fault.name == name)


@pytest.fixture(scope="module")
def grounds(tmp_path_factory: pytest.TempPathFactory) -> Grounds:
    """What faults start from, made once for those that want the same, as in a run of the suite."""
    made: dict[bool, Ground] = {}

    async def ground(embedded: bool) -> Ground:  # noqa: FBT001  # the one thing that tells grounds apart
        if embedded not in made:
            made[embedded] = await prepare(tmp_path_factory.mktemp("faults") / "ground", COUNT, embedded=embedded)
        return made[embedded]

    return ground


def test_each_family_has_a_short_form() -> None:
    assert {_named(name).family for name in CHOSEN} == {fault.family for fault in FAULTS}


@pytest.mark.parametrize("name", CHOSEN)
async def test_nothing_is_lost_and_nothing_doubled(name: str, tmp_path: Path, grounds: Grounds) -> None:
    if name == "sqlite-full" and os.geteuid() != 0:
        pytest.skip("only root can mount the small disk that is filled")
    fault, said = _named(name), list[str]()
    row = await run_fault(fault, await grounds(fault.embedded), tmp_path / "scene", SEED, COUNT, said.append)
    assert row.good, (row.complaints, said)
    assert row.accepted + row.refused >= COUNT


async def test_interrupted_it_ends_what_it_started_and_shows_its_table(tmp_path: Path) -> None:
    """By SIGTERM, which is treated as Ctrl-C is."""
    command = ("-m", "tests.faults", "--count", "100", "--seed", "1", "gateway-anytime")
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, *command),
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdout is not None
    async with asyncio.timeout(120):
        while (line := await child.stdout.readline()) and b"striking" not in line:
            pass
    started = psutil.Process(child.pid).children(recursive=True)
    child.send_signal(signal.SIGTERM)
    async with asyncio.timeout(120):
        said = (await child.stdout.read()).decode()
        assert await child.wait() == INTERRUPTED
    assert "envelopes accepted lost doubled" in said
    assert len(started) >= 7, "two gateways, a broker, a database, three bureaus"
    _, left = psutil.wait_procs(started, timeout=60)
    assert left == []
    assert await asyncio.to_thread(lambda: list(tmp_path.glob("bureaunet-faults-*"))) == []
