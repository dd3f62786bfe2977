"""Secrets at rest: what opens them, and that nothing else does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import cbor
from schemas.errors import Malformed, Misuse, Untrusted
from schemas.vault import Vault, lock, unlock

PASSPHRASE = b"correct horse battery"
CHEAP = 4


@given(st.binary(max_size=200), st.binary(max_size=40))
def test_a_secret_comes_back_under_its_label_alone(secret: bytes, label: bytes) -> None:
    vault = Vault.make()
    sealed = vault.seal(label, secret)
    assert vault.open(label, sealed) == secret
    with pytest.raises(Untrusted):
        vault.open(label + b"x", sealed)
    with pytest.raises(Untrusted):
        Vault.make().open(label, sealed)


@given(st.integers(0, 59))
def test_a_changed_byte_is_seen(at: int) -> None:
    vault = Vault.make()
    sealed = bytearray(vault.seal(b"label", bytes(32)))
    sealed[at] ^= 1
    with pytest.raises(Untrusted):
        vault.open(b"label", bytes(sealed))


def test_the_right_passphrase_opens_a_locked_vault_and_no_other() -> None:
    vault = Vault.make()
    locked = lock(vault, PASSPHRASE)
    assert unlock(locked, PASSPHRASE) == vault
    with pytest.raises(Misuse):
        unlock(locked, PASSPHRASE + b"!")


def test_what_is_kept_holds_neither_key_nor_passphrase_and_differs_each_time() -> None:
    vault = Vault.make()
    first, second = lock(vault, PASSPHRASE, CHEAP), lock(vault, PASSPHRASE, CHEAP)
    assert first != second
    assert vault.key not in first
    assert PASSPHRASE not in first
    assert vault.key.hex() not in repr(vault)
    assert vault.password != vault.key


def test_a_short_passphrase_is_refused() -> None:
    with pytest.raises(Misuse):
        lock(Vault.make(), b"elevenbytes")


@pytest.mark.parametrize("cost", [0, 23, 63])
def test_a_cost_out_of_bounds_is_refused_before_it_is_paid(cost: int) -> None:
    kept = cbor.decode(lock(Vault.make(), PASSPHRASE, CHEAP))
    assert isinstance(kept, list)
    with pytest.raises(Malformed):
        unlock(cbor.encode([*kept[:2], cost, *kept[3:]]), PASSPHRASE)


def test_garbage_is_no_vault() -> None:
    with pytest.raises(Malformed):
        unlock(cbor.encode(["bureaunet-vault/1"]), PASSPHRASE)
