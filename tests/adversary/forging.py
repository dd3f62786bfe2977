"""Statements that no honest program makes: any claim, header, wrap or byte may be another than it should."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from schemas import cbor, cose, merkle
from schemas.claims import Head, Header, to_claims
from schemas.codes import Purpose
from schemas.envelope import SALT_SIZE, TYP, Envelope, commitment, pad, seal
from schemas.identity import Address, MessageId
from schemas.keys import ED25519, SealingPublic, SigningKey
from tests.adversary.scene import OPERATION, QUERY, Scene

Claims = Mapping[cbor.Key, cbor.Value]
CONTENT: Final = b'{"asked":["status"],"case":"CASE-1"}'
"""The content of an honest query."""
_HASH: Final[Claims] = {258: -16, 259: "application/cose"}


def header(scene: Scene, sender: str, *to: str, **changes: object) -> Header:
    """The claims of an honest query, but for those given."""
    now = int(time.time())
    plain = Header(
        iss=Address(sender),
        sub=OPERATION,
        aud=tuple(map(Address, to)),
        iat=now,
        exp=now + 3600,
        cti=MessageId.new(now * 1000),
        net=scene.network.id,
        head=Head(0, merkle.EMPTY),
        kind=QUERY,
        purpose=Purpose.ARREST,
        exercise=False,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # an attack names the claims that it changes


def keys_of(scene: Scene, to: Sequence[str]) -> list[SealingPublic]:
    """The recipients' sealing keys, from the directory."""
    return [row.sealing[0].key for name in to if (row := scene.directory.find(Address(name))) is not None]


def honest(
    scene: Scene,
    sender: str,
    *to: str,
    by: SigningKey | None = None,
    content: bytes = CONTENT,
    keys: Sequence[SealingPublic] | None = None,
    **changes: object,
) -> Envelope:
    """A well-made envelope, whatever its claims say."""
    signer = by or scene.parties[sender].signing
    return seal(header(scene, sender, *to, **changes), content, keys or keys_of(scene, to), signer)


def forged(
    scene: Scene,
    sender: str,
    *to: str,
    claims: Claims | None = None,
    outer: Claims | None = None,
    sealed: bytes | None = None,
    keys: Sequence[SealingPublic] | None = None,
    by: SigningKey | None = None,
    kid: bytes | None = None,
    **changes: object,
) -> Envelope:
    """An envelope made by hand: `claims` and `outer` are laid over the claims and the header, None takes one out."""
    signer = by or scene.parties[sender].signing
    salt = os.urandom(SALT_SIZE)
    said = to_claims(header(scene, sender, *to, **changes).with_commit(commitment(salt, CONTENT)))
    inner = _over(said, claims)
    plain: Claims = {cose.ALG: ED25519, cose.KID: kid or signer.key_id, cose.CLAIMS: inner, cose.TYP: TYP, **_HASH}
    protected = cbor.encode(_over(plain, outer))
    part = sealed or sealed_part(protected, pad(salt, CONTENT), keys or keys_of(scene, to))
    return Envelope(cose.sign_protected(protected, hashlib.sha256(part).digest(), signer), part)


def sealed_part(
    protected: bytes, plaintext: bytes, keys: Sequence[SealingPublic], content_key: bytes | None = None
) -> bytes:
    """A sealed part bound to a protected header."""
    info = hashlib.sha256(protected).digest()
    return cose.encrypt(
        plaintext,
        keys,
        content_type="application/json",
        external=protected,
        extra_info=info,
        content_key=content_key,
    )


def _over(values: Claims, changes: Claims | None) -> Claims:
    merged = {**values, **(changes or {})}
    return {label: value for label, value in merged.items() if value is not None}


def parts(statement: bytes) -> tuple[bytes, dict[cbor.Key, cbor.Value], bytes, bytes]:
    """A statement taken apart: protected, its header, payload, signature."""
    tagged = cbor.decode(statement)
    assert isinstance(tagged, cbor.Tagged)
    match tagged.value:
        case [bytes(protected), dict(), bytes(payload), bytes(signature)]:
            inner = cbor.decode(protected)
            assert isinstance(inner, dict)
            return protected, dict(inner), payload, signature
    raise AssertionError("not a statement")


def joined(protected: bytes, payload: bytes, signature: bytes, unprotected: Claims | None = None) -> bytes:
    """A statement put together again."""
    return cbor.encode(cbor.Tagged(18, [protected, dict(unprotected or {}), payload, signature]))


def altered(envelope: Envelope, claims: Claims) -> Envelope:
    """The same envelope with other claims and the old signature."""
    protected, outer, payload, signature = parts(envelope.statement)
    said = outer[cose.CLAIMS]
    assert isinstance(said, dict)
    protected = cbor.encode({**outer, cose.CLAIMS: {**said, **claims}})
    return Envelope(joined(protected, payload, signature), envelope.sealed)
