"""A few kills of `bureaunet secretariat serve` under a small load: the short form of tests/faults/secretariat.py."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from bureaus.sandbox.network import PrivateNetwork
from tests.faults.secretariat import struck
from tests.integration.secretariat.served import SEATS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
SEED, KILLS, COUNT = 20261122, 2, 6


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network's keys, certificates and directory, made once for both engines."""
    folder = tmp_path_factory.mktemp("ground") / "network"
    asyncio.run(PrivateNetwork(folder, SEATS).make())
    return folder


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def registry(request: pytest.FixtureRequest) -> str | None:
    """The registry's URL; None is the one in the home."""
    return None if request.param == "sqlite" else str(request.getfixturevalue("fresh_database"))


async def test_killed_at_random_moments_nothing_is_lost_and_nothing_takes_effect_twice(
    registry: str | None, ground: Path, tmp_path: Path
) -> None:
    shutil.copytree(ground, tmp_path / "network")
    assert await struck(tmp_path, registry, SEED, KILLS, COUNT, print) == ()
