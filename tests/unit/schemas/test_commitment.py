"""AES-GCM does not commit to its key: one ciphertext opens under two keys. The commitment catches it.

The ciphertext is built as in "Fast message franking" (Dodis, Grubbs, Ristenpart, Woodage 2018): the tag is linear in
any one block, so a sender who knows both keys solves for the block that gives both the same tag.
"""

import hashlib

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from schemas import cbor, cose, envelope
from schemas.claims import to_claims
from schemas.envelope import pad
from schemas.errors import BureaunetError, Reason
from schemas.keys import ED25519
from tests.world import AR, BR, FR, header, sealing, seed, signing

NET, SALT, IV = bytes(32), seed("salt"), bytes(12)
KEYS = (seed("first"), seed("second"))
FREE = 20
"""The block of ciphertext that is solved for: it lies in the content."""


def block(key: bytes, data: bytes) -> int:
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305  # the raw block of GCM itself
    return int.from_bytes(encryptor.update(data))


def multiply(a: int, b: int) -> int:
    """In GF(2^128) as GCM writes it (NIST SP 800-38D section 6.3)."""
    result = 0
    for bit in range(127, -1, -1):
        if b >> bit & 1:
            result ^= a
        a = (a >> 1) ^ (0xE1 << 120 if a & 1 else 0)
    return result


def power(a: int, exponent: int) -> int:
    result = 1 << 127
    while exponent:
        if exponent & 1:
            result = multiply(result, a)
        a, exponent = multiply(a, a), exponent >> 1
    return result


def blocks(data: bytes) -> list[int]:
    return [int.from_bytes(data[at : at + 16].ljust(16, b"\0")) for at in range(0, len(data), 16)]


def tag(key: bytes, additional: bytes, ciphertext: bytes) -> int:
    h, total = block(key, bytes(16)), 0
    lengths = (len(additional) * 8).to_bytes(8) + (len(ciphertext) * 8).to_bytes(8)
    for part in (*blocks(additional), *blocks(ciphertext), int.from_bytes(lengths)):
        total = multiply(total ^ part, h)
    return total ^ block(key, IV + (1).to_bytes(4))


def two_faced(plaintext: bytes, additional: bytes) -> bytes:
    """A ciphertext and tag that both keys take: `plaintext` but for a block under the first, noise under the second."""
    stream = Cipher(algorithms.AES(KEYS[0]), modes.CTR(IV + (2).to_bytes(4))).encryptor()
    ciphertext = bytearray(stream.update(plaintext))
    ciphertext[16 * FREE : 16 * FREE + 16] = bytes(16)
    difference = tag(KEYS[0], additional, bytes(ciphertext)) ^ tag(KEYS[1], additional, bytes(ciphertext))
    exponent = len(ciphertext) // 16 - FREE + 1
    slope = power(block(KEYS[0], bytes(16)), exponent) ^ power(block(KEYS[1], bytes(16)), exponent)
    solved = multiply(difference, power(slope, 2**128 - 2))
    ciphertext[16 * FREE : 16 * FREE + 16] = solved.to_bytes(16)
    return bytes(ciphertext) + tag(KEYS[0], additional, bytes(ciphertext)).to_bytes(16)


def test_one_ciphertext_opens_to_two_contents_and_no_recipient_takes_either() -> None:
    content = b'{"a":"' + b"x" * 600 + b'"}'
    claims = to_claims(header(NET, aud=(BR, AR)).with_commit(envelope.commitment(SALT, content)))
    protected = cbor.encode(
        {1: ED25519, 4: signing(FR).key_id, 15: claims, 16: envelope.TYP, 258: -16, 259: "application/cose"}
    )
    extra = hashlib.sha256(protected).digest()
    inner = cbor.encode({1: 3, 3: "application/json"})
    ciphertext = two_faced(pad(SALT, content), cbor.encode(["Encrypt", inner, protected]))
    wraps: list[cbor.Value] = []
    for who, key in zip((BR, AR), KEYS, strict=True):
        public, alg = sealing(who).public, cbor.encode({1: 57})
        encapsulated, wrapped = public.wrap(key, cbor.encode(["HPKE Recipient", 3, alg, extra]))
        wraps.append([alg, {4: public.key_id, -4: encapsulated}, wrapped])
    sealed = cbor.encode(cbor.Tagged(96, [inner, {5: IV}, ciphertext, wraps]))
    statement = envelope.read(cose.sign_protected(protected, hashlib.sha256(sealed).digest(), signing(FR)))
    statement.verify(signing(FR).public)
    encrypted = envelope.check_sealed(statement, sealed)
    plaintexts = [
        cose.decrypt(encrypted, sealing(who), external=protected, extra_info=extra) for who in (BR, AR)
    ]  # both tags hold: this is the trap
    assert plaintexts[0] != plaintexts[1]
    with pytest.raises(BureaunetError) as first:
        envelope.open_sealed(statement, sealed, sealing(BR))
    assert first.value.reason is Reason.COMMITMENT
    with pytest.raises(BureaunetError):
        envelope.open_sealed(statement, sealed, sealing(AR))
