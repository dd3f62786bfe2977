"""Who may send what: by the kind of a participant, and by a bureau's quota."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.adapters.memory import MemoryStore
from gateway.admission import decide
from gateway.ports import Admitted, Rejected
from gateway.settings import Pipeline, Quota
from schemas.codes import Handling
from schemas.directory import ParticipantKind
from schemas.errors import Reason
from schemas.identity import Address
from schemas.messages import KINDS
from schemas.rights import RESERVED, RIGHTS, may_send
from tests.support import NOW, RESPONSE, RESULT, World


def test_every_kind_of_participant_has_its_row() -> None:
    assert set(RIGHTS) == set(ParticipantKind)


RESERVED_KINDS = {message for message in KINDS if message.partition("/")[0] in RESERVED}


@pytest.mark.parametrize(
    ("kind", "sends"),
    [
        (ParticipantKind.NATIONAL_BUREAU, set(KINDS) - RESERVED_KINDS),
        (ParticipantKind.REGIONAL_BUREAU, set(KINDS) - RESERVED_KINDS),
        (ParticipantKind.SECRETARIAT, set(KINDS)),
        (
            ParticipantKind.ORGANISATION,
            {m for m in KINDS if m.partition("/")[0] in RIGHTS[ParticipantKind.ORGANISATION]},
        ),
        (ParticipantKind.UNIT, {m for m in KINDS if m.partition("/")[0] in RIGHTS[ParticipantKind.UNIT]}),
    ],
)
def test_a_participant_sends_what_the_table_says_and_nothing_else(kind: ParticipantKind, sends: set[str]) -> None:
    assert {message for message in KINDS if may_send(kind, message)} == sends
    world = World()
    world.offices["FR"].kind = kind
    world.amend(kinds=tuple(KINDS))
    world.renew()
    for message in KINDS:
        (found,) = decide([world.candidate(world.envelope(kind=message))], world.facts(), Pipeline())
        if message in sends:
            assert isinstance(found, Admitted)
        else:
            assert isinstance(found, Rejected)
            assert (found.step, found.reason) == (12, Reason.KIND_NOT_ALLOWED)


ORGANISATIONS_SEND = {"whereabouts.response", "duty.answer", "tip.disposition", "correction", "cancellation", "tip"}


def test_an_organisation_answers_and_asks_nothing() -> None:
    assert RIGHTS[ParticipantKind.ORGANISATION] == ORGANISATIONS_SEND
    for message in ("whereabouts.query/1", "database.query/1", "result/1", "relay.request/1", "relay.consent/1"):
        assert not may_send(ParticipantKind.ORGANISATION, message)


@pytest.mark.parametrize("message", ["relay.delivery/1", "relay.delivery/2", "network.group/1"])
def test_what_is_reserved_is_the_secretariats_alone(message: str) -> None:
    assert [kind for kind in ParticipantKind if may_send(kind, message)] == [ParticipantKind.SECRETARIAT]


@pytest.mark.parametrize("message", ["notice.request/1", "extradition.request/1", "whereabouts.responses/1", "*"])
def test_an_organisation_is_denied_what_nobody_thought_of(message: str) -> None:
    assert not may_send(ParticipantKind.ORGANISATION, message)


def test_a_unit_in_its_bureaus_row_sends_as_the_bureau() -> None:
    world = World()
    world.offices["FR"].units = ("airport",)
    world.renew()
    (found,) = decide([world.candidate(world.envelope("FR/airport", kind=RESULT))], world.facts(), Pipeline())
    assert isinstance(found, Admitted)


def test_a_bureau_may_have_a_quota_of_its_own() -> None:
    world = World()
    limits = Pipeline(bureau_per_minute=1, bureaus={"FR": Quota(per_minute=2), "AR": Quota(per_minute=0)})
    candidates = [world.candidate(world.envelope(code), code) for code in ("FR", "BR", "AR", "FR", "BR", "FR")]
    found = decide(candidates, world.facts(), limits)
    assert [isinstance(one, Admitted) for one in found] == [True, True, False, True, False, False]
    assert {one.reason for one in found if isinstance(one, Rejected)} == {Reason.QUOTA}


async def test_under_h2_nothing_in_the_thread_leaves_its_parties_however_it_is_marked() -> None:
    world = World()
    async with world.gateway(MemoryStore()) as exchange:
        query = await world.send(exchange, world.envelope("FR", ["BR"], handling=Handling.H2))
        thread: dict[str, Any] = {"thread": query.digest, "kind": RESPONSE}
        answer = world.envelope("BR", ["FR"], re=query.digest, **thread)  # a lesser code on the answer
        answered = await world.send(exchange, answer, "BR")
        assert answered.accepted
        for envelope, link, reason in (
            (world.envelope("BR", ["AR"], re=query.digest, **thread), "BR", Reason.HANDLING),
            (world.envelope("FR", ["AR"], **thread), "FR", Reason.HANDLING),
            (world.envelope("FR", ["AR"], re=answered.digest, **thread), "FR", Reason.THREAD_PARTIES),
            (world.envelope("FR", ["BR", "AR"], re=answered.digest, **thread), "FR", Reason.THREAD_PARTIES),
        ):
            refused = await world.send(exchange, envelope, link)
            assert (refused.step, refused.reason) == (12, reason)
        assert (await world.send(exchange, world.envelope("FR", ["BR"], re=answered.digest, **thread))).accepted


@pytest.mark.parametrize(
    ("since", "until", "is_member"), [(0, None, True), (1, None, False), (-9, 0, False), (-9, 1, True)]
)
def test_membership_is_by_date_from_its_first_second_to_before_its_last(
    since: int, until: int | None, *, is_member: bool
) -> None:
    world = World()
    dated = replace(world.operation.members[0], since=NOW + since, until=None if until is None else NOW + until)
    assert dated.address == Address("AR")
    world.amend(members=(dated, *world.operation.members[1:]))
    (sent,) = decide([world.candidate(world.envelope("AR", ["BR"]), "AR")], world.facts(), Pipeline())
    (got,) = decide([world.candidate(world.envelope("BR", ["AR"]), "BR")], world.facts(), Pipeline())
    assert [isinstance(one, Admitted) for one in (sent, got)] == [is_member, is_member]
    if not is_member:
        found = [one.reason for one in (sent, got) if isinstance(one, Rejected)]
        assert found == [Reason.SENDER_NOT_MEMBER, Reason.RECIPIENT_NOT_MEMBER]


async def test_bytes_count_across_batches_of_a_minute_and_the_first_always_fits() -> None:
    world = World()
    large = world.envelope(content=bytes(100_000))
    size = len(world.submission(large).body)
    candidates = [world.candidate(world.envelope(content=bytes(100_000))) for _ in range(3)]
    found = decide(candidates, world.facts(), Pipeline(bureau_bytes_per_minute=2 * size + 1000))
    assert [isinstance(one, Admitted) for one in found] == [True, True, False]
    tight = Pipeline(bureau_bytes_per_minute=size // 2)
    assert isinstance(decide(candidates[:1], world.facts(), tight)[0], Admitted)
    spent = world.facts(spent={"FR": 1}, spent_bytes={"FR": size})
    assert isinstance(decide(candidates[:1], spent, tight)[0], Rejected)
    others = replace(spent, spent_bytes={"BR": size})
    assert isinstance(decide(candidates[:1], others, tight)[0], Admitted)
