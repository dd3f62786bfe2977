"""Vectors of the envelope: the statement's form, the sealed part's form, and what a recipient finds inside."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

from schemas import cbor, cose, envelope
from schemas.claims import to_claims
from schemas.codes import Answer
from schemas.envelope import MAX_SEALED, MAX_STATEMENT, Envelope, commitment, pad
from tests.world import AR, BR, CONTENT, FR, sealing, sealing_seed, seed, signing, x_wing_seed
from tools.vectors.scene import Json, Scene, Vector, repeated

_SALT = seed("salt/vectors")
_Claims = Mapping[cbor.Key, cbor.Value]


def vectors(scene: Scene) -> Iterator[Vector]:
    """All of them."""
    yield from _sizes()
    yield from _statements(scene)
    yield from _claims(scene)
    yield from _sealed_forms(scene)
    yield from _opened(scene)


def _sizes() -> Iterator[Vector]:
    for part, limit, reason in (
        ("statement", MAX_STATEMENT, "statement-too-large"),
        ("sealed", MAX_SEALED, "sealed-too-large"),
    ):
        for name, count, outcome in ((f"{part}-too-large", limit + 1, reason), (f"ok-{part}-largest", limit, "ok")):
            given: dict[str, Json] = {"statement": "", "sealed": "", part: repeated(0, count)}
            yield Vector(f"size/{name}", f"{count} bytes", "size", given, outcome)


def _statement(name: str, says: str, data: bytes, outcome: str) -> Vector:
    return Vector(f"statement/{name}", says, "statement", {"data": data.hex()}, outcome)


def _statements(scene: Scene) -> Iterator[Vector]:
    signer, claims = signing(FR), to_claims(scene.header())

    def signed(protected: bytes, payload: bytes = bytes(32)) -> bytes:
        return cose.sign_protected(protected, payload, signer)

    def parts(protected: bytes, unprotected: cbor.Value, payload: cbor.Value, *, tag: int = 18) -> bytes:
        return cbor.encode(cbor.Tagged(tag, [protected, unprotected, payload, bytes(64)]))

    plain = scene.protected(claims, signer)
    whole = signed(plain)
    shows = {"digest": hashlib.sha256(whole).hexdigest(), "iss": "FR", "kid": signer.key_id.hex()}
    yield Vector("statement/ok", "a query", "statement", {"data": whole.hex()}, "ok", shows)
    for name, says, data, outcome in (
        ("truncated", "its last byte is missing", whole[:-1], "cbor-truncated"),
        ("trailing", "a byte too many", whole + b"\0", "cbor-trailing"),
        ("not-tagged", "the array without its tag", whole[1:], "structure"),
        ("another-tag", "a COSE_Encrypt's tag", parts(plain, {}, bytes(32), tag=96), "structure"),
        ("no-payload", "a detached payload", parts(plain, {}, None), "structure"),
        ("short-payload", "a hash of 31 bytes", signed(plain, bytes(31)), "structure"),
        ("unprotected", "something outside the signature", parts(plain, {4: b""}, bytes(32)), "unprotected-not-empty"),
        ("algorithm-eddsa", "EdDSA (-8) instead of Ed25519", signed(_with(scene, _1=-8)), "algorithm"),
        ("algorithm-hash", "another hash", signed(_with(scene, _258=-44)), "algorithm"),
        ("preimage-type", "a hash of something else", signed(_with(scene, _259="text/plain")), "algorithm"),
        ("typ-other", "an acknowledgement's type", signed(_with(scene, _16="application/vnd.bureaunet.x")), "typ"),
        ("no-typ", "no type", signed(_with(scene, _16=None)), "typ"),
        ("no-kid", "no key named", signed(_with(scene, _4=None)), "structure"),
        ("label-more", "a label that the type does not have", signed(_with(scene, _3="x")), "structure"),
        ("claims-array", "claims that are no map", signed(_with(scene, _15=[])), "structure"),
    ):
        yield _statement(name, says, data, outcome)


def _with(scene: Scene, **more: cbor.Value) -> bytes:
    return scene.protected(to_claims(scene.header()), signing(FR), **more)


def _claims(scene: Scene) -> Iterator[Vector]:
    query = to_claims(scene.header())
    reply = to_claims(scene.header(thread=bytes(32), re=bytes(32), answer=Answer.MORE_TIME, until=1_310_000_500))

    def signed(claims: _Claims) -> bytes:
        return cose.sign_protected(scene.protected(claims, signing(FR)), bytes(32), signing(FR))

    def without(claims: _Claims, *labels: int) -> _Claims:
        return {label: value for label, value in claims.items() if label not in labels}

    yield _statement("ok-more-time", "an answer that asks for more time", signed(reply), "ok")
    for name, says, claims, outcome in (
        ("claim-missing", "no commitment", without(query, -65548), "claim-missing"),
        ("claim-unknown", "a claim that nobody knows", {**query, -65550: 0}, "claim-unknown"),
        ("claim-nbf", "CWT's not-before: not one of ours", {**query, 5: 0}, "claim-unknown"),
        ("claim-type", "an expiry that is text", {**query, 4: "tomorrow"}, "claim-type"),
        ("claim-exercise", "exercise as a number", {**query, -65549: 0}, "claim-type"),
        ("claim-code", "a purpose of no list", {**query, -65546: "curiosity"}, "claim-type"),
        ("claim-conflict-until", "until without more-time", {**reply, -65544: "final"}, "claim-conflict"),
        ("claim-conflict-answer", "an answer to nothing", without(reply, -65541), "claim-conflict"),
        ("claim-conflict-thread", "an answer outside an exchange", without(reply, -65540), "claim-conflict"),
        ("claim-conflict-times", "expired when it was made", {**query, 4: query[6]}, "claim-conflict"),
        ("recipients-none", "no recipient", {**query, 3: []}, "recipients"),
        ("recipients-twice", "a recipient twice", {**query, 3: ["BR", "BR"]}, "recipients"),
        ("recipients-many", "257 recipients", {**query, 3: _many(257)}, "recipients"),
        ("address", "a sender that is no address", {**query, 1: "France"}, "address"),
        ("message-id", "an id of zeros", {**query, 7: bytes(16)}, "message-id"),
        ("operation-id", "an operation's id in capitals", {**query, 2: "INFRA"}, "operation-unknown"),
    ):
        yield _statement(name, says, signed(claims), outcome)


def _many(count: int) -> list[str]:
    return [f"BR/u{number}" for number in range(count)]


def _sealed(name: str, says: str, sent: Envelope, outcome: str) -> Vector:
    given = {"statement": sent.statement.hex(), "sealed": (sent.sealed or b"").hex()}
    return Vector(f"sealed/{name}", says, "sealed", given, outcome)


def _sealed_forms(scene: Scene) -> Iterator[Vector]:
    plain = scene.seal(scene.header())
    part = plain.sealed or b""
    tagged = cbor.decode(part)
    protected = envelope.read(plain.statement).sign1.protected

    def over(value: cbor.Value) -> Envelope:
        return scene.sign(protected, cbor.encode(value), signing(FR))

    def changed(at: int, value: cbor.Value) -> Envelope:
        values = list(tagged.value) if isinstance(tagged, cbor.Tagged) and isinstance(tagged.value, list) else []
        values[at] = value
        return over(cbor.Tagged(96, values))

    def keyed(*names: str) -> Envelope:
        keys = [scene.key(envelope.read(plain.statement).header.aud[0].parse(name)) for name in names]
        return scene.sign(protected, scene.sealed(protected, keys, pad(_SALT, CONTENT)), signing(FR))

    yield _sealed("ok", "one wrap for each of two recipients", plain, "ok")
    for name, says, sent, outcome in (
        ("hash", "one bit changed", Envelope(plain.statement, part[:-1] + bytes((part[-1] ^ 1,))), "sealed-hash"),
        ("untagged", "a COSE_Encrypt without its tag", over([]), "structure"),
        ("iv", "an iv of 11 bytes", changed(1, {5: bytes(11)}), "structure"),
        ("unprotected", "something beside the iv", changed(1, {5: bytes(12), 6: 0}), "structure"),
        ("algorithm", "content under AES-128", changed(0, cbor.encode({1: 1, 3: "application/json"})), "algorithm"),
        ("recipient", "a recipient of another form", changed(3, [[b"", {}, b""]] * 2), "structure"),
        ("wraps-one", "one wrap for two recipients", keyed("BR"), "wraps"),
        ("wraps-twice", "two wraps for one key", keyed("BR", "BR"), "wraps"),
        ("wraps-three", "a wrap for somebody who is not named", keyed("BR", "AR", "FR"), "wraps"),
    ):
        yield _sealed(name, says, sent, outcome)


def _open(name: str, says: str, sent: Envelope, outcome: str, by: str = "BR") -> Vector:
    given: dict[str, Json] = {
        "statement": sent.statement.hex(),
        "sealed": (sent.sealed or b"").hex(),
        "seed": sealing_seed(by).hex(),
        "x_wing": x_wing_seed(by).hex(),
        "suite": 57,
    }
    shows = {"content": CONTENT.hex()} if outcome == "ok" else None
    return Vector(f"open/{name}", says, "open", given, outcome, shows)


def _opened(scene: Scene) -> Iterator[Vector]:
    claims = scene.header()
    for by in (BR, AR):
        yield _open(f"ok-{by}", "a recipient opens it", scene.seal(claims), "ok", by)
    yield _open("stranger", "it is sealed to somebody else", scene.seal(claims), "unsealing", FR)
    yield _open("reused-wrap", "a recipient sends the wrap on under its own name", _reused(scene), "unsealing", AR)
    yield _open("commitment", "other content than was committed to", _uncommitted(scene), "commitment")
    honest = to_claims(claims.with_commit(commitment(_SALT, CONTENT)))
    bare = cbor.encode([_SALT, CONTENT, b""])
    for name, says, plaintext, outcome in (
        ("padding-none", "no padding", bare, "padding"),
        ("padding-not-zero", "padding that says something", pad(_SALT, CONTENT)[:-1] + b"\1", "padding"),
        ("padding-class", "padded to another size", cbor.encode([_SALT, CONTENT, bytes(1949)]), "padding"),
        ("salt-short", "a salt of 31 bytes", cbor.encode([_SALT[1:], CONTENT, bytes(950)]), "padding"),
        ("plaintext-trailing", "bytes after the plaintext", pad(_SALT, CONTENT) + b"\0", "cbor-trailing"),
    ):
        protected = scene.protected(honest, signing(FR))
        part = scene.sealed(protected, scene.keys(claims), plaintext)
        yield _open(name, says, scene.sign(protected, part, signing(FR)), outcome)
    classic = scene.keys(claims, 50)
    opened = _open("", "", scene.seal(claims, keys=classic), "ok")
    given: dict[str, Json] = {**opened.given, "seed": sealing_seed("BR")[-32:].hex(), "suite": 50}
    del given["x_wing"]
    says = "HPKE-4-KE, for comparison with others: it opens, and admission refuses it"
    yield Vector("open/ok-hpke-4", says, "open", given, "ok", {"content": CONTENT.hex()})


def _reused(scene: Scene) -> Envelope:
    first = scene.seal(scene.header())
    statement, parts = envelope.read(first.statement), cose.parse_encrypt(first.sealed or b"")
    wrap = next(wrap for wrap in parts.wraps if wrap.key_id == sealing(AR).key_id)
    recipient: list[cbor.Value] = [wrap.protected, {4: wrap.key_id, -4: wrap.encapsulated}, wrap.ciphertext]
    part = cbor.encode(cbor.Tagged(96, [parts.protected, {5: parts.iv}, parts.ciphertext, [recipient]]))
    claims = to_claims(scene.header(iss=BR, aud=(AR,)).with_commit(statement.header.commit))
    return scene.sign(scene.protected(claims, signing(BR)), part, signing(BR))


def _uncommitted(scene: Scene) -> Envelope:
    claims = scene.header()
    protected = scene.protected(to_claims(claims.with_commit(commitment(_SALT, CONTENT))), signing(FR))
    return scene.sign(protected, scene.sealed(protected, scene.keys(claims), pad(_SALT, b"{}")), signing(FR))
