"""Each step of admission says no for its own reason, in its order; what is right is admitted (protocol section 3)."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from typing import Any

import pytest

from gateway import admission
from gateway.admission import Bucket, decide, receive
from gateway.ports import (
    Admitted,
    Ahead,
    Candidate,
    Decided,
    Facts,
    Rejected,
    Repeated,
    Sibling,
    Submission,
)
from gateway.settings import Pipeline
from schemas import cbor, cose, wire
from schemas.directory import SealingEntry, State, Validity
from schemas.envelope import MAX_SEALED, MAX_STATEMENT, Envelope, read, seal
from schemas.errors import BureaunetError, Reason
from schemas.identity import Address, MessageId
from schemas.keys import SealingKey, SigningKey, Suite
from tests.support import ALWAYS, NOW, World

LIMITS = Pipeline()
OTHER_ID = bytes(32)
OTHER_KEY = SigningKey.generate().public


def verdict(world: World, envelope: Envelope, link: str = "FR", **more: Any) -> tuple[int, Reason] | None:  # noqa: ANN401 - as facts
    """What is decided, the same whether the envelope was looked at ahead or not."""
    facts = world.facts(**more)
    late, early = (decided(world.candidate(envelope, link, trust), facts) for trust in (None, facts.trust))
    assert late == early
    return late


def decided(candidate: Candidate, facts: Facts) -> tuple[int, Reason] | None:
    (found,) = decide([candidate], facts, LIMITS)
    if isinstance(found, Admitted):
        return None
    assert isinstance(found, Rejected)
    return found.step, found.reason


def early(world: World, body: bytes, link: str = "FR", *, quota: bool = True) -> tuple[int, Reason]:
    found = receive(Submission(Address(link), body, NOW * 1000), world.network.id, within_quota=quota)
    assert isinstance(found, Rejected)
    assert not found.recorded
    return found.step, found.reason


@pytest.fixture
def world() -> World:
    return World()


def test_a_valid_envelope_is_admitted(world: World) -> None:
    assert verdict(world, world.envelope("FR", ["BR", "AR"])) is None


def test_step_1_the_links_quota_comes_before_everything(world: World) -> None:
    assert early(world, b"\xff not even CBOR", quota=False) == (1, Reason.LINK_QUOTA)


@pytest.mark.parametrize(
    ("statement", "sealed", "reason"),
    [
        (MAX_STATEMENT + 1, 10, Reason.STATEMENT_TOO_LARGE),
        (10, MAX_SEALED + 1, Reason.SEALED_TOO_LARGE),
        (10, wire.MAX_SUBMISSION, Reason.SEALED_TOO_LARGE),
    ],
)
def test_step_2_sizes(world: World, statement: int, sealed: int, reason: Reason) -> None:
    assert early(world, cbor.encode([bytes(statement), bytes(sealed)])) == (2, reason)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", Reason.CBOR_TRUNCATED),
        (b"\x9f\xff", Reason.CBOR_INDEFINITE),
        (b"\x82\x40\x40\x00", Reason.CBOR_TRAILING),
        (b"\x81\x40", Reason.STRUCTURE),
        (b"\x82\x40\x40", Reason.CBOR_TRUNCATED),
        (b"\x82\x41\x01\x40", Reason.STRUCTURE),
        (b"\x81" * 9, Reason.CBOR_TOO_DEEP),
    ],
)
def test_step_3_what_is_no_statement(world: World, body: bytes, reason: Reason) -> None:
    assert early(world, body) == (3, reason)


def test_step_3_a_statement_of_another_type(world: World) -> None:
    acknowledgement = world.acknowledgement("FR", bytes(32))
    assert early(world, wire.encode_submission(Envelope(acknowledgement, b""))) == (3, Reason.TYP)


def test_step_4_a_link_speaks_for_itself_and_its_units_alone(world: World) -> None:
    body = world.submission(world.envelope("FR")).body
    assert early(world, body, "BR") == (4, Reason.LINK_IDENTITY)
    assert early(world, body, "FR/fugitives") == (4, Reason.LINK_IDENTITY)


def test_step_4_of_another_network(world: World) -> None:
    envelope = world.envelope(net=bytes(32))
    assert early(world, world.submission(envelope).body) == (4, Reason.NETWORK)


def test_step_5_a_digest_that_is_decided_is_not_evaluated_again(world: World) -> None:
    envelope = world.envelope("FR", exp=NOW - 10, iat=NOW - 20)
    known = Decided(b"receipt", 7, accepted=True)
    (found,) = decide([world.candidate(envelope)], world.facts(decided={envelope.digest: known}), LIMITS)
    assert found == Repeated(envelope.digest, known)


def test_step_6_a_key_that_nobody_or_another_bureau_has(world: World) -> None:
    stranger = seal(world.header(), b"{}", [world.office("BR").sealing.public], SigningKey.generate())
    others = seal(world.header(), b"{}", [world.office("BR").sealing.public], world.office("AR").signing)
    assert verdict(world, stranger) == (6, Reason.KEY_UNKNOWN)
    assert verdict(world, others) == (6, Reason.KEY_UNKNOWN)


def test_step_7_a_forged_signature(world: World) -> None:
    envelope = world.envelope()
    forged = Envelope(envelope.statement[:-1] + bytes([envelope.statement[-1] ^ 1]), envelope.sealed)
    assert verdict(world, forged) == (7, Reason.SIGNATURE)


def test_what_was_reckoned_ahead_counts_for_the_key_that_it_was_reckoned_with(world: World) -> None:
    trust, envelope = world.facts().trust, world.envelope()
    seen = world.candidate(envelope, trust=trust).ahead
    assert seen is not None
    assert seen.wraps is not None
    assert (seen.signer, seen.signed, len(seen.wraps)) == (world.office("FR").signing.public, True, 1)
    lied = Candidate(world.submission(envelope), envelope, read(envelope.statement), Ahead(OTHER_KEY, signed=False))
    assert decided(lied, world.facts()) is None, "another key was tried, which says nothing"
    unknown = seal(world.header(), b"{}", [world.office("BR").sealing.public], SigningKey.generate())
    assert world.candidate(unknown, trust=trust).ahead is None
    large = world.candidate(world.envelope(content=bytes(60_000)), trust=trust)
    assert (large.ahead and large.ahead.signed, large.ahead and large.ahead.wraps) == (True, None), "in its batch"
    assert decided(large, world.facts()) is None


def test_refusals_at_6_and_7_are_not_recorded_and_use_up_no_id(world: World) -> None:
    envelope = world.envelope()
    forged = Envelope(envelope.statement[:-1] + bytes([envelope.statement[-1] ^ 1]), envelope.sealed)
    first, second = decide([world.candidate(forged), world.candidate(envelope)], world.facts(), LIMITS)
    assert isinstance(first, Rejected)
    assert not first.recorded
    assert isinstance(second, Admitted)


def test_step_8_an_id_that_another_message_has(world: World) -> None:
    cti = MessageId.new(NOW * 1000)
    one, two = world.envelope(cti=cti), world.envelope(cti=cti, content=b'{"b":2}')
    assert verdict(world, two, ids={("FR", cti): one.digest}) == (8, Reason.ID_REUSED)
    assert verdict(world, one, ids={("FR", cti): one.digest}) is None
    assert verdict(world, two, ids={("BR", cti): one.digest}) is None


def test_in_one_batch_the_same_again_is_a_sibling_and_another_under_its_id_is_refused(world: World) -> None:
    cti = MessageId.new(NOW * 1000)
    one, two = world.envelope(cti=cti), world.envelope(cti=cti, content=b'{"b":2}')
    found = decide([world.candidate(e) for e in (one, one, two)], world.facts(), LIMITS)
    assert isinstance(found[0], Admitted)
    assert found[1] == Sibling(one.digest)
    assert isinstance(found[2], Rejected)
    assert (found[2].step, found[2].reason, found[2].recorded) == (8, Reason.ID_REUSED, True)


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iat": NOW + 121, "exp": NOW + 500}, Reason.FUTURE),
        ({"iat": NOW - 100, "exp": NOW}, Reason.EXPIRED),
        ({"iat": NOW, "exp": NOW + 40 * 86_400 + 1}, Reason.LIFETIME),
    ],
)
def test_step_9_the_clock(world: World, claims: dict[str, Any], reason: Reason) -> None:
    assert verdict(world, world.envelope(**claims)) == (9, reason)


def test_step_9_at_its_bounds(world: World) -> None:
    assert verdict(world, world.envelope(iat=NOW + 120, exp=NOW + 120 + 40 * 86_400)) is None
    assert verdict(world, world.envelope(iat=NOW - 100, exp=NOW + 1)) is None


@pytest.mark.parametrize(
    ("validity", "reason"),
    [
        (Validity(NOW - 100, NOW + 100, void_from=10), Reason.KEY_VOID),
        (Validity(NOW + 1, NOW + 100), Reason.KEY_NOT_VALID),
        (Validity(NOW - 100, NOW), Reason.KEY_NOT_VALID),
    ],
)
def test_step_10_a_key_that_does_not_hold(world: World, validity: Validity, reason: Reason) -> None:
    world.offices["FR"].validity = validity
    world.renew()
    assert verdict(world, world.envelope()) == (10, reason)


def test_step_10_a_key_that_did_not_hold_when_it_says_it_signed(world: World) -> None:
    world.offices["FR"].validity = Validity(NOW - 10, NOW + 1000)
    world.renew()
    assert verdict(world, world.envelope(iat=NOW - 11)) == (10, Reason.KEY_NOT_VALID)


def test_step_10_a_key_void_only_later(world: World) -> None:
    world.offices["FR"].validity = replace(ALWAYS, void_from=11)
    world.renew()
    assert verdict(world, world.envelope()) is None


def test_step_10_a_suspended_sender(world: World) -> None:
    world.offices["FR"].state = State.SUSPENDED
    world.renew()
    assert verdict(world, world.envelope()) == (10, Reason.SENDER_SUSPENDED)


def test_step_11_a_sealed_part_that_is_another(world: World) -> None:
    one, two = world.envelope(), world.envelope()
    assert verdict(world, Envelope(one.statement, two.sealed)) == (11, Reason.SEALED_HASH)


def resealed(world: World, keys: list[Any], to: list[str]) -> Envelope:
    """An envelope whose statement is right and whose wraps are those for `keys`."""
    header = world.header("FR", to)
    signer = world.office("FR").signing
    envelope = seal(header, b"{}", [world.office(code).sealing.public for code in to], signer)
    statement = cose.parse_sign1(envelope.statement, "application/vnd.bureaunet.envelope+cose")
    sealed = cose.encrypt(
        os.urandom(64), keys, content_type="application/json", external=statement.protected, extra_info=bytes(32)
    )
    digest = hashlib.sha256(sealed).digest()
    return Envelope(cose.sign_protected(statement.protected, digest, signer), sealed)


def test_step_11_one_wrap_for_each_recipient(world: World) -> None:
    only_one = resealed(world, [world.office("BR").sealing.public], ["BR", "AR"])
    assert verdict(world, only_one) == (11, Reason.WRAPS)


def test_step_11_a_wrap_for_another_key_or_in_another_order(world: World) -> None:
    stranger = resealed(world, [SealingKey.generate().public], ["BR"])
    swapped = resealed(world, [world.office("AR").sealing.public, world.office("BR").sealing.public], ["BR", "AR"])
    assert verdict(world, stranger) == (11, Reason.WRAP_KEY)
    assert verdict(world, swapped) == (11, Reason.WRAP_KEY)


def test_step_11_a_wrap_without_post_quantum_protection(world: World) -> None:
    world.offices["BR"].sealing = SealingKey.generate(Suite.HPKE_4_KE)
    world.renew()
    assert verdict(world, world.envelope()) == (11, Reason.SUITE)


def test_step_11_an_older_sealing_key_that_is_still_valid_is_fine_and_an_ended_one_is_not(world: World) -> None:
    envelope = world.envelope()
    rows = {row.address: row for row in world.directory.participants}
    new = SealingEntry(SealingKey.generate().public, ALWAYS)
    for until, expected in ((NOW + 60, None), (NOW, (11, Reason.WRAP_KEY))):
        old = SealingEntry(world.office("BR").sealing.public, Validity(NOW - 60, until))
        changed = replace(rows[Address("BR")], sealing=(new, old))
        rest = tuple(row for address, row in rows.items() if address != "BR")
        world.directory = replace(world.directory, participants=(*rest, changed))
        assert verdict(world, envelope) == expected


def test_a_link_has_its_burst_and_gets_room_again_with_time() -> None:
    bucket = Bucket(2.0, NOW * 1000)
    taken: list[bool] = []
    for milliseconds in (0, 0, 0, 500, 500):
        bucket, room = bucket.take(bucket.at + milliseconds, 1.0, 2)
        taken.append(room)
    assert taken == [True, True, False, False, True]
    _, room = bucket.take(bucket.at - 10_000, 1.0, 2)
    assert not room


def evidence(world: World, body: bytes, link: str = "BR") -> Reason | None:
    try:
        admission.read_evidence(Address(link), body, world.facts())
    except BureaunetError as error:
        return error.reason
    return None


def test_an_acknowledgement_is_its_recipients_own(world: World) -> None:
    said = world.acknowledgement("BR", bytes(32))
    assert evidence(world, said) is None
    assert evidence(world, said, "AR") is Reason.LINK_IDENTITY
    assert evidence(world, said[:-1] + bytes([said[-1] ^ 1])) is Reason.SIGNATURE
    assert evidence(world, said[:-1]) is Reason.CBOR_TRUNCATED
    assert evidence(world, bytes(MAX_STATEMENT + 1)) is Reason.STATEMENT_TOO_LARGE
    assert evidence(World(), said) is Reason.NETWORK
    world.offices["BR"].signing = SigningKey.generate()
    world.renew()
    assert evidence(world, said) is Reason.KEY_UNKNOWN
    world.offices["BR"].validity = Validity(NOW - 10, NOW)
    world.renew()
    assert evidence(world, world.acknowledgement("BR", bytes(32))) is Reason.KEY_NOT_VALID
    world.offices["BR"].validity = replace(ALWAYS, void_from=3)
    world.renew()
    assert evidence(world, world.acknowledgement("BR", bytes(32))) is Reason.KEY_VOID
