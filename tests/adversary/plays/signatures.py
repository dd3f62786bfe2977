"""Signatures, signed headers, and what a signature does not cover."""

from __future__ import annotations

import hashlib
import hmac
import os

from schemas import cbor, cose
from schemas.claims import AUD
from schemas.envelope import Envelope
from schemas.evidence import Acknowledgement, Outcome, sign_acknowledgement
from schemas.identity import Address
from schemas.keys import SigningKey
from schemas.receipts import Acceptance
from schemas.wire import encode_submission
from tests.adversary.forging import altered, forged, header, honest, joined, parts
from tests.adversary.scene import Scene
from tests.adversary.table import Handed, play


async def sent(scene: Scene, envelope: Envelope, link: str = "FR") -> Acceptance:
    """Submit an envelope over a link."""
    return await scene.submit(link, encode_submission(envelope))


def _signed(envelope: Envelope, signature: bytes) -> Envelope:
    protected, _, payload, _ = parts(envelope.statement)
    return Envelope(joined(protected, payload, signature), envelope.sealed)


@play
async def forged_signature(scene: Scene) -> Acceptance:
    return await sent(scene, _signed(honest(scene, "FR", "BR"), os.urandom(64)))


@play
async def stripped_signature(scene: Scene) -> Acceptance:
    return await sent(scene, _signed(honest(scene, "FR", "BR"), b""))


@play
async def swapped_signature(scene: Scene) -> Acceptance:
    other = parts(honest(scene, "FR", "AR").statement)[3]
    return await sent(scene, _signed(honest(scene, "FR", "BR"), other))


@play
async def resigned_content(scene: Scene) -> Handed:
    stolen = honest(scene, "FR", "CO")
    mine = forged(scene, "BR", "CO", sealed=stolen.sealed)
    assert (await sent(scene, mine, "BR")).accepted
    return Handed(mine.digest, "CO")


@play
async def signed_for_another(scene: Scene) -> Acceptance:
    return await sent(scene, honest(scene, "FR", "AR", by=scene.parties["BR"].signing))


@play
async def recipient_added(scene: Scene) -> Acceptance:
    return await sent(scene, altered(honest(scene, "FR", "BR"), {AUD: ["BR", "AR"]}))


@play
async def recipient_removed(scene: Scene) -> Acceptance:
    return await sent(scene, altered(honest(scene, "FR", "BR", "AR"), {AUD: ["BR"]}))


@play
async def recipients_reordered(scene: Scene) -> Acceptance:
    return await sent(scene, altered(honest(scene, "FR", "BR", "AR"), {AUD: ["AR", "BR"]}))


@play
async def unprotected_header(scene: Scene) -> Acceptance:
    envelope = honest(scene, "FR", "BR")
    protected, _, payload, signature = parts(envelope.statement)
    return await sent(scene, Envelope(joined(protected, payload, signature, {4: b"another"}), envelope.sealed))


# ---- keys


@play
async def revoked_key(scene: Scene) -> Acceptance:
    return await sent(scene, honest(scene, "FR", "BR", by=scene.void))


@play
async def expired_key(scene: Scene) -> Acceptance:
    return await sent(scene, honest(scene, "FR", "BR", by=scene.expired))


@play
async def future_key(scene: Scene) -> Acceptance:
    return await sent(scene, honest(scene, "FR", "BR", by=scene.future))


@play
async def unlisted_key(scene: Scene) -> Acceptance:
    return await sent(scene, honest(scene, "FR", "BR", by=SigningKey.generate()))


@play
async def gateways_key(scene: Scene) -> Acceptance:
    from gateway import keyfiles  # noqa: PLC0415  # for this one attack: the gateway's operator plays it

    return await sent(
        scene, honest(scene, "FR", "BR", by=keyfiles.load_signing_key(scene.home / "keys" / "acceptance.pem"))
    )


@play
async def statement_of_another_type(scene: Scene) -> Acceptance:
    claims = header(scene, "FR", "BR")
    said = Acknowledgement(Address("FR"), bytes(32), Outcome.PROCESSED, claims.iat, claims.net, claims.head)
    statement = sign_acknowledgement(said, scene.parties["FR"].signing)
    return await sent(scene, Envelope(statement, honest(scene, "FR", "BR").sealed))


@play
async def algorithm_confusion_mac(scene: Scene) -> Acceptance:
    """HMAC 256/256 (5), its key the public key that everybody has."""
    protected, outer, payload, _ = parts(honest(scene, "FR", "BR").statement)
    protected = cbor.encode({**outer, cose.ALG: 5})
    structure = cbor.encode(["Signature1", protected, b"", payload])
    mac = hmac.new(scene.parties["FR"].signing.public.raw, structure, hashlib.sha256).digest()
    return await sent(scene, Envelope(joined(protected, payload, mac), honest(scene, "FR", "BR").sealed))


@play
async def algorithm_confusion_none(scene: Scene) -> Acceptance:
    return await sent(scene, forged(scene, "FR", "BR", outer={cose.ALG: None}))


@play
async def algorithm_confusion_hash(scene: Scene) -> Acceptance:
    return await sent(scene, forged(scene, "FR", "BR", outer={258: -44}))
