"""Witness policies: the arithmetic of a quorum, one spelling, which policy a size falls under, keys that are held."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest

from schemas import cbor, cose
from schemas.directory import directory_hash, read_directory, read_payload, sign_directory
from schemas.enrolment import ENROLMENT_TYP, Request, read_request, sign_request
from schemas.errors import BureaunetError, Reason
from schemas.identity import Address
from schemas.keys import NoteKey
from schemas.network import make_network
from schemas.notes import Checkpoint, Policy, Standing, add_line, open_note, sign_checkpoint, signature_line
from schemas.witness import (
    Witnesses,
    cosign,
    is_cosignature,
    is_quorum,
    least_quorum,
    policy_at,
    read_cosignature,
)
from tests import world
from tests.world import AUTHORITY, FR, LOG, NOW, make_genesis, seed, signing

KEYS = {code: NoteKey(code, seed(f"witness/{code}")) for code in ("AR", "BR", "FR")}
PUBLIC = {code: key.public for code, key in KEYS.items()}
NETWORK = world.new_network()
HEAD = Checkpoint(LOG.name, 7, bytes(32))


def test_any_two_quorums_share_an_honest_witness_and_one_less_may_not() -> None:
    for witnesses in range(1, 9):
        for dishonest in range(witnesses):
            quorum = least_quorum(witnesses, dishonest)
            assert is_quorum(quorum, witnesses, dishonest) == (quorum <= witnesses)
            assert not is_quorum(quorum - 1, witnesses, dishonest)
            if quorum <= witnesses:
                sets = [set(one) for one in combinations(range(witnesses), quorum)]
                assert all(len(one & other) > dishonest for one in sets for other in sets)
            if quorum - 1 > 0 and 2 * (quorum - 1) <= witnesses + dishonest:
                fewer = [set(one) for one in combinations(range(witnesses), quorum - 1)]
                assert any(len(one & other) <= dishonest for one in fewer for other in fewer)
    assert least_quorum(0, 0) == 0


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([[], 0], Reason.STRUCTURE),
        ([[], 1, 0], Reason.THRESHOLD),
        ([[["FR", PUBLIC["FR"].raw]], 0, 0], Reason.THRESHOLD),
        ([[["FR", PUBLIC["FR"].raw]], 2, 0], Reason.THRESHOLD),
        ([[["BR", PUBLIC["BR"].raw], ["FR", PUBLIC["FR"].raw]], 1, 0], Reason.THRESHOLD),
        ([[["BR", PUBLIC["BR"].raw], ["FR", PUBLIC["FR"].raw]], 2, 2], Reason.THRESHOLD),
        ([[["BR", PUBLIC["BR"].raw], ["FR", PUBLIC["FR"].raw]], 2, -1], Reason.THRESHOLD),
        ([[["FR", PUBLIC["FR"].raw], ["BR", PUBLIC["BR"].raw]], 2, 0], Reason.STRUCTURE),
        ([[["FR", PUBLIC["FR"].raw], ["FR", PUBLIC["BR"].raw]], 2, 0], Reason.STRUCTURE),
        ([[["BR", PUBLIC["FR"].raw], ["FR", PUBLIC["FR"].raw]], 2, 0], Reason.THRESHOLD),
        ([[["fr", PUBLIC["FR"].raw]], 1, 0], Reason.ADDRESS),
        ([[["FR", b"short"]], 1, 0], Reason.KEY_FORM),
    ],
)
def test_a_policy_that_does_not_hold_or_has_a_second_spelling_is_refused(value: cbor.Value, reason: Reason) -> None:
    with pytest.raises(BureaunetError) as caught:
        Witnesses.from_value(value)
    assert caught.value.reason is reason


def test_a_directory_names_them_beside_or_without_a_succession() -> None:
    first = world.first_directory()
    named = Witnesses(PUBLIC, 3, 1)
    for succession in (None, world.new_network().holders):
        made = replace(first, witnesses=named, succession=succession)
        again = read_payload(made.encode())
        assert (again.witnesses, again.succession) == (named, succession)
    assert read_payload(first.encode()).witnesses is None
    assert read_payload(replace(first, witnesses=Witnesses()).encode()).witnesses == Witnesses(), "none, by decision"
    whole = cbor.decode(first.encode(), cbor.DIRECTORY)
    assert isinstance(whole, list)
    for more in ([None], [None, Witnesses({"CL": PUBLIC["FR"]}, 1, 0).to_value()], [None, named.to_value(), 1]):
        with pytest.raises(BureaunetError) as caught:
            read_payload(cbor.encode([*whole, *more]))
        assert caught.value.reason is Reason.STRUCTURE


def test_the_newest_version_below_a_size_decides() -> None:
    policy = NETWORK.policy
    raw = sign_directory(world.first_directory(), [AUTHORITY], NETWORK)
    first = read_directory(raw, NETWORK)
    second = replace(first, version=2, previous=directory_hash(raw), witnesses=Witnesses(PUBLIC, 2, 0))
    versions = [(3, first), (9, second)]
    assert policy_at(policy, versions, 3).quorum == policy_at(policy, versions, 9).quorum == 0
    assert policy_at(policy, versions, 10).quorum == 2
    assert policy_at(policy, [], 10) == policy


def test_a_genesis_whose_quorum_is_no_majority_is_refused() -> None:
    empty = sign_checkpoint(Checkpoint.empty(LOG.name), LOG, NOW)
    for quorum, good in ((0, False), (1, False), (2, True), (3, True), (4, False)):
        genesis = replace(make_genesis(), policy=Policy(LOG.name, LOG.public, PUBLIC, quorum))
        if good:
            make_network(genesis, [AUTHORITY], empty)
            continue
        with pytest.raises(BureaunetError) as caught:
            make_network(genesis, [AUTHORITY], empty)
        assert caught.value.reason is Reason.THRESHOLD


def test_a_cosignature_travels_as_a_note_with_one_line() -> None:
    policy = Policy(LOG.name, LOG.public, PUBLIC, 2)
    body = cosign(HEAD, KEYS["FR"], NOW)
    assert is_cosignature(body)
    assert not is_cosignature(b"")
    assert not is_cosignature(cbor.encode([b"\n\n\xe2\x80\x94 "]))
    signed = read_cosignature(body, policy)
    assert (signed.witness, signed.checkpoint) == ("FR", HEAD)
    whole = add_line(sign_checkpoint(HEAD, LOG, NOW), signed.line)
    assert open_note(whole, policy).under(policy).witnesses == {"FR"}
    for bad in (body + signed.line.encode(), body[:-1], b"\xff" + body, body.replace(b"\n7\n", b"\n8\n"), body * 9):
        with pytest.raises(BureaunetError) as caught:
            read_cosignature(bad, policy)
        assert caught.value.reason is Reason.CHECKPOINT


def test_lines_of_another_policy_count_nothing_and_fail_the_strict_reader() -> None:
    policy = Policy(LOG.name, LOG.public, {"FR": PUBLIC["FR"]}, 1)
    note = sign_checkpoint(HEAD, LOG, NOW)
    for code in ("BR", "FR"):
        note = add_line(note, signature_line(HEAD, KEYS[code], NOW))
    opened = open_note(note, policy)
    assert opened.counted(policy).standing(policy) is Standing.WITNESSED
    with pytest.raises(BureaunetError):
        opened.under(policy)
    assert opened.counted(NETWORK.policy).standing(NETWORK.policy) is Standing.UNWITNESSED
    assert open_note(sign_checkpoint(HEAD, LOG, NOW), policy).under(policy).standing(policy) is Standing.PROVISIONAL


def test_a_request_proves_that_its_witness_key_is_held() -> None:
    row = world.participant(FR)
    asked = Request(
        FR, row.kind, row.name, row.link, signing(FR).public, row.sealing[0].key, (), b"csr", NOW, PUBLIC["FR"]
    )
    raw = sign_request(asked, signing(FR), KEYS["FR"])
    assert read_request(raw) == asked
    assert read_request(sign_request(replace(asked, witness=None), signing(FR))).witness is None, "as before witnesses"
    other = replace(asked, address=Address("BR"), signing=signing("BR").public)
    stolen = cbor.decode(cose.parse_sign1(sign_request(other, signing("BR"), KEYS["FR"]), ENROLMENT_TYP).payload)
    mine = cbor.decode(cose.parse_sign1(raw, ENROLMENT_TYP).payload)
    assert isinstance(stolen, list)
    assert isinstance(mine, list)
    for last, reason in ((stolen[-1], Reason.SIGNATURE), ([PUBLIC["FR"].raw], Reason.STRUCTURE)):
        with pytest.raises(BureaunetError) as caught:
            read_request(cose.sign1(ENROLMENT_TYP, cbor.encode([*mine[:-1], last]), signing(FR)))
        assert caught.value.reason is reason
