"""Refusals of named senders: what a statement may say, who is meant, and that versions rise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas import cbor, cose
from schemas.claims import NET
from schemas.errors import BureaunetError, Malformed, Reason, Untrusted
from schemas.identity import Address
from schemas.preferences import (
    MAX_REFUSED,
    PREFERENCES_TYP,
    Preferences,
    SignedPreferences,
    claimed_by,
    read_preferences,
    refusing,
    sign_preferences,
)
from tests.world import AR, BR, FR, NOW, new_network, signing

NET_ID = new_network().id
KEYS = {signing(FR).key_id: signing(FR).public}
FIRST = Preferences(FR, 1, NOW, frozenset({BR, Address("KE/border-namanga")}))


def signed(said: Preferences = FIRST, net: bytes = NET_ID, by: Address = FR) -> bytes:
    return sign_preferences(said, net, signing(by))


def read(raw: bytes, previous: SignedPreferences | None = None) -> SignedPreferences:
    return read_preferences(raw, NET_ID, KEYS, previous)


def test_what_is_signed_is_read_again() -> None:
    found = read(signed())
    assert (found.preferences, found.key_id) == (FIRST, signing(FR).key_id)
    assert claimed_by(found.raw) == FR


@pytest.mark.parametrize(
    ("sender", "refused"),
    [("BR", True), ("BR/airport", True), ("KE/border-namanga", True), ("KE", False), ("KE/border-busia", False)],
)
def test_a_bureaus_name_means_its_units_and_a_units_name_itself_alone(sender: str, refused: bool) -> None:  # noqa: FBT001  # a row
    assert FIRST.refuses(Address(sender)) is refused


def test_a_bureaus_refusals_hold_for_its_units_and_a_units_for_itself() -> None:
    unit = Address("FR/airport")
    in_force = {FR: read(signed()), unit: SignedPreferences(b"", Preferences(unit, 1, NOW, frozenset({AR})), b"")}
    assert refusing([AR, FR, unit], BR, in_force) == [FR, unit]
    assert refusing([FR, unit], AR, in_force) == [unit]
    assert refusing([FR, unit], Address("KE"), in_force) == []


def test_a_link_is_named_where_a_unit_of_it_is() -> None:
    assert FIRST.names(BR)
    assert FIRST.names(Address("KE"))
    assert not FIRST.names(AR)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (signed(net=bytes(32)), Reason.NETWORK),
        (signed(by=BR), Reason.KEY_UNKNOWN),
        (signed()[:-1] + bytes((signed()[-1] ^ 1,)), Reason.SIGNATURE),
        (bytes(20_000), Reason.STATEMENT_TOO_LARGE),
    ],
)
def test_another_networks_or_anothers_statement_is_not_believed(raw: bytes, reason: Reason) -> None:
    with pytest.raises(BureaunetError) as caught:
        read(raw)
    assert caught.value.reason is reason


@pytest.mark.parametrize("version", [1, 3])
def test_versions_rise_by_one(version: int) -> None:
    first = read(signed())
    assert read(signed(replace(FIRST, version=2)), first).preferences.version == 2
    with pytest.raises(Untrusted) as caught:
        read(signed(replace(FIRST, version=version)), first)
    assert caught.value.reason is Reason.VERSION_ORDER


def form(*items: cbor.Value) -> bytes:
    payload = cbor.encode(list(items))
    return cose.sign1(PREFERENCES_TYP, payload, signing(FR), {cose.CLAIMS: {NET: NET_ID}})


@pytest.mark.parametrize(
    "raw",
    [
        form("FR", 1, NOW),
        form("FR", 0, NOW, []),
        form("FR", True, NOW, []),  # noqa: FBT003  # a boolean is no number
        form("FR", 1 << 40, NOW, []),
        form("FR", 1, -1, []),
        form("FR", 1, NOW, ["BR", "AR"]),
        form("FR", 1, NOW, ["AR", "AR"]),
        form("FR", 1, NOW, ["AR", 7]),
        form("FR", 1, NOW, ["FR"]),
        form("FR", 1, NOW, ["FR/airport"]),
        form("FR", 1, NOW, [f"KE/post-{number:03}" for number in range(MAX_REFUSED + 1)]),
    ],
)
def test_other_forms_are_refused(raw: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        read(raw)
    assert caught.value.reason is Reason.STRUCTURE


def test_the_longest_statement_is_read() -> None:
    longest = frozenset(Address(f"ABCDEFGHIJKLMNOP/{'x' * 37}{number:03}") for number in range(MAX_REFUSED))
    assert read(signed(replace(FIRST, refused=longest))).preferences.refused == longest


def test_nobody_signs_what_nobody_would_read() -> None:
    with pytest.raises(Malformed):
        signed(replace(FIRST, refused=frozenset({Address("FR/airport")})))
