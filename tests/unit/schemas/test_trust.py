"""What everything hangs from: threshold statements, the network file, directories, enrolment, operations."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from schemas import cbor, cose, directory, enrolment, merkle, network, operation, threshold
from schemas.claims import NET, Head
from schemas.directory import Current, Link, ParticipantKind, SealingEntry, SigningEntry, Validity
from schemas.enrolment import Request
from schemas.errors import BureaunetError, Malformed, Reason, Untrusted
from schemas.identity import Address
from schemas.keys import NoteKey, SigningKey
from schemas.network import GENESIS_TYP
from schemas.notes import Checkpoint, sign_checkpoint
from schemas.operation import Member, Phase, Role
from tests.world import (
    AR,
    AUTHORITY,
    BR,
    CURRENT,
    FR,
    IPSG,
    LOG,
    NOW,
    first_directory,
    first_operation,
    flip,
    make_genesis,
    new_network,
    sealing,
    seed,
    signing,
)

TYP = "application/vnd.bureaunet.test+cose"
THREE = [signing(f"authority-{number}") for number in range(3)]
KEYS = {key.key_id: key.public for key in THREE}
NETWORK = new_network()


def statement(*signers: SigningKey, net: bytes | None = None, payload: bytes = b"payload") -> bytes:
    return threshold.join((threshold.sign_part(TYP, payload, signer, net) for signer in signers), TYP)


def reason_of(error: pytest.ExceptionInfo[BureaunetError]) -> Reason:
    return error.value.reason


class TestThreshold:
    @pytest.mark.parametrize("signers", [THREE[:2], THREE[1:], THREE, THREE[::-1]])
    def test_enough_signers_suffice_in_any_order_of_joining(self, signers: Sequence[SigningKey]) -> None:
        signed = threshold.verify(statement(*signers), TYP, KEYS, 2, None)
        assert signed.payload == b"payload"

    def test_too_few_do_not(self) -> None:
        with pytest.raises(Untrusted) as caught:
            threshold.verify(statement(THREE[0]), TYP, KEYS, 2, None)
        assert reason_of(caught) is Reason.THRESHOLD

    def test_one_who_signs_twice_counts_once(self) -> None:
        part = threshold.sign_part(TYP, b"payload", THREE[0], None)
        with pytest.raises(Malformed) as caught:
            threshold.verify(cbor.encode([part, part]), TYP, KEYS, 2, None)
        assert reason_of(caught) is Reason.STRUCTURE

    def test_a_stranger_among_them_fails_it(self) -> None:
        with pytest.raises(Untrusted) as caught:
            threshold.verify(statement(*THREE[:2], signing("stranger")), TYP, KEYS, 2, None)
        assert reason_of(caught) is Reason.KEY_UNKNOWN

    def test_all_sign_the_same_payload(self) -> None:
        parts = [threshold.sign_part(TYP, bytes((n,)), key, None) for n, key in enumerate(THREE)]
        with pytest.raises(Malformed) as caught:
            threshold.verify(threshold.join(parts, TYP), TYP, KEYS, 2, None)
        assert reason_of(caught) is Reason.STRUCTURE

    def test_a_statement_is_of_its_network(self) -> None:
        data = statement(*THREE, net=bytes(32))
        threshold.verify(data, TYP, KEYS, 2, bytes(32))
        with pytest.raises(Untrusted) as caught:
            threshold.verify(data, TYP, KEYS, 2, b"\x01" * 32)
        assert reason_of(caught) is Reason.NETWORK
        with pytest.raises(Malformed):
            threshold.verify(data, TYP, KEYS, 2, None)

    def test_every_changed_byte_is_refused(self) -> None:
        data = statement(*THREE[:2])
        for at in range(len(data)):
            with pytest.raises(BureaunetError):
                threshold.verify(flip(data, at), TYP, KEYS, 2, None)

    @pytest.mark.parametrize("value", [[], [0], {}, [b""]])
    def test_other_forms_are_refused(self, value: cbor.Value) -> None:
        with pytest.raises(Malformed):
            threshold.verify(cbor.encode(value), TYP, KEYS, 1, None)


class TestNetworkFile:
    def test_it_comes_back(self) -> None:
        again = network.read_network(NETWORK.raw)
        assert (again.genesis, again.id) == (make_genesis(), NETWORK.id)

    def test_every_changed_byte_is_refused_or_is_another_network(self) -> None:
        for at in range(0, len(NETWORK.raw), 2):
            try:
                assert network.read_network(flip(NETWORK.raw, at)).id != NETWORK.id
            except BureaunetError:
                continue

    def test_the_checkpoint_is_the_log_s_of_size_0(self) -> None:
        for head, key in (
            (Checkpoint(LOG.name, 1, merkle.leaf_hash(b"")), LOG),
            (Checkpoint.empty(LOG.name), NoteKey(LOG.name, seed("other"))),
        ):
            with pytest.raises(Untrusted) as caught:
                network.make_network(make_genesis(), [AUTHORITY], sign_checkpoint(head, key, NOW))
            assert reason_of(caught) is Reason.CHECKPOINT

    def test_the_authority_signs_its_own_genesis(self) -> None:
        first = sign_checkpoint(Checkpoint.empty(LOG.name), LOG, NOW)
        with pytest.raises(Untrusted) as caught:
            network.make_network(make_genesis(), [signing("stranger")], first)
        assert reason_of(caught) is Reason.KEY_UNKNOWN

    @pytest.mark.parametrize("needed", [0, 2])
    def test_a_threshold_that_cannot_be_is_refused(self, needed: int) -> None:
        first = sign_checkpoint(Checkpoint.empty(LOG.name), LOG, NOW)
        with pytest.raises(Malformed) as caught:
            network.make_network(replace(make_genesis(), threshold=needed), [AUTHORITY], first)
        assert reason_of(caught) is Reason.THRESHOLD

    @pytest.mark.parametrize("value", [[], ["bureaunet-network/2", b"", ""], {}, ["bureaunet-network/1", b"\x80", ""]])
    def test_other_forms_are_refused(self, value: cbor.Value) -> None:
        with pytest.raises(Malformed) as caught:
            network.read_network(cbor.encode(value))
        assert reason_of(caught) is Reason.STRUCTURE

    def test_a_genesis_of_another_form_is_refused(self) -> None:
        part = threshold.sign_part(GENESIS_TYP, cbor.encode(["name"]), AUTHORITY, None)
        with pytest.raises(Malformed) as caught:
            network.read_network(cbor.encode(["bureaunet-network/1", cbor.encode([part]), ""]))
        assert reason_of(caught) is Reason.STRUCTURE


def signed(version: directory.Directory) -> bytes:
    return directory.sign_directory(version, [AUTHORITY], NETWORK)


class TestDirectory:
    def test_a_version_comes_back_and_follows_the_one_before(self) -> None:
        first = directory.read_directory(signed(first_directory()), NETWORK)
        assert sorted(first.participants, key=str) == sorted(first_directory().participants, key=str)
        second = replace(first_directory(), version=2, previous=first.hash)
        assert directory.read_directory(signed(second), NETWORK, first).version == 2

    def test_a_version_that_does_not_follow_is_refused(self) -> None:
        first = directory.read_directory(signed(first_directory()), NETWORK)
        for version, previous in ((2, bytes(32)), (3, first.hash), (1, None)):
            with pytest.raises(Untrusted) as caught:
                directory.read_directory(
                    signed(replace(first_directory(), version=version, previous=previous)), NETWORK, first
                )
            assert reason_of(caught) is Reason.VERSION_ORDER
        with pytest.raises(Untrusted):
            directory.read_directory(signed(replace(first_directory(), previous=bytes(32))), NETWORK)

    def test_only_the_authority_s_word_counts(self) -> None:
        with pytest.raises(Untrusted) as caught:
            directory.read_directory(directory.sign_directory(first_directory(), [signing(FR)], NETWORK), NETWORK)
        assert reason_of(caught) is Reason.KEY_UNKNOWN

    def test_units_are_served_by_their_bureau_or_by_themselves(self) -> None:
        plain = first_directory()
        border, desk = Address("BR/border"), Address("BR/desk")
        rows = tuple(replace(row, units=("desk",)) if row.address == BR else row for row in plain.participants)
        own = replace(
            rows[0],
            address=border,
            signing=(SigningEntry(signing(border).public, rows[0].signing[0].validity),),
        )
        version = replace(plain, participants=(*rows, own))
        found = {name: version.find(name) for name in (border, desk, Address("BR/none"), Address("ZZ"))}
        assert found[border] is own
        assert found[desk] is version.find(BR)
        assert found[Address("BR/none")] is found[Address("ZZ")] is None

    def test_a_key_belongs_to_one_row(self) -> None:
        plain = first_directory()
        twin = replace(plain.participants[0], address=Address("ZZ"))
        with pytest.raises(Malformed) as caught:
            replace(plain, participants=(*plain.participants, twin))
        assert reason_of(caught) is Reason.STRUCTURE

    def test_a_sealing_key_is_the_newest_that_is_valid(self) -> None:
        row = first_directory().participants[0]
        old = row.sealing[0]
        new = SealingEntry(sealing("new").public, Validity(NOW, NOW + 10))
        void = SealingEntry(sealing("void").public, Validity(NOW, NOW + 10, void_from=3))
        rotated = replace(row, sealing=(void, new, old))
        assert rotated.sealing_key(NOW) == new.key
        assert rotated.sealing_key(NOW - 1) == rotated.sealing_key(NOW + 10) == old.key
        with pytest.raises(Untrusted) as caught:
            replace(row, sealing=()).sealing_key(NOW)
        assert reason_of(caught) is Reason.KEY_NOT_VALID

    def test_validity_is_by_clock_and_void_by_ledger_index(self) -> None:
        validity = Validity(10, 20, void_from=100)
        assert [validity.covers(time) for time in (9, 10, 19, 20)] == [False, True, True, False]
        assert [validity.void_at(index) for index in (99, 100)] == [False, True]

    def test_current_is_confirmed_for_a_day(self) -> None:
        version = directory.read_directory(signed(first_directory()), NETWORK)
        said = Current(1, version.hash, NOW, Head(3, bytes(32)))
        data = directory.sign_current(said, NETWORK.id, CURRENT)
        assert directory.read_current(data, NETWORK, version, NOW + 86_400) == said
        for now, other in ((NOW + 86_401, version), (NOW, replace(version, hash=bytes(32)))):
            with pytest.raises(Untrusted) as caught:
                directory.read_current(data, NETWORK, other, now)
            assert reason_of(caught) is Reason.NOT_CURRENT
        for by, net, reason in (
            (signing(FR), NETWORK.id, Reason.KEY_UNKNOWN),
            (CURRENT, bytes(32), Reason.NETWORK),
        ):
            with pytest.raises(Untrusted) as caught:
                directory.read_current(directory.sign_current(said, net, by), NETWORK, version, NOW)
            assert reason_of(caught) is reason

    @pytest.mark.parametrize(
        "payload",
        [
            [],
            [1, None, 0, [], [[]]],
            [1, None, 0, [["acceptance", b"", []]], []],
            [1, None, 0, [["other", AUTHORITY.public.raw, [0, 1, None]]], []],
            [1, None, 0, [[]], []],
            [1, None, 0, [], [["FR", "other", "", "http", "active", [], [], []]]],
            [1, None, 0, [], [["FR", "unit", "", "http", "active", [[]], [], []]]],
            [1, None, 0, [], [["FR", "unit", "", "http", "active", [], [[]], []]]],
        ],
    )
    def test_other_forms_are_refused_though_signed(self, payload: cbor.Value) -> None:
        part = threshold.sign_part(directory.DIRECTORY_TYP, cbor.encode(payload), AUTHORITY, NETWORK.id)
        with pytest.raises(Malformed):
            directory.read_directory(cbor.encode([part]), NETWORK)


REQUEST = Request(
    Address("KE/border-namanga"),
    ParticipantKind.UNIT,
    "Synthetic border post",
    Link.AMQP,
    signing("KE").public,
    sealing("KE").public,
    (),
    b"csr",
    NOW,
)


class TestEnrolment:
    def test_a_request_comes_back(self) -> None:
        assert enrolment.read_request(enrolment.sign_request(REQUEST, signing("KE"))) == REQUEST

    def test_nobody_enrols_a_key_they_do_not_hold(self) -> None:
        with pytest.raises(Untrusted) as caught:
            enrolment.read_request(enrolment.sign_request(REQUEST, signing("thief")))
        assert reason_of(caught) is Reason.KEY_UNKNOWN

    def test_every_changed_byte_is_refused(self) -> None:
        data = enrolment.sign_request(REQUEST, signing("KE"))
        for at in range(len(data)):
            with pytest.raises(BureaunetError):
                enrolment.read_request(flip(data, at))

    def test_a_weak_key_is_refused(self) -> None:
        data = enrolment.sign_request(REQUEST, signing("KE"))
        parsed = cose.parse_sign1(data, enrolment.ENROLMENT_TYP)
        values = cbor.decode(parsed.payload)
        assert isinstance(values, list)
        values[4] = (1).to_bytes(32, "little")
        weak = cose.sign1(enrolment.ENROLMENT_TYP, cbor.encode(values), signing("KE"))
        with pytest.raises(Malformed) as caught:
            enrolment.read_request(weak)
        assert reason_of(caught) is Reason.KEY_WEAK

    @pytest.mark.parametrize("payload", [[], ["KE"]])
    def test_other_forms_are_refused(self, payload: cbor.Value) -> None:
        data = cose.sign1(enrolment.ENROLMENT_TYP, cbor.encode(payload), signing("KE"))
        with pytest.raises(Malformed) as caught:
            enrolment.read_request(data)
        assert reason_of(caught) is Reason.STRUCTURE

    def test_a_rotation_is_signed_by_the_old_key_and_brings_a_new_one(self) -> None:
        old = signing("old")
        request = enrolment.sign_request(REQUEST, signing("KE"))
        assert enrolment.read_rotation(enrolment.sign_rotation(request, old), old.public) == REQUEST
        with pytest.raises(Untrusted):
            enrolment.read_rotation(enrolment.sign_rotation(request, signing("thief")), old.public)
        same = enrolment.sign_rotation(request, signing("KE"))
        with pytest.raises(Untrusted) as caught:
            enrolment.read_rotation(same, signing("KE").public)
        assert reason_of(caught) is Reason.KEY_NOT_VALID


OWNER = {signing(IPSG).key_id: signing(IPSG).public}


def stated(version: operation.Operation, by: Address = IPSG, net: bytes = NETWORK.id) -> bytes:
    return operation.sign_operation(version, net, signing(by))


class TestOperation:
    def test_a_version_comes_back_and_follows_the_one_before(self) -> None:
        first = operation.read_operation(stated(first_operation()), NETWORK.id, OWNER)
        assert first.operation == first_operation()
        assert operation.claimed_owner(first.raw) == (first_operation().id, IPSG)
        second = replace(first_operation(), version=2, previous=first.hash, phase=Phase.CLOSED)
        assert operation.read_operation(stated(second), NETWORK.id, OWNER, first).operation.closed

    def test_a_version_that_does_not_follow_is_refused(self) -> None:
        first = operation.read_operation(stated(first_operation()), NETWORK.id, OWNER)
        plain = replace(first_operation(), version=2, previous=first.hash)
        for wrong in (
            replace(plain, version=3),
            replace(plain, previous=bytes(32)),
            replace(plain, owner=FR),
            replace(plain, id="infra-am-2012"),
        ):
            with pytest.raises(Untrusted) as caught:
                operation.read_operation(stated(wrong), NETWORK.id, OWNER, first)
            assert reason_of(caught) is Reason.VERSION_ORDER

    def test_only_its_owner_s_word_counts(self) -> None:
        for data, reason in (
            (stated(first_operation(), by=FR), Reason.KEY_UNKNOWN),
            (stated(first_operation(), net=bytes(32)), Reason.NETWORK),
        ):
            with pytest.raises(Untrusted) as caught:
                operation.read_operation(data, NETWORK.id, OWNER)
            assert reason_of(caught) is reason

    def test_every_changed_byte_is_refused(self) -> None:
        data = stated(first_operation())
        for at in range(len(data)):
            with pytest.raises(BureaunetError):
                operation.read_operation(flip(data, at), NETWORK.id, OWNER)

    def test_membership_covers_units_and_has_its_time(self) -> None:
        member = Member(BR, Role.PARTICIPANT, NOW, NOW + 10)
        version = replace(first_operation(), members=(member,))
        assert version.member(Address("BR/border"), NOW) is member
        for who, when in ((BR, NOW - 1), (BR, NOW + 10), (AR, NOW)):
            assert version.member(who, when) is None

    def test_phases(self) -> None:
        training = {phase for phase in Phase if replace(first_operation(), phase=phase).training}
        closed = {phase for phase in Phase if replace(first_operation(), phase=phase).closed}
        assert training == {Phase.PLANNED, Phase.TRAINING}
        assert closed == {Phase.EVALUATED, Phase.CLOSED}

    @pytest.mark.parametrize(
        ("at", "value"),
        [
            (6, "paused"),
            (7, [["FR", "owner", 0]]),
            (7, [["FR", "king", 0, None]]),
            (9, ["gossip"]),
            (1, "1"),
            (8, [5]),
            (8, ["\x1b[2J"]),
        ],
    )
    def test_other_forms_are_refused_though_signed(self, at: int, value: cbor.Value) -> None:
        values = cbor.decode(first_operation().encode())
        assert isinstance(values, list)
        values[at] = value
        data = cose.sign1(operation.OPERATION_TYP, cbor.encode(values), signing(IPSG), {cose.CLAIMS: {NET: NETWORK.id}})
        with pytest.raises(Malformed) as caught:
            operation.read_operation(data, NETWORK.id, OWNER)
        assert reason_of(caught) is Reason.STRUCTURE
