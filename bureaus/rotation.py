"""New keys for a bureau that has some: made here, asked for under a signature by the old key, used once listed.

    rotation.cbor  what the authority is asked: a request with the new keys, signed by the old one
    link.next.key  private key of the link's next certificate

Order of work: `rotate` makes the keys and the request; the authority approves it, with an overlap in which both sets
hold; from the first directory version that lists them the SDK signs with the new key, others seal to the new one, and
the old one still opens what was sealed to it. `complete` takes the link's new certificate. Rules: asked again before it
is complete, the same request is given; keys are never made over, and none is ever thrown away.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from bureaus import enrolment
from bureaus.enrolment import Identity
from bureaus.guard import Guard
from bureaus.store import FILE, Store, identity
from bureaus.store.identity import Keys
from schemas import cose
from schemas.directory import Participant
from schemas.enrolment import ROTATION_TYP, Request, read_request, sign_request, sign_rotation
from schemas.errors import Misuse
from schemas.identity import Signer
from schemas.keys import NoteKey, SealingKey

ROTATION: Final = "rotation.cbor"
NEXT_KEY: Final = "link.next.key"


@dataclass(frozen=True, slots=True)
class Rotation:
    """A request for new keys, for the authority."""

    path: Path
    request: Request


async def rotate(who: Identity, own: Participant, store: Store, keys: Keys, guard: Guard, old: Signer) -> Rotation:
    """Make new keys and the request for them. `own` is our row, `old` the key of ours that it lists as valid.

    Raises:
        Misuse: the token, or a rotation that was approved is not complete. Unavailable: `store`.
    """
    path = who.home / ROTATION
    if await asyncio.to_thread(path.exists):
        before = _inner(await asyncio.to_thread(path.read_bytes))
        if any(entry.key == before.signing for entry in own.signing):
            raise Misuse(
                "the keys of the rotation before are listed: complete it with the link's new certificate first"
            )
        return Rotation(path, before)
    tls_key = ec.generate_private_key(ec.SECP256R1())
    signing, sealing = guard.new_signer(), SealingKey.generate()
    witness = NoteKey.generate(str(who.address))
    now = time.time_ns() // 1_000_000
    csr = enrolment.make_csr(tls_key, who.address)
    public = (signing.public, sealing.public)
    asked = Request(who.address, own.kind, own.name, own.link, *public, own.units, csr, now // 1000, witness.public)
    body = sign_rotation(sign_request(asked, signing, witness), old)
    await store.run(identity.add_keys, signing, sealing, now, guard)
    await store.run(identity.add_witness, witness, now, guard)
    keys.add(signing, sealing, witness)
    await asyncio.to_thread(enrolment.write_file, who.home / NEXT_KEY, enrolment.pem_of(tls_key, guard), 0o600)
    await asyncio.to_thread(enrolment.write_file, path, body, 0o644)
    return Rotation(path, asked)


async def complete(home: Path, certificate: bytes, authority: bytes | None = None) -> None:
    """Take the link's new certificate (PEM); the bureau must not be open.

    Raises:
        Misuse: there is no rotation, or the bureau is open. Untrusted: `link-identity`, the certificate is not ours.
    """
    async with await Store.open(home / FILE) as store:
        who = enrolment.read_identity(home, await store.run(identity.get_all))
        path = home / ROTATION
        if not await asyncio.to_thread(path.exists):
            raise Misuse(f"{home} has asked for no new keys: bureaunet rotate first")
        raw = await asyncio.to_thread(path.read_bytes)
        issuer = await asyncio.to_thread(who.tls[2].read_bytes) if authority is None else authority
        enrolment.check_certificate(certificate, issuer, _inner(raw).csr, who.address)
        await asyncio.to_thread(_put_in_place, who, certificate, raw)


def _put_in_place(who: Identity, certificate: bytes, raw: bytes) -> None:
    """The key first, then its certificate, then the request: a step that was cut off is done again."""
    following = who.home / NEXT_KEY
    if following.exists():
        following.replace(who.home / enrolment.LINK_KEY)
    enrolment.write_file(who.home / enrolment.LINK_CERTIFICATE, certificate, 0o644)
    enrolment.write_file(who.home / enrolment.REQUEST, cose.parse_sign1(raw, ROTATION_TYP).payload, 0o644)
    (who.home / ROTATION).unlink()


def _inner(raw: bytes) -> Request:
    return read_request(cose.parse_sign1(raw, ROTATION_TYP).payload)
