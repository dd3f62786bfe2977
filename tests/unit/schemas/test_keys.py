"""Keys of small order or in a second spelling are refused, though the libraries load them."""

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

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
ORDER = 2**252 + 27742317777372353535851937790883648493
Point = tuple[int, int]


def add(a: Point, b: Point) -> Point:
    """Edwards addition, affine (RFC 8032 section 5.1.4), written plainly."""
    t = D * a[0] * b[0] * a[1] * b[1] % P
    x = (a[0] * b[1] + b[0] * a[1]) * pow(1 + t, -1, P) % P
    return x, (a[1] * b[1] + a[0] * b[0]) * pow(1 - t, -1, P) % P


def multiply(k: int, point: Point) -> Point:
    result = (0, 1)
    while k:
        if k & 1:
            result = add(result, point)
        point, k = add(point, point), k >> 1
    return result


def on_curve(y: int) -> Point | None:
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    for root in (x, x * pow(2, (P - 1) // 4, P) % P):
        if root * root % P == square:
            return root, y
    return None


def torsion() -> set[Point]:
    """The eight points of order dividing eight, found by computing, not copied from a list."""
    found: set[Point] = set()
    for y in range(2, 400):
        point = on_curve(y)
        if point is not None:
            small = multiply(ORDER, point)
            found |= {multiply(k, small) for k in range(8)}
        if len(found) == 8:
            break
    return found


SMALL = torsion()


def spellings(number: int) -> list[int]:
    """The canonical one, and those that exceed the field."""
    return [number] + ([number + P] if number + P < 2**255 else [])


EDWARDS = sorted({n | sign << 255 for _, y in SMALL for n in spellings(y) for sign in (0, 1)})
MONTGOMERY = sorted(
    {
        n | high << 255
        for _, y in SMALL
        for n in spellings((1 + y) * pow(1 - y, -1, P) % P if y != 1 else 0)
        for high in (0, 1)
    }
)


def test_the_torsion_group_has_eight_points() -> None:
    assert len(SMALL) == 8
    assert all(multiply(8, point) == (0, 1) for point in SMALL)


@pytest.mark.parametrize("number", EDWARDS)
def test_every_small_order_signing_key_is_refused(number: int) -> None:
    with pytest.raises(Malformed) as caught:
        SigningPublic(number.to_bytes(32, "little"))
    assert caught.value.reason is Reason.KEY_WEAK


def test_the_library_takes_a_small_order_key_and_one_signature_verifies_for_any_message() -> None:
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
    with pytest.raises(Untrusted):
        key.public.verify(signature, message + b"\x00")


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
