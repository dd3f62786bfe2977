"""The clock of an exercise: it stands still, goes forward, is kept, and is for exercise networks alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.exercise_clock import FILE, LONGEST, ExerciseClock, clock_of, open_clock, refuse_machine_time
from schemas.errors import Misuse
from schemas.network import Network
from tests.support import NOW, World


class Machine:
    """A machine's clock that stands at one time."""

    def now(self) -> int:
        return NOW


def networks() -> tuple[Network, Network]:
    """The test's network as an exercise, and as none."""
    network = World().network
    return tuple(replace(network, genesis=replace(network.genesis, exercise=one)) for one in (True, False))  # type: ignore[return-value]  # two of two


def test_it_goes_forward_alone_and_a_restart_does_not_go_back(tmp_path: Path) -> None:
    clock = ExerciseClock(tmp_path, NOW)
    assert clock.now() == NOW
    clock.advance(NOW + 5_000)
    assert clock.now() == NOW + 5_000
    for wrong in (NOW, NOW + 5_001 + LONGEST):
        with pytest.raises(Misuse):
            clock.advance(wrong)
    assert clock.now() == NOW + 5_000
    assert ExerciseClock(tmp_path, NOW).now() == NOW + 5_000


def test_what_is_kept_and_is_no_time_is_said(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("yesterday")
    with pytest.raises(Misuse, match="not the time of an exercise"):
        ExerciseClock(tmp_path, NOW)


def test_it_is_for_exercise_networks_alone(tmp_path: Path) -> None:
    exercise, real = networks()
    with pytest.raises(Misuse, match="for exercise networks alone"):
        open_clock(real, tmp_path, Machine())
    assert not (tmp_path / FILE).exists()
    assert open_clock(exercise, tmp_path, Machine()).now() == NOW


def test_who_served_with_it_serves_with_it_for_good_and_commands_go_by_it(tmp_path: Path) -> None:
    exercise, real = networks()
    machine = Machine()
    refuse_machine_time(exercise, tmp_path)
    assert clock_of(exercise, tmp_path, machine) is machine
    open_clock(exercise, tmp_path, machine).advance(NOW + 1_000)
    with pytest.raises(Misuse, match="--exercise-clock"):
        refuse_machine_time(exercise, tmp_path)
    assert clock_of(exercise, tmp_path, machine).now() == NOW + 1_000
    assert clock_of(real, tmp_path, machine) is machine
