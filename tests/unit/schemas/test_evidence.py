"""Entries and acknowledgements: strict maps, one spelling, signed words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import cbor, cose, merkle
from schemas.claims import Head
from schemas.codes import Answer
from schemas.errors import BureaunetError, Malformed, Reason
from schemas.evidence import (
    ACKNOWLEDGEMENT_TYP,
    Acknowledgement,
    Entry,
    Event,
    Outcome,
    read_acknowledgement,
    read_entry,
    sign_acknowledgement,
)
from tests.world import BR, FR, NOW, flip, signing

HASHES = st.binary(min_size=32, max_size=32)
ENTRIES = st.builds(
    Entry,
    event=st.sampled_from(Event),
    time=st.integers(0, 2**62),
    digest=st.none() | HASHES,
    operation=st.none() | st.just("infra-sa-2011"),
    number=st.none() | st.integers(1, 2**62),
    previous=st.none() | HASHES,
    party=st.none() | st.just(FR),
    kind=st.none() | st.just("whereabouts.query/1"),
    key_id=st.none() | HASHES,
    reason=st.none() | st.sampled_from(Reason),
    evidence=st.none() | HASHES,
    answer=st.none() | st.sampled_from(Answer),
    count=st.none() | st.integers(0, 2**62),
)
SAID = Acknowledgement(BR, bytes(32), Outcome.PROCESSED, NOW, bytes(32), Head(0, merkle.EMPTY))


@given(ENTRIES)
def test_an_entry_comes_back(entry: Entry) -> None:
    assert read_entry(entry.encode()) == entry
    assert entry.leaf == merkle.leaf_hash(entry.encode())


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        {1: "Expired"},
        {2: 0},
        {1: "Nothing", 2: 0},
        {1: "Expired", 2: True},
        {1: "Expired", 2: "now"},
        {1: "Expired", 2: 0, 14: 0},
        {1: "Expired", 2: 0, 0: 0},
        {1: "Expired", 2: 0, "x": 0},
        {1: "Expired", 2: 0, 3: "text"},
        {1: "Expired", 2: 0, 10: "no-such-reason"},
        {1: "Expired", 2: 0, 13: False},
    ],
)
def test_another_form_of_an_entry_is_refused(value: cbor.Value) -> None:
    with pytest.raises(Malformed) as caught:
        read_entry(cbor.encode(value))
    assert caught.value.reason is Reason.STRUCTURE


def test_an_entry_names_its_party_by_an_address() -> None:
    with pytest.raises(Malformed) as caught:
        read_entry(cbor.encode({1: "Expired", 2: 0, 7: "not an address"}))
    assert caught.value.reason is Reason.ADDRESS


@pytest.mark.parametrize("reason", [None, Reason.COMMITMENT])
def test_an_acknowledgement_comes_back_and_verifies(reason: Reason | None) -> None:
    outcome = Outcome.REFUSED if reason else Outcome.PROCESSED
    said = Acknowledgement(BR, bytes(32), outcome, NOW, bytes(32), Head(3, bytes(32)), reason)
    signed = read_acknowledgement(sign_acknowledgement(said, signing(BR)))
    signed.sign1.verify(signing(BR).public)
    assert signed.acknowledgement == said


def test_every_changed_byte_of_an_acknowledgement_is_refused() -> None:
    data = sign_acknowledgement(SAID, signing(BR))
    for at in range(len(data)):
        for mask in (0x01, 0x80):
            with pytest.raises(BureaunetError):
                read_acknowledgement(flip(data, at, mask)).sign1.verify(signing(BR).public)


CLAIMS: dict[cbor.Key, cbor.Value] = {1: "BR", 6: NOW, -65537: bytes(32), -65538: [0, merkle.EMPTY]}


def signed_by_hand(payload: cbor.Value, claims: cbor.Value = CLAIMS, more: int | None = None) -> bytes:
    header: dict[cbor.Key, cbor.Value] = {cose.CLAIMS: claims} if more is None else {cose.CLAIMS: claims, more: 0}
    return cose.sign1(ACKNOWLEDGEMENT_TYP, cbor.encode(payload), signing(BR), header)


@pytest.mark.parametrize(
    "data",
    [
        signed_by_hand([]),
        signed_by_hand([bytes(31), "processed", None]),
        signed_by_hand([bytes(32), "ignored", None]),
        signed_by_hand([bytes(32), "refused", None]),
        signed_by_hand([bytes(32), "processed", "commitment"]),
        signed_by_hand([bytes(32), "refused", "because"]),
        signed_by_hand([bytes(32), "processed", None], {**CLAIMS, 7: b""}),
        signed_by_hand([bytes(32), "processed", None], {1: "BR"}),
        signed_by_hand([bytes(32), "processed", None], more=3),
    ],
)
def test_another_form_of_an_acknowledgement_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        read_acknowledgement(data)
    assert caught.value.reason is Reason.STRUCTURE
