"""One fault of each family under a few hundred envelopes: the short form of `make faults`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.faults.catalogue import FAULTS
from tests.faults.fault import Fault, run_fault
from tests.faults.ground import prepare

pytestmark = [pytest.mark.broker, pytest.mark.postgres, pytest.mark.slow, pytest.mark.timeout(170)]

COUNT = 400
SEED = 20111101
CHOSEN = ("gateway-after-commit", "bureau-committed", "leader", "torn", "sqlite-full", "duplicates")


def _named(name: str) -> Fault:
    return next(fault for fault in FAULTS if fault.name == name)


def test_each_family_has_a_short_form() -> None:
    assert {_named(name).family for name in CHOSEN} == {fault.family for fault in FAULTS}


@pytest.mark.parametrize("name", CHOSEN)
async def test_nothing_is_lost_and_nothing_doubled(name: str, tmp_path: Path) -> None:
    if name == "sqlite-full" and os.geteuid() != 0:
        pytest.skip("only root can mount the small disk that is filled")
    fault, said = _named(name), list[str]()
    ground = await prepare(tmp_path / "ground", COUNT, embedded=fault.embedded)
    row = await run_fault(fault, ground, tmp_path / "scene", SEED, COUNT, said.append)
    assert row.good, (row.complaints, said)
    assert row.accepted + row.refused >= COUNT
