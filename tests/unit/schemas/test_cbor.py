"""One encoding for each value, and no other is taken."""

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import cbor
from schemas.errors import Malformed, Reason

KEYS = st.integers(-(2**64), 2**64 - 1) | st.text(max_size=8)
LEAVES = st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.binary(max_size=40) | st.text(max_size=40)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(KEYS, inner, max_size=5)
        | st.builds(cbor.Tagged, st.sampled_from(sorted(cbor.TAGS)), inner)
    ),
    max_leaves=12,
)
WIDE = cbor.Bounds(depth=64)


@given(VALUES)
def test_what_is_encoded_comes_back(value: cbor.Value) -> None:
    assert cbor.decode(cbor.encode(value), WIDE) == value


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_or_are_the_one_encoding(data: bytes) -> None:
    try:
        value = cbor.decode(data)
    except Malformed:
        return
    assert cbor.encode(value) == data


@given(VALUES, st.data())
def test_a_changed_encoding_is_refused_or_is_another_value(value: cbor.Value, data: st.DataObject) -> None:
    encoded = bytearray(cbor.encode(value))
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] ^= data.draw(st.integers(1, 255))
    try:
        other = cbor.decode(bytes(encoded), WIDE)
    except Malformed:
        return
    assert cbor.encode(other) == encoded


@given(VALUES, VALUES)
def test_a_sequence_is_taken_apart_where_it_was_joined(first: cbor.Value, second: cbor.Value) -> None:
    joined = cbor.encode(first) + cbor.encode(second)
    value, used = cbor.decode_first(joined, WIDE)
    assert (value, joined[used:]) == (first, cbor.encode(second))


@given(st.dictionaries(KEYS, st.none(), min_size=2, max_size=8))
def test_keys_ascend_bytewise_by_their_encoding(values: dict[cbor.Key, None]) -> None:
    keys = [cbor.encode(key) for key in dict(cbor.decode(cbor.encode(values)))]  # type: ignore[arg-type]  # a map was encoded
    assert all(low < high for low, high in pairwise(keys))


@pytest.mark.parametrize(
    ("value", "encoded"),
    [  # RFC 8949 appendix A
        (0, "00"),
        (23, "17"),
        (24, "1818"),
        (1000000000000, "1b000000e8d4a51000"),
        (18446744073709551615, "1bffffffffffffffff"),
        (-18446744073709551616, "3bffffffffffffffff"),
        (-1000, "3903e7"),
        (False, "f4"),
        (None, "f6"),
        (b"\x01\x02\x03\x04", "4401020304"),
        ("\u6c34", "63e6b0b4"),
        ("\U00010151", "64f0908591"),
        ([1, [2, 3], [4, 5]], "8301820203820405"),
        (list(range(1, 26)), "98190102030405060708090a0b0c0d0e0f101112131415161718181819"),
        ({"a": 1, "b": [2, 3]}, "a26161016162820203"),
        ({10: 0, -1: 0, "z": 0, 100: 0, "aa": 0}, "a50a001864002000617a0062616100"),
    ],
)
def test_examples_of_the_specification(value: cbor.Value, encoded: str) -> None:
    assert cbor.encode(value).hex() == encoded
    assert cbor.decode(bytes.fromhex(encoded)) == value


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", Reason.CBOR_TRUNCATED),
        ("43 0102", Reason.CBOR_TRUNCATED),
        ("82 01", Reason.CBOR_TRUNCATED),
        ("19 01", Reason.CBOR_TRUNCATED),
        ("5b 7fffffffffffffff", Reason.CBOR_TRUNCATED),
        ("00 00", Reason.CBOR_TRAILING),
        ("18 17", Reason.CBOR_NOT_SHORTEST),
        ("19 00ff", Reason.CBOR_NOT_SHORTEST),
        ("1a 0000ffff", Reason.CBOR_NOT_SHORTEST),
        ("1b 00000000ffffffff", Reason.CBOR_NOT_SHORTEST),
        ("58 01 00", Reason.CBOR_NOT_SHORTEST),
        ("d8 12 00", Reason.CBOR_NOT_SHORTEST),
        ("9f ff", Reason.CBOR_INDEFINITE),
        ("5f ff", Reason.CBOR_INDEFINITE),
        ("ff", Reason.CBOR_INDEFINITE),
        ("a2 02 00 01 00", Reason.CBOR_KEY_ORDER),
        ("a2 20 00 01 00", Reason.CBOR_KEY_ORDER),
        ("a2 01 00 01 00", Reason.CBOR_DUPLICATE_KEY),
        ("a1 f5 00", Reason.CBOR_UNSUPPORTED),
        ("a1 40 00", Reason.CBOR_UNSUPPORTED),
        ("c1 00", Reason.CBOR_UNSUPPORTED),
        ("f7", Reason.CBOR_UNSUPPORTED),
        ("f8 20", Reason.CBOR_UNSUPPORTED),
        ("f9 7e00", Reason.CBOR_UNSUPPORTED),
        ("fb 3ff0000000000000", Reason.CBOR_UNSUPPORTED),
        ("1c", Reason.CBOR_UNSUPPORTED),
        ("62 c328", Reason.CBOR_TEXT),
        ("63 eda080", Reason.CBOR_TEXT),
        ("81" * 9 + "00", Reason.CBOR_TOO_DEEP),
        ("d2" * 9 + "00", Reason.CBOR_TOO_DEEP),
        ("b8 41", Reason.CBOR_TOO_MANY),
        ("9a 7fffffff", Reason.CBOR_TOO_MANY),
        ("99 1000" + "00" * 4096, Reason.CBOR_TOO_MANY),
    ],
)
def test_each_way_of_being_wrong_has_its_reason(data: str, reason: Reason) -> None:
    with pytest.raises(Malformed) as caught:
        cbor.decode(bytes.fromhex(data))
    assert caught.value.reason is reason


def test_what_has_no_encoding_is_refused() -> None:
    for value in (1 << 64, -(1 << 64) - 1, 1.5, {True: 1}, {b"": 1}, object()):
        with pytest.raises(Malformed) as caught:
            cbor.encode(value)  # type: ignore[arg-type]  # that is the test
        assert caught.value.reason is Reason.CBOR_UNSUPPORTED
    with pytest.raises(Malformed) as caught:
        cbor.encode("\ud800")
    assert caught.value.reason is Reason.CBOR_TEXT


def test_hostile_input_costs_no_more_than_its_length() -> None:
    hostile = bytes.fromhex("99 0fff") + bytes.fromhex("9a 0000ffff") * 4095
    tracemalloc.start()
    try:
        with pytest.raises(Malformed):
            cbor.decode(hostile)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
