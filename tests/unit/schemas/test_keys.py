"""Keys of small order or in a second spelling are refused, though the libraries load them; signatures by one rule."""

import hashlib

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import cbor
from schemas.errors import Malformed, Reason, Untrusted
from schemas.keys import NoteKey, NotePublic, SealingKey, SealingPublic, SigningKey, SigningPublic, Suite
from tests.edwards import NEUTRAL, ORDER, SMALL, Forger, P, challenge, encode, multiply, on_curve


def spellings(number: int) -> list[int]:
    """The canonical one, and those that exceed the field."""
    return [number] + ([number + P] if number + P < 2**255 else [])


EDWARDS = sorted({n | sign << 255 for _, y in SMALL.values() for n in spellings(y) for sign in (0, 1)})
MONTGOMERY = sorted(
    {
        n | high << 255
        for _, y in SMALL.values()
        for n in spellings((1 + y) * pow(1 - y, -1, P) % P if y != 1 else 0)
        for high in (0, 1)
    }
)


def test_the_torsion_group_has_eight_points() -> None:
    assert len(set(SMALL.values())) == 8
    assert all(multiply(8, point) == NEUTRAL for point in SMALL.values())


@pytest.mark.parametrize("number", EDWARDS)
def test_every_small_order_signing_key_is_refused(number: int) -> None:
    with pytest.raises(Malformed) as caught:
        SigningPublic(number.to_bytes(32, "little"))
    assert caught.value.reason is Reason.KEY_WEAK


def test_openssl_takes_a_small_order_key_and_one_signature_verifies_for_any_message() -> None:
    key = Ed25519PublicKey.from_public_bytes((1).to_bytes(32, "little"))
    signature = (1).to_bytes(32, "little") + bytes(32)
    for message in (b"one", b"another"):
        key.verify(signature, message)
    with pytest.raises(InvalidSignature):
        Ed25519PublicKey.from_public_bytes(SigningKey.generate().public.raw).verify(signature, b"one")


@pytest.mark.parametrize("number", MONTGOMERY)
def test_every_small_order_sealing_key_is_refused(number: int) -> None:
    raw = number.to_bytes(32, "little")
    with pytest.raises(ValueError):  # noqa: PT011  # the library's own word for an all-zero secret
        X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(raw))
    kem = SealingKey.generate().public.raw[:1184]
    for suite, whole in ((Suite.HPKE_4_KE, raw), (Suite.HPKE_9_KE, kem + raw)):
        with pytest.raises(Malformed) as caught:
            SealingPublic(suite, whole)
        assert caught.value.reason is Reason.KEY_WEAK


@pytest.mark.parametrize("number", [P, P + 2, P + 18, 2**255 - 1, 9 + 2**255])
def test_second_spellings_are_refused(number: int) -> None:
    with pytest.raises(Malformed) as caught:
        SealingPublic(Suite.HPKE_4_KE, number.to_bytes(32, "little"))
    assert caught.value.reason is Reason.KEY_WEAK
    if number < 2**255:
        with pytest.raises(Malformed):
            SigningPublic(number.to_bytes(32, "little"))


def test_ml_kem_coefficients_out_of_range_are_refused() -> None:
    raw = SealingKey.generate().public.raw
    with pytest.raises(Malformed) as caught:
        SealingPublic(Suite.HPKE_9_KE, b"\xff" * 1152 + raw[1152:])
    assert caught.value.reason is Reason.KEY_WEAK


def test_wrong_lengths_and_suites_are_refused() -> None:
    for wrong in (b"", bytes(31), bytes(33)):
        with pytest.raises(Malformed) as caught:
            SigningPublic(wrong)
        assert caught.value.reason is Reason.KEY_FORM
    with pytest.raises(Malformed) as caught:
        SealingPublic(Suite.HPKE_9_KE, bytes(1215))
    assert caught.value.reason is Reason.KEY_FORM
    with pytest.raises(Malformed) as caught:
        SealingPublic(99, bytes(32))
    assert caught.value.reason is Reason.SUITE
    with pytest.raises(Malformed) as caught:
        NotePublic(bytes(1311))
    assert caught.value.reason is Reason.KEY_FORM


def test_a_key_id_is_the_thumbprint_of_the_key() -> None:
    key = SigningKey(bytes(32)).public
    assert key.key_id == hashlib.sha256(cbor.encode({1: 1, -1: 6, -2: key.raw})).digest()  # RFC 9679


@given(st.binary(max_size=100))
def test_signatures_hold_for_their_message_alone(message: bytes) -> None:
    key = SigningKey(bytes(range(32)))
    signature = key.sign(message)
    key.public.verify(signature, message)
    with pytest.raises(Untrusted) as caught:
        key.public.verify(signature, message + b"\x00")
    assert caught.value.reason is Reason.SIGNATURE


def ours(key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        SigningPublic(key).verify(signature, message)
    except Untrusted:
        return False
    return True


def openssl(key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


SEED = bytes(range(32))
NEUTRALS = [(n | sign << 255).to_bytes(32, "little") for n in (1, P + 1) for sign in (0, 1)][1:]
"""The neutral element in spellings that it must not have: its x is zero, and p + 1 is one."""


def test_what_is_made_by_hand_is_what_the_signer_makes() -> None:
    signer = SigningKey(SEED)
    honest = Forger(SEED)
    assert honest.public == signer.public.raw
    assert honest.key_id == signer.key_id
    assert ours(honest.public, honest.sign(b"message"), b"message")


@pytest.mark.parametrize(
    "forger",
    [
        *(Forger(SEED, torsion=torsion) for torsion in range(1, 8)),  # hold only when multiplied by the cofactor
        *(Forger(SEED, nonce=0, torsion=torsion) for torsion in range(1, 8)),
        *(Forger(SEED, nonce=0, spelled=spelled) for spelled in NEUTRALS),
        *(Forger(SEED, more=times * ORDER) for times in (1, 2, 14)),
    ],
)
def test_a_signature_has_one_form_and_holds_without_the_cofactor(forger: Forger) -> None:
    signature = forger.sign(b"message")
    assert not ours(forger.public, signature, b"message")
    assert not openssl(forger.public, signature, b"message")


def test_a_signature_whose_r_is_of_small_order_is_refused_though_openssl_takes_it() -> None:
    lazy = Forger(SEED, nonce=0)
    signature = lazy.sign(b"message")
    assert openssl(lazy.public, signature, b"message")
    assert not ours(lazy.public, signature, b"message")
    s = int.from_bytes(signature[32:], "little")  # who signs so has given the private key away
    k = challenge(signature[:32], lazy.public, b"message")
    assert s * pow(k, -1, ORDER) % ORDER == Forger(SEED, nonce=0).secret


@settings(max_examples=200, deadline=None)
@given(
    st.builds(Forger, st.just(SEED), st.sampled_from([0, 1, 2**200 + 1]), st.integers(0, 7), st.integers(0, 7)),
    st.binary(max_size=4),
)
def test_ours_takes_what_openssl_takes_but_for_an_r_of_small_order(forger: Forger, message: bytes) -> None:
    key, signature = forger.public, forger.sign(message)
    small = signature[:32] in {encode(point) for point in SMALL.values()}
    assert ours(key, signature, message) == (openssl(key, signature, message) and not small)


@pytest.mark.parametrize("key", NEUTRALS)
def test_a_key_of_small_order_is_refused_before_any_signature_is(key: bytes) -> None:
    signature = encode(NEUTRAL) + bytes(32)
    assert openssl(key, signature, b"one")
    assert openssl(key, signature, b"another")
    with pytest.raises(Malformed):
        SigningPublic(key)


def test_a_key_that_is_no_point_verifies_nothing() -> None:
    number = next(number for number in range(2, 50) if on_curve(number) is None)
    key = number.to_bytes(32, "little")
    assert not ours(key, SigningKey(SEED).sign(b"message"), b"message")


def test_no_byte_of_a_message_stands_in_for_one_of_its_signature() -> None:
    key = SigningKey(SEED)
    signature = key.sign(b"message")
    for size in (0, 32, 63, 65, 66):
        whole = signature + b"message"
        assert not ours(key.public.raw, whole[:size], whole[size:])


@settings(max_examples=20)
@given(st.sampled_from(list(Suite)), st.binary(min_size=1, max_size=64), st.binary(max_size=64))
def test_a_wrap_opens_for_its_key_and_its_info_alone(suite: Suite, secret: bytes, info: bytes) -> None:
    key = SealingKey.generate(suite)
    encapsulated, ciphertext = key.public.wrap(secret, info)
    assert key.unwrap(encapsulated, ciphertext, info) == secret
    for opener, bound in ((key, info + b"\x00"), (SealingKey.generate(suite), info)):
        with pytest.raises(Untrusted) as caught:
            opener.unwrap(encapsulated, ciphertext, bound)
        assert caught.value.reason is Reason.UNSEALING


def test_a_private_key_is_never_shown() -> None:
    for key in (SigningKey(b"\x01" * 32), SealingKey(b"\x01" * 96), NoteKey("log", b"\x01" * 32)):
        assert "01010101" not in repr(key)
        assert repr(b"\x01" * 8)[2:-1] not in repr(key)
