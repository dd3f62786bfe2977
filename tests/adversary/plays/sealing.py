"""Sealed parts: who is sent which key, to which content."""

from __future__ import annotations

import hashlib
import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from schemas import cbor, cose
from schemas.claims import COMMIT
from schemas.envelope import SALT_SIZE, Envelope, pad, read
from schemas.keys import SealingKey, SealingPublic, Suite
from schemas.receipts import Acceptance
from tests.adversary import collision
from tests.adversary.forging import CONTENT, forged, honest, keys_of, parts, sealed_part
from tests.adversary.plays.signatures import sent
from tests.adversary.scene import Scene
from tests.adversary.table import Handed, play


def _resealed(scene: Scene, envelope: Envelope, sealed: bytes, sender: str = "FR") -> Envelope:
    """The envelope with another sealed part, signed again by its sender: bound to the same header."""
    protected, _, _, _ = parts(envelope.statement)
    statement = cose.sign_protected(protected, hashlib.sha256(sealed).digest(), scene.parties[sender].signing)
    return Envelope(statement, sealed)


def _members(sealed: bytes) -> tuple[bytes, dict[cbor.Key, cbor.Value], bytes, list[cbor.Value]]:
    tagged = cbor.decode(sealed)
    assert isinstance(tagged, cbor.Tagged)
    match tagged.value:
        case [bytes(protected), dict(unprotected), bytes(ciphertext), list(wraps)]:
            return protected, unprotected, ciphertext, wraps
    raise AssertionError("not a sealed part")


def _joined(protected: bytes, unprotected: dict[cbor.Key, cbor.Value], text: bytes, wraps: list[cbor.Value]) -> bytes:
    return cbor.encode(cbor.Tagged(96, [protected, unprotected, text, wraps]))


@play
async def wrap_missing(scene: Scene) -> Acceptance:
    return await sent(scene, forged(scene, "FR", "BR", "AR", keys=keys_of(scene, ["BR"])))


@play
async def wraps_reordered(scene: Scene) -> Acceptance:
    return await sent(scene, forged(scene, "FR", "BR", "AR", keys=keys_of(scene, ["AR", "BR"])))


@play
async def wrap_for_a_stranger(scene: Scene) -> Acceptance:
    return await sent(scene, forged(scene, "FR", "BR", keys=keys_of(scene, ["UY"])))


@play
async def sealed_part_swapped(scene: Scene) -> Acceptance:
    mine, other = honest(scene, "FR", "BR"), honest(scene, "FR", "BR")
    return await sent(scene, Envelope(mine.statement, other.sealed))


@play
async def two_keys(scene: Scene) -> Handed:
    """The content opens for AR; CO is wrapped another key."""
    envelope = honest(scene, "FR", "AR", "CO")
    protected = parts(envelope.statement)[0]
    plaintext = pad(os.urandom(SALT_SIZE), CONTENT)
    one, two = (_members(sealed_part(protected, plaintext, keys_of(scene, ["AR", "CO"]))) for _ in range(2))
    mixed = _resealed(scene, envelope, _joined(*one[:3], [one[3][0], two[3][1]]))
    assert (await sent(scene, mixed)).accepted
    return Handed(mixed.digest, "CO")


@play
async def two_contents(scene: Scene) -> Handed:
    """AES-GCM does not commit to its key: this ciphertext's tag holds under both keys, AR's and CO's.

    For CO all but one block, inside the content, is as it should be.
    """
    envelope = honest(scene, "FR", "AR", "CO")
    protected = parts(envelope.statement)[0]
    keys, iv = (os.urandom(32), os.urandom(32)), os.urandom(12)
    salt, to = os.urandom(SALT_SIZE), keys_of(scene, ["AR", "CO"])
    wraps = [
        _members(sealed_part(protected, pad(salt, CONTENT), to, content_key=key))[3][at]
        for at, key in enumerate(reversed(keys))
    ]
    inner = cbor.encode({1: 3, 3: "application/json"})
    additional = cbor.encode(["Encrypt", inner, protected])
    ciphertext = collision.colliding(keys, iv, additional, pad(salt, CONTENT), free=3)
    for key in keys:
        AESGCM(key).decrypt(iv, ciphertext, additional)  # both open: no InvalidTag
    mixed = _resealed(scene, envelope, _joined(inner, {5: iv}, ciphertext, wraps))
    assert (await sent(scene, mixed)).accepted
    return Handed(mixed.digest, "CO")


@play
async def uncommitted_content(scene: Scene) -> Handed:
    envelope = forged(scene, "FR", "CO", claims={COMMIT: bytes(32)})
    assert (await sent(scene, envelope)).accepted
    return Handed(envelope.digest, "CO")


@play
async def wrap_reused(scene: Scene) -> Handed:
    """BR, a recipient, knows the content's key: it reuses CO's wrap of it in a message of its own."""
    first = honest(scene, "FR", "BR", "CO")
    assert first.sealed is not None
    statement = read(first.statement)
    encrypted, opener = cose.parse_encrypt(first.sealed), scene.parties["BR"].sealing
    wrap = encrypted.wraps[0]
    info = cbor.encode(["HPKE Recipient", 3, wrap.protected, hashlib.sha256(statement.sign1.protected).digest()])
    key = opener.unwrap(wrap.encapsulated, wrap.ciphertext, info)
    mine = honest(scene, "BR", "CO")
    own = sealed_part(parts(mine.statement)[0], pad(os.urandom(SALT_SIZE), CONTENT), keys_of(scene, ["CO"]), key)
    reused = _joined(*_members(own)[:3], [_members(first.sealed)[3][1]])
    message = _resealed(scene, mine, reused, "BR")
    assert (await sent(scene, message, "BR")).accepted
    return Handed(message.digest, "CO")


@play
async def hidden_channel(scene: Scene) -> Handed:
    envelope = honest(scene, "FR", "CO")
    protected = parts(envelope.statement)[0]
    plaintext = pad(os.urandom(SALT_SIZE), CONTENT)[:-6] + b"secret"
    mixed = _resealed(scene, envelope, sealed_part(protected, plaintext, keys_of(scene, ["CO"])))
    assert (await sent(scene, mixed)).accepted
    return Handed(mixed.digest, "CO")


async def _to(scene: Scene, *keys: SealingPublic) -> Acceptance:
    return await sent(scene, forged(scene, "FR", "BR", keys=keys))


@play
async def downgraded_suite(scene: Scene) -> Acceptance:
    return await _to(scene, SealingKey.generate(Suite.HPKE_4_KE).public)


@play
async def revoked_sealing_key(scene: Scene) -> Acceptance:
    return await _to(scene, scene.void_sealing.public)


@play
async def expired_sealing_key(scene: Scene) -> Acceptance:
    return await _to(scene, scene.expired_sealing.public)
