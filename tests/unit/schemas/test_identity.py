"""Addresses, message ids and operation ids have one form each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Malformed, Reason
from schemas.identity import Address, MessageId, parse_name, parse_operation_id, parse_units


@pytest.mark.parametrize("text", ["FR", "KE/border-namanga", "IPSG/ccc", "UNMIK", "A" * 16, "FR/" + "a" * 40])
def test_addresses(text: str) -> None:
    address = Address.parse(text)
    assert address.bureau == text.partition("/")[0]
    assert address.unit == (text.partition("/")[2] or None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "F",
        "fr",
        "FR/",
        "/x",
        "FR/A",
        "FR/a/b",
        "FR ",
        " FR",
        "FR\n",
        "A" * 17,
        "FR/" + "a" * 41,
        "FR/é",
        "KE/urgent",
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        Address.parse(text)
    assert caught.value.reason is Reason.ADDRESS


def test_a_bureau_covers_its_units_and_a_unit_only_itself() -> None:
    bureau, unit = Address("KE"), Address("KE/border-namanga")
    assert bureau.covers(unit)
    assert bureau.covers(bureau)
    assert unit.covers(unit)
    assert not unit.covers(bureau)
    assert not Address("K").covers(bureau)
    assert not bureau.covers(Address("KEN/x"))


@given(st.integers(0, 2**48 - 1))
def test_message_ids_are_uuidv7_and_carry_their_time(now: int) -> None:
    made = MessageId.new(now)
    assert MessageId.parse(bytes(made)) == made
    assert int.from_bytes(made[:6]) == now


@pytest.mark.parametrize(
    "data", [b"", bytes(16), bytes(15) + b"\x70", bytes.fromhex("0131000000004000800000000000000a")]
)
def test_what_is_no_message_id(data: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        MessageId.parse(data)
    assert caught.value.reason is Reason.MESSAGE_ID


@pytest.mark.parametrize("text", ["", "-a", "A", "a_b", "a" * 41, "a\n"])
def test_what_is_no_operation_id(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_operation_id(text)
    assert caught.value.reason is Reason.OPERATION_UNKNOWN
    assert parse_operation_id("infra-sa-2011") == "infra-sa-2011"


@pytest.mark.parametrize(
    "text", ["", "x" * 201, "a\nb", "a\x1b[2Jb", "a\x07", "a\u202eb", "a\u2028b", "a\u200bb", "\ud800"]
)
def test_a_name_that_could_act_on_a_terminal_is_refused(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_name(text)
    assert caught.value.reason is Reason.STRUCTURE


def test_a_name_is_kept_as_it_is() -> None:
    name = "Bureau central national, Côte d'Ivoire (警察)"
    assert parse_name(name) == name


@pytest.mark.parametrize("unit", ["../../FR", "", "UPPER", "a/b", "x" * 41, "a\nb", 7, None, b"desk"])
def test_a_unit_that_is_no_address_is_refused(unit: object) -> None:
    assert parse_units(Address("FR"), ["desk"]) == ("desk",)
    with pytest.raises(Malformed) as caught:
        parse_units(Address("FR"), ["desk", unit])
    assert caught.value.reason is Reason.ADDRESS
