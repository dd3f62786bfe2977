"""Step 12 of admission: an exchange belongs to its operation and keeps its rules (protocol section 3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.admission import decide
from gateway.ports import Admitted, Rejected, ThreadFacts
from gateway.settings import Pipeline
from schemas.codes import Handling, Purpose
from schemas.directory import State
from schemas.envelope import Envelope
from schemas.errors import Reason
from schemas.identity import Address
from schemas.operation import Member, Phase, Role
from tests.support import NOW, RESPONSE, Office, World

OTHER_ID = bytes(32)


def verdict(world: World, envelope: Envelope, **more: Any) -> tuple[int, Reason] | None:  # noqa: ANN401 - fields of Facts
    (found,) = decide([world.candidate(envelope)], world.facts(**more), Pipeline())
    if isinstance(found, Admitted):
        return None
    assert isinstance(found, Rejected)
    return found.step, found.reason


@pytest.fixture
def world() -> World:
    return World()


CHANGES: list[tuple[str, Callable[[World], object], Reason]] = [
    ("closed", lambda w: w.amend(phase=Phase.CLOSED), Reason.OPERATION_CLOSED),
    ("evaluated", lambda w: w.amend(phase=Phase.EVALUATED), Reason.OPERATION_CLOSED),
    ("sender left", lambda w: w.amend(members=members(w, without="FR")), Reason.SENDER_NOT_MEMBER),
    ("sender observes", lambda w: w.amend(members=members(w, observer="FR")), Reason.SENDER_NOT_MEMBER),
    ("membership over", lambda w: w.amend(members=members(w, until=NOW)), Reason.SENDER_NOT_MEMBER),
    ("recipient left", lambda w: w.amend(members=members(w, without="BR")), Reason.RECIPIENT_NOT_MEMBER),
    ("kind", lambda w: w.amend(kinds=(RESPONSE,)), Reason.KIND_NOT_ALLOWED),
    ("handling", lambda w: w.amend(handling=(Handling.H3,)), Reason.HANDLING),
    ("purpose", lambda w: w.amend(purposes=(Purpose.EXTRADITION,)), Reason.PURPOSE),
]


def members(world: World, *, without: str = "", observer: str = "", until: int | None = None) -> tuple[Member, ...]:
    kept = (m for m in world.operation.members if m.address != without)
    return tuple(replace(m, until=until, role=Role.OBSERVER if m.address == observer else m.role) for m in kept)


@pytest.mark.parametrize(("change", "reason"), [pytest.param(c, r, id=name) for name, c, r in CHANGES])
def test_step_12_the_operations_rules(world: World, change: Callable[[World], object], reason: Reason) -> None:
    envelope = world.envelope()
    assert verdict(world, envelope) is None
    change(world)
    assert verdict(world, envelope) == (12, reason)


def test_step_12_an_observer_receives(world: World) -> None:
    world.amend(members=members(world, observer="BR"))
    assert verdict(world, world.envelope()) is None


def test_step_12_an_operation_that_nobody_knows(world: World) -> None:
    assert verdict(world, world.envelope(sub="infra-other")) == (12, Reason.OPERATION_UNKNOWN)


def test_step_12_a_recipient_that_the_directory_does_not_know_or_that_is_withdrawn(world: World) -> None:
    world.offices["UY"] = Office(Address("UY"))
    envelope = world.envelope("FR", ["UY"])
    assert verdict(world, envelope) == (12, Reason.RECIPIENT_UNKNOWN)
    world.offices["UY"].state = State.WITHDRAWN
    world.renew()
    assert verdict(world, envelope) == (12, Reason.RECIPIENT_UNKNOWN)


def test_step_12_a_unit_is_reached_when_its_bureau_lists_it(world: World) -> None:
    envelope = world.envelope("FR", ["BR/borders"])
    assert verdict(world, envelope) == (12, Reason.RECIPIENT_UNKNOWN)
    world.offices["BR"].units = ("borders",)
    world.renew()
    assert verdict(world, envelope) is None


@pytest.mark.parametrize(
    ("whole", "phase", "right"),
    [
        (True, Phase.ACTIVE, True),
        (False, Phase.ACTIVE, False),
        (False, Phase.TRAINING, True),
        (False, Phase.PLANNED, True),
        (True, Phase.TRAINING, True),
    ],
)
def test_step_12_exercise_and_real_traffic_do_not_mix(*, whole: bool, phase: Phase, right: bool) -> None:
    world = World(exercise=whole)
    world.amend(phase=phase)
    assert verdict(world, world.envelope(exercise=right)) is None
    assert verdict(world, world.envelope(exercise=not right)) == (12, Reason.EXERCISE)


def test_step_12_the_bureaus_quota_counts_units_and_the_batch(world: World) -> None:
    limits = Pipeline(bureau_per_minute=3)
    candidates = [world.candidate(world.envelope()) for _ in range(3)]
    found = decide(candidates, world.facts(spent={"FR": 1}), limits)
    assert [isinstance(v, Admitted) for v in found] == [True, True, False]
    assert isinstance(found[2], Rejected)
    assert (found[2].step, found[2].reason) == (12, Reason.QUOTA)


def thread_facts(world: World, query: bytes, **changes: Any) -> ThreadFacts:  # noqa: ANN401 - fields of ThreadFacts
    known = ThreadFacts(
        world.operation.id,
        exercise=True,
        purpose=Purpose.ARREST,
        handling=Handling.H0,
        sender=Address("BR"),
        recipients=frozenset({Address("FR"), Address("AR")}),
        thread=query,
    )
    return replace(known, **changes)


@pytest.mark.parametrize(
    ("changes", "to", "reason"),
    [
        ({}, ["BR"], None),
        ({}, ["BR", "AR"], None),
        ({"operation": "other"}, ["BR"], Reason.THREAD_UNKNOWN),
        ({"thread": OTHER_ID}, ["BR"], Reason.THREAD_UNKNOWN),
        ({"exercise": False}, ["BR"], Reason.EXERCISE),
        ({"purpose": Purpose.LOCATION}, ["BR"], Reason.PURPOSE),
        ({"recipients": frozenset({Address("AR")})}, ["BR"], Reason.THREAD_PARTIES),
        ({}, ["BR", "IPSG"], Reason.THREAD_PARTIES),
        ({"handling": Handling.H2}, ["BR", "IPSG"], Reason.HANDLING),
    ],
)
def test_step_12_an_answer_stays_in_its_exchange(
    world: World, changes: dict[str, Any], to: list[str], reason: Reason | None
) -> None:
    query = bytes([1]) * 32
    known = {query: thread_facts(world, query, **changes)}
    envelope = world.envelope("FR", to, kind=RESPONSE, thread=query, re=query)
    assert verdict(world, envelope, threads=known) == (None if reason is None else (12, reason))


def test_step_12_an_answer_to_nothing(world: World) -> None:
    envelope = world.envelope("FR", ["BR"], kind=RESPONSE, thread=OTHER_ID, re=OTHER_ID)
    assert verdict(world, envelope) == (12, Reason.THREAD_UNKNOWN)


def test_step_12_who_asked_may_add_to_the_thread_but_not_answer_itself(world: World) -> None:
    query = bytes([1]) * 32
    known = {query: thread_facts(world, query, sender=Address("FR"), recipients=frozenset({Address("BR")}))}
    assert verdict(world, world.envelope("FR", ["BR"], thread=query), threads=known) is None
    answer = world.envelope("FR", ["BR"], thread=query, re=query)
    assert verdict(world, answer, threads=known) == (12, Reason.THREAD_PARTIES)
