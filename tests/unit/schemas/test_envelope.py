"""The envelope: what is sealed opens for its recipients alone, unchanged, and is what was committed to."""

import hashlib
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas import cbor, cose, envelope
from schemas.claims import to_claims
from schemas.envelope import MAX_SEALED, MAX_STATEMENT, Envelope, Opened, pad, padded_size, unpad
from schemas.errors import BureaunetError, Malformed, Reason, Untrusted
from schemas.identity import Signer
from schemas.keys import ED25519, SealingKey, SigningKey
from tests.world import AR, BR, CONTENT, FR, flip, header, sealed_by, sealing, seed, signing

NET = bytes(32)
SALT = seed("salt")
MIB = 1 << 20


def opened(sent: Envelope, opener: SealingKey) -> Opened:
    assert sent.sealed is not None
    return envelope.open_sealed(envelope.read(sent.statement), sent.sealed, opener)


@settings(max_examples=25)
@given(st.binary(max_size=3000))
def test_what_is_sealed_opens_for_every_recipient(content: bytes) -> None:
    sent = sealed_by(header(NET), content)
    statement = envelope.read(sent.statement)
    statement.verify(signing(FR).public)
    assert statement.header == header(NET).with_commit(statement.header.commit)
    assert [opened(sent, sealing(who)).content for who in (BR, AR)] == [content, content]
    with pytest.raises(Untrusted) as caught:
        opened(sent, sealing(FR))
    assert caught.value.reason is Reason.UNSEALING


def test_every_changed_byte_of_a_statement_is_refused() -> None:
    sent = sealed_by(header(NET))
    for at in range(len(sent.statement)):
        for mask in (0x01, 0x80):
            with pytest.raises(BureaunetError):
                envelope.read(flip(sent.statement, at, mask)).verify(signing(FR).public)


def test_every_changed_byte_of_a_sealed_part_is_refused() -> None:
    sent = sealed_by(header(NET))
    assert sent.sealed is not None
    statement = envelope.read(sent.statement)
    for at in range(len(sent.sealed)):
        with pytest.raises(Untrusted) as caught:
            envelope.check_sealed(statement, flip(sent.sealed, at))
        assert caught.value.reason is Reason.SEALED_HASH


def test_sealing_twice_never_gives_the_same_bytes() -> None:
    assert sealed_by(header(NET)).sealed != sealed_by(header(NET)).sealed


@given(st.integers(0, 5000) | st.integers(MIB - 200, MIB + 200) | st.integers(2 * MIB - 100, 2 * MIB + 100))
@example(MIB)
@settings(max_examples=60)
def test_a_plaintext_is_of_a_few_sizes(size: int) -> None:
    content = bytes(size)
    padded = pad(SALT, content)
    assert len(padded) == padded_size(len(padded))
    assert len(padded) >= 1024
    assert len(padded) <= 2 * padded_size(size + 64)
    assert unpad(padded) == Opened(SALT, content)


@pytest.mark.parametrize(
    ("size", "padded"),
    [(0, 1024), (1024, 1024), (1025, 2048), (MIB, MIB), (MIB + 1, 2 * MIB), (2 * MIB + 1, 3 * MIB)],
)
def test_padding_classes(size: int, padded: int) -> None:
    assert padded_size(size) == padded


def test_near_every_class_some_sizes_take_the_next_and_all_come_back() -> None:
    for size in range(900, 1100):
        assert len(pad(SALT, bytes(size))) in (1024, 2048)
        assert unpad(pad(SALT, bytes(size))).content == bytes(size)


@pytest.mark.parametrize(
    "plaintext",
    [
        cbor.encode([SALT, b"x", bytes(3)]),
        cbor.encode([SALT[:31], b"x", bytes(986)]),
        cbor.encode([SALT, b"x"]),
        cbor.encode([SALT, b"x", bytes(985) + b"\x01"]),
        pad(SALT, b"")[:34] + cbor.encode(b"")[:0] + pad(SALT, b"")[34:-1] + b"\x01",
        cbor.encode([SALT, b"x", bytes(4058)]),
    ],
)
def test_padding_of_another_size_or_not_zero_is_refused(plaintext: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        unpad(plaintext)
    assert caught.value.reason is Reason.PADDING


def test_a_wrap_cut_out_and_used_again_by_a_recipient_does_not_open() -> None:
    """Brazil opens the query, then sends its content key on to Argentina's wrap under its own name."""
    first = sealed_by(header(NET))
    assert first.sealed is not None
    parts = cose.parse_encrypt(first.sealed)
    claims = header(NET, iss=BR, aud=(AR,)).with_commit(envelope.read(first.statement).header.commit)
    wrap = next(wrap for wrap in parts.wraps if wrap.key_id == sealing(AR).key_id)
    recipient: list[cbor.Value] = [wrap.protected, {4: wrap.key_id, -4: wrap.encapsulated}, wrap.ciphertext]
    stolen = cbor.encode(cbor.Tagged(96, [parts.protected, {5: parts.iv}, parts.ciphertext, [recipient]]))
    reused = Envelope(statement_over(stolen, protected_of(to_claims(claims), signing(BR)), signing(BR)), stolen)
    envelope.read(reused.statement).verify(signing(BR).public)
    with pytest.raises(Untrusted) as caught:
        opened(reused, sealing(AR))
    assert caught.value.reason is Reason.UNSEALING


def test_a_commitment_to_other_content_is_caught_by_every_recipient() -> None:
    """AES-GCM alone does not commit to what it holds: a sender who seals two ways is found by the commitment."""
    claims = header(NET)
    honest = envelope.commitment(SALT, CONTENT)
    protected = protected_of(to_claims(claims.with_commit(honest)), signing(FR))
    two_faced = cose.encrypt(
        pad(SALT, b'{"other":1}'),
        [sealing(who).public for who in claims.aud],
        content_type="application/json",
        external=protected,
        extra_info=hashlib.sha256(protected).digest(),
    )
    sent = Envelope(statement_over(two_faced, protected, signing(FR)), two_faced)
    for who in claims.aud:
        with pytest.raises(Untrusted) as caught:
            opened(sent, sealing(who))
        assert caught.value.reason is Reason.COMMITMENT


def protected_of(claims: dict[cbor.Key, cbor.Value], signer: Signer) -> bytes:
    return cbor.encode({1: ED25519, 4: signer.key_id, 15: claims, 16: envelope.TYP, 258: -16, 259: "application/cose"})


def statement_over(sealed: bytes, protected: bytes, signer: Signer) -> bytes:
    return cose.sign_protected(protected, hashlib.sha256(sealed).digest(), signer)


def test_content_cut_out_and_signed_by_another_does_not_open() -> None:
    sent = sealed_by(header(NET))
    assert sent.sealed is not None
    claims = to_claims(header(NET, iss=BR).with_commit(envelope.read(sent.statement).header.commit))
    taken = Envelope(statement_over(sent.sealed, protected_of(claims, signing(BR)), signing(BR)), sent.sealed)
    with pytest.raises(Untrusted) as caught:
        opened(taken, sealing(AR))
    assert caught.value.reason is Reason.UNSEALING


def changed_header(**changes: cbor.Value) -> bytes:
    base: dict[cbor.Key, cbor.Value] = {
        1: ED25519,
        4: signing(FR).key_id,
        15: to_claims(header(NET)),
        16: envelope.TYP,
        258: -16,
        259: "application/cose",
    }
    base |= {int(name[1:]): value for name, value in changes.items()}
    present = {label: value for label, value in base.items() if value is not None}
    return cose.sign_protected(cbor.encode(present), bytes(32), signing(FR))


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (changed_header(h258=-44), Reason.ALGORITHM),
        (changed_header(h259="application/json"), Reason.ALGORITHM),
        (changed_header(h258=None), Reason.STRUCTURE),
        (changed_header(h3="text/plain"), Reason.STRUCTURE),
        (changed_header(h15=[]), Reason.STRUCTURE),
        (changed_header(h16="application/other"), Reason.TYP),
        (cose.sign1(envelope.TYP, bytes(32), signing(FR)), Reason.STRUCTURE),
    ],
)
def test_each_wrong_header_has_its_reason(statement: bytes, reason: Reason) -> None:
    with pytest.raises(Malformed) as caught:
        envelope.read(statement)
    assert caught.value.reason is reason


def test_wraps_are_one_for_each_recipient() -> None:
    claims = header(NET)
    for keys in ([sealing(BR).public], [sealing(BR).public] * 2, [sealing(who).public for who in (BR, AR, FR)]):
        sealed = cose.encrypt(pad(SALT, b""), keys, content_type="application/json", external=b"", extra_info=b"")
        statement = envelope.read(statement_over(sealed, protected_of(to_claims(claims), signing(FR)), signing(FR)))
        with pytest.raises(Untrusted) as caught:
            envelope.check_sealed(statement, sealed)
        assert caught.value.reason is Reason.WRAPS
    with pytest.raises(Malformed) as malformed:
        envelope.seal(claims, b"", [sealing(BR).public], signing(FR))
    assert malformed.value.reason is Reason.WRAPS


def test_sizes() -> None:
    for sent, reason in (
        (Envelope(bytes(MAX_STATEMENT + 1), None), Reason.STATEMENT_TOO_LARGE),
        (Envelope(b"", bytes(MAX_SEALED + 1)), Reason.SEALED_TOO_LARGE),
    ):
        with pytest.raises(Malformed) as caught:
            envelope.check_sizes(sent)
        assert caught.value.reason is reason
    envelope.check_sizes(Envelope(bytes(MAX_STATEMENT), bytes(MAX_SEALED)))


def test_a_disclosed_content_is_checked_by_anyone_with_the_statement() -> None:
    sent = sealed_by(header(NET))
    shown = opened(sent, sealing(BR))
    envelope.check_commitment(envelope.read(sent.statement).header, shown)
    for lie in (Opened(shown.salt, json.dumps({}).encode()), Opened(SALT, shown.content)):
        with pytest.raises(Untrusted) as caught:
            envelope.check_commitment(envelope.read(sent.statement).header, lie)
        assert caught.value.reason is Reason.COMMITMENT


def test_a_signature_by_another_bureau_does_not_hold() -> None:
    sent = sealed_by(header(NET), by=signing(BR))
    with pytest.raises(Untrusted) as caught:
        envelope.read(sent.statement).verify(SigningKey.generate().public)
    assert caught.value.reason is Reason.KEY_UNKNOWN
