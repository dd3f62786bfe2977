"""COSE as this network uses it: one form, one algorithm, nothing outside the signature."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import cbor, cose
from schemas.errors import BureaunetError, Malformed, Reason, Untrusted
from schemas.keys import SealingKey, SigningKey, Suite

TYP = "application/vnd.bureaunet.test+cose"
KEY = SigningKey(b"\x07" * 32)
OPENER = SealingKey(b"\x09" * 96)


@given(st.binary(max_size=200))
def test_a_signature_comes_back_and_holds(payload: bytes) -> None:
    signed = cose.parse_sign1(cose.sign1(TYP, payload, KEY), TYP)
    assert (signed.payload, signed.key_id) == (payload, KEY.key_id)
    signed.verify(KEY.public)


def test_every_changed_byte_of_a_signature_is_refused() -> None:
    data = cose.sign1(TYP, b"payload", KEY, {cose.CLAIMS: {1: "FR"}})
    for at in range(len(data)):
        for mask in (1, 0x80, 0xFF):
            with pytest.raises(BureaunetError):
                cose.parse_sign1(data[:at] + bytes((data[at] ^ mask,)) + data[at + 1 :], TYP).verify(KEY.public)


def test_a_signature_by_another_key_is_refused() -> None:
    signed = cose.parse_sign1(cose.sign1(TYP, b"", KEY), TYP)
    with pytest.raises(Untrusted) as caught:
        signed.verify(SigningKey.generate().public)
    assert caught.value.reason is Reason.KEY_UNKNOWN


def parts(**changes: cbor.Value) -> bytes:
    header: dict[cbor.Key, cbor.Value] = {1: -19, 4: KEY.key_id, 16: TYP}
    for name, value in changes.items():
        if name.startswith("h"):
            header[int(name[1:])] = value
    values = [
        changes.get("protected", cbor.encode({k: v for k, v in header.items() if v is not None})),
        changes.get("unprotected", {}),
        changes.get("payload", b""),
        changes.get("signature", bytes(64)),
    ]
    return cbor.encode(cbor.Tagged(18, values))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (cbor.encode([b"", {}, b"", b""]), Reason.STRUCTURE),
        (cbor.encode(cbor.Tagged(96, [b"", {}, b"", b""])), Reason.STRUCTURE),
        (cbor.encode(cbor.Tagged(18, [b"", {}, b""])), Reason.STRUCTURE),
        (parts(payload=None), Reason.STRUCTURE),
        (parts(unprotected={4: b"x"}), Reason.UNPROTECTED),
        (parts(protected=b"\x80"), Reason.STRUCTURE),
        (parts(protected=b""), Reason.CBOR_TRUNCATED),
        (parts(h1=-8), Reason.ALGORITHM),
        (parts(h1=None), Reason.ALGORITHM),
        (parts(h4=b"short"), Reason.STRUCTURE),
        (parts(h4=None), Reason.STRUCTURE),
        (parts(h16="application/other"), Reason.TYP),
        (parts(h16=None), Reason.TYP),
    ],
)
def test_each_wrong_form_has_its_reason(data: bytes, reason: Reason) -> None:
    with pytest.raises(Malformed) as caught:
        cose.parse_sign1(data, TYP)
    assert caught.value.reason is reason


def test_a_statement_of_one_type_is_none_of_another() -> None:
    data = cose.sign1(TYP, b"", KEY)
    with pytest.raises(Malformed) as caught:
        cose.parse_sign1(data, TYP + "2")
    assert caught.value.reason is Reason.TYP


def sealed(*keys: SealingKey, external: bytes = b"e", extra: bytes = b"x") -> bytes:
    publics = [key.public for key in keys]
    return cose.encrypt(b"secret", publics, content_type="text/plain", external=external, extra_info=extra)


@settings(max_examples=25)
@given(st.binary(max_size=300), st.sampled_from(list(Suite)), st.integers(1, 4))
def test_every_recipient_opens_the_same(content: bytes, suite: Suite, count: int) -> None:
    openers = [SealingKey.generate(suite) for _ in range(count)]
    data = cose.encrypt(
        content, [key.public for key in openers], content_type="text/plain", external=b"e", extra_info=b"x"
    )
    message = cose.parse_encrypt(data)
    assert [cose.decrypt(message, key, external=b"e", extra_info=b"x") for key in openers] == [content] * count


@pytest.mark.parametrize(("external", "extra"), [(b"f", b"x"), (b"e", b"y")])
def test_what_was_bound_must_be_the_same(external: bytes, extra: bytes) -> None:
    with pytest.raises(Untrusted) as caught:
        cose.decrypt(cose.parse_encrypt(sealed(OPENER)), OPENER, external=external, extra_info=extra)
    assert caught.value.reason is Reason.UNSEALING


def test_a_stranger_finds_no_wrap() -> None:
    with pytest.raises(Untrusted) as caught:
        cose.decrypt(cose.parse_encrypt(sealed(OPENER)), SealingKey.generate(), external=b"e", extra_info=b"x")
    assert caught.value.reason is Reason.UNSEALING


def test_a_wrap_of_another_suite_is_refused() -> None:
    message = cose.parse_encrypt(sealed(OPENER))
    wrap = message.wraps[0]
    other = cose.Wrap(wrap.protected, Suite.HPKE_4_KE, wrap.key_id, wrap.encapsulated, wrap.ciphertext)
    changed = cose.Encrypted(message.protected, message.content_type, message.iv, message.ciphertext, (other,))
    with pytest.raises(Untrusted) as caught:
        cose.decrypt(changed, OPENER, external=b"e", extra_info=b"x")
    assert caught.value.reason is Reason.SUITE


def test_changed_bytes_of_a_sealed_part_do_not_open() -> None:
    data = sealed(OPENER)
    for at in range(0, len(data), 3):
        changed = data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]
        with pytest.raises(BureaunetError):
            cose.decrypt(cose.parse_encrypt(changed), OPENER, external=b"e", extra_info=b"x")


def rewrapped(change: Callable[[list[cbor.Value]], None]) -> bytes:
    tagged = cbor.decode(sealed(OPENER))
    assert isinstance(tagged, cbor.Tagged)
    assert isinstance(tagged.value, list)
    change(tagged.value)
    return cbor.encode(tagged)


def put(at: int, value: cbor.Value) -> Callable[[list[cbor.Value]], None]:
    def change(values: list[cbor.Value]) -> None:
        values[at] = value

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (put(0, cbor.encode({1: 1, 3: "text/plain"})), Reason.ALGORITHM),
        (put(0, cbor.encode({1: 3})), Reason.ALGORITHM),
        (put(1, {5: bytes(11)}), Reason.STRUCTURE),
        (put(1, {5: bytes(12), 6: b""}), Reason.STRUCTURE),
        (put(1, {}), Reason.STRUCTURE),
        (put(3, {}), Reason.STRUCTURE),
        (put(3, [[]]), Reason.STRUCTURE),
        (put(3, [[cbor.encode({1: 57, 2: 0}), {4: b"", -4: b""}, b""]]), Reason.STRUCTURE),
        (put(3, [[cbor.encode({1: 57}), {4: b"", -4: b"", 9: 0}, b""]]), Reason.STRUCTURE),
        (put(3, [[cbor.encode({1: 57}), {4: b"", -4: bytes(1121)}, b""]]), Reason.STRUCTURE),
    ],
)
def test_each_wrong_form_of_a_sealed_part_has_its_reason(
    change: Callable[[list[cbor.Value]], None], reason: Reason
) -> None:
    with pytest.raises(Malformed) as caught:
        cose.parse_encrypt(rewrapped(change))
    assert caught.value.reason is reason


def test_a_signature_is_no_sealed_part() -> None:
    with pytest.raises(Malformed) as caught:
        cose.parse_encrypt(cose.sign1(TYP, b"", KEY))
    assert caught.value.reason is Reason.STRUCTURE
