"""Vectors of what everything hangs from: network files, directories, current statements, operations, enrolment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from schemas import cbor, cose, threshold
from schemas.answer_times import AnswerTime
from schemas.claims import Head
from schemas.codes import Urgency
from schemas.directory import (
    DIRECTORY_TYP,
    Current,
    Directory,
    Link,
    ParticipantKind,
    directory_hash,
    sign_current,
    sign_directory,
)
from schemas.enrolment import ENROLMENT_TYP, Request, sign_authorisation, sign_request, sign_rotation
from schemas.identity import Address, Signer
from schemas.keys import SigningKey
from schemas.merkle import EMPTY, leaf_hash
from schemas.network import GENESIS_TYP
from schemas.notes import Checkpoint, sign_checkpoint
from schemas.operation import Operation, Phase, sign_operation
from schemas.preferences import PREFERENCES_TYP, Preferences, sign_preferences
from schemas.progress import Objectives, Progress, Results
from schemas.threshold import Holders
from tests.world import (
    AR,
    AUTHORITY,
    CURRENT,
    FR,
    IPSG,
    NOW,
    first_directory,
    first_operation,
    make_genesis,
    sealing,
    signing,
)
from tools.vectors.scene import Json, Scene, Vector


def vectors(scene: Scene) -> Iterator[Vector]:
    """All of them."""
    yield from _networks(scene)
    yield from _directories(scene)
    yield from _currents(scene)
    yield from _operations(scene)
    yield from _preferences(scene)
    yield from _enrolments()


def _networks(scene: Scene) -> Iterator[Vector]:
    genesis = make_genesis()
    empty = sign_checkpoint(Checkpoint.empty(scene.log.name), scene.log, NOW - 86_400)
    grown = sign_checkpoint(Checkpoint(scene.log.name, 1, leaf_hash(b"")), scene.log, NOW)

    def made(payload: bytes, by: Signer, note: str = empty, magic: str = "bureaunet-network/1") -> bytes:
        statement = threshold.join([threshold.sign_part(GENESIS_TYP, payload, by, None)], GENESIS_TYP)
        return cbor.encode([magic, statement, note])

    two = replace(genesis, authority=(*genesis.authority, signing("second").public), threshold=2)
    for name, says, data, outcome in (
        ("ok", "one authority key, no witnesses", scene.network.raw, "ok"),
        ("magic", "another version", made(genesis.encode(), AUTHORITY, magic="bureaunet-network/2"), "structure"),
        ("genesis-form", "a genesis of another form", made(cbor.encode([]), AUTHORITY), "structure"),
        ("signer", "signed by a bureau", made(genesis.encode(), signing(FR)), "key-unknown"),
        ("threshold", "one of two signatures", made(two.encode(), AUTHORITY), "threshold"),
        ("threshold-zero", "a threshold of none", made(replace(two, threshold=0).encode(), AUTHORITY), "threshold"),
        ("checkpoint", "a log that began before", made(genesis.encode(), AUTHORITY, grown), "checkpoint"),
    ):
        shows = {"id": scene.net.hex()} if name == "ok" else None
        yield Vector(f"network/{name}", says, "network", {"data": data.hex()}, outcome, shows)


def _unrevoked(second: Directory, signed: Callable[[Directory], bytes]) -> tuple[bytes, bytes]:
    """A version that takes a revocation back, and the version before it, which revoked."""
    row = second.participants[0]
    void = tuple(replace(entry, validity=replace(entry.validity, void_from=9)) for entry in row.signing)
    revoked = signed(replace(second, participants=(replace(row, signing=void), *second.participants[1:])))
    return signed(replace(second, version=3, previous=directory_hash(revoked))), revoked


def _directories(scene: Scene) -> Iterator[Vector]:
    first = first_directory()
    hashed = directory_hash(scene.directory)

    def signed(version: Directory, by: Signer = AUTHORITY) -> bytes:
        return sign_directory(version, [by], scene.network)

    bent = bytearray(scene.directory)
    bent[-1] ^= 1
    bare = cbor.encode([threshold.sign_part(DIRECTORY_TYP, first.encode(), AUTHORITY, bytes(32))])
    formless = cbor.encode([threshold.sign_part(DIRECTORY_TYP, cbor.encode([]), AUTHORITY, scene.net)])
    second = replace(first, version=2, previous=hashed)
    heir = signing("heir")
    handing = signed(replace(second, succession=Holders((heir.public,), 1)))
    third = replace(first, version=3, previous=directory_hash(handing))
    begun = scene.directory
    for name, says, data, previous, outcome in (
        ("ok", "the first version", begun, None, "ok"),
        ("ok-second", "the second follows the first", signed(second), begun, "ok"),
        ("ok-succession", "it names the authority's successor", handing, begun, "ok"),
        ("ok-successor", "the successor signs the next", signed(third, heir), handing, "ok"),
        ("succeeded", "signed by an authority that was succeeded", signed(third), handing, "key-unknown"),
        ("succession-early", "it names its own signer", _by_heir(scene, second, heir), begun, "key-unknown"),
        ("succession-none", "a successor without keys", _without_heirs(scene, second), begun, "threshold"),
        ("skips", "the third after the first", signed(replace(second, version=3)), begun, "version-order"),
        ("forks", "another version before it", signed(replace(second, previous=bytes(32))), begun, "version-order"),
        ("unrevoked", "it lists a void key as good again", *_unrevoked(second, signed), "key-void"),
        ("signer", "signed by a bureau", signed(first, signing(FR)), None, "key-unknown"),
        ("signature", "one bit changed", bytes(bent), None, "signature"),
        ("network", "another network's", bare, None, "network"),
        ("form", "a directory of another form", formless, None, "structure"),
    ):
        given: dict[str, Json] = {"data": data.hex(), "network": scene.network.raw.hex()}
        given["previous"] = None if previous is None else previous.hex()
        yield Vector(f"directory/{name}", says, "directory", given, outcome)


def _by_heir(scene: Scene, second: Directory, heir: SigningKey) -> bytes:
    return sign_directory(replace(second, succession=Holders((heir.public,), 1)), [heir], scene.network)


def _without_heirs(scene: Scene, second: Directory) -> bytes:
    payload = replace(second, succession=Holders((), 1)).encode()
    return threshold.join([threshold.sign_part(DIRECTORY_TYP, payload, AUTHORITY, scene.net)], DIRECTORY_TYP)


def _currents(scene: Scene) -> Iterator[Vector]:
    said = Current(1, directory_hash(scene.directory), NOW, Head(0, EMPTY))
    good = sign_current(said, scene.net, CURRENT)
    other = sign_current(replace(said, version=2), scene.net, CURRENT)
    for name, says, data, now, outcome in (
        ("ok", "confirmed within a day", good, NOW + 86_400, "ok"),
        ("old", "confirmed more than a day ago", good, NOW + 86_401, "not-current"),
        ("version", "another version is current", other, NOW, "not-current"),
        ("signer", "signed by a bureau", sign_current(said, scene.net, signing(FR)), NOW, "key-unknown"),
        ("network", "another network's", sign_current(said, bytes(32), CURRENT), NOW, "network"),
    ):
        given: dict[str, Json] = {"data": data.hex(), "now": now}
        given |= {"network": scene.network.raw.hex(), "directory": scene.directory.hex()}
        yield Vector(f"current/{name}", says, "current", given, outcome)


def _operations(scene: Scene) -> Iterator[Vector]:
    plain = first_operation()
    hashed = directory_hash(scene.operation)

    def signed(version: Operation, by: Address = IPSG, net: bytes = scene.net) -> bytes:
        return sign_operation(version, net, signing(by))

    second = replace(plain, version=2, previous=hashed, phase=Phase.CLOSED)
    timed = replace(plain, times=(AnswerTime("whereabouts.query", Urgency.URGENT, 600, 3600, (50, 90), 3),))
    counted = replace(plain, progress=Progress(NOW, Objectives(120, 14, 9, 8, 40, 33), Results(3, 5, 1, 2, 1)))
    formless = cose.sign1("application/vnd.bureaunet.operation+cose", b"\x80", signing(IPSG), {15: {-65537: scene.net}})
    for name, says, data, previous, outcome in (
        ("ok", "the first version", scene.operation, False, "ok"),
        ("ok-closed", "its owner closes it", signed(second), True, "ok"),
        ("owner", "another bureau takes it over", signed(replace(second, owner=FR)), True, "version-order"),
        ("skips", "the third after the first", signed(replace(second, version=3)), True, "version-order"),
        ("signer", "signed by a member", signed(plain, FR), False, "key-unknown"),
        ("network", "another network's", signed(plain, net=bytes(32)), False, "network"),
        ("ok-review", "with a time of review", signed(replace(plain, review=NOW + 1)), False, "ok"),
        ("ok-times", "with times for answers, and no time of review", signed(timed), False, "ok"),
        ("ok-review-times", "with both", signed(replace(timed, review=NOW + 1)), False, "ok"),
        ("times", "a kind and urgency timed twice", signed(replace(timed, times=timed.times * 2)), False, "structure"),
        ("ok-progress", "with what it came to so far", signed(counted), False, "ok"),
        ("form", "an operation of another form", formless, False, "structure"),
        ("kinds", "a kind that moves the cursor", signed(replace(plain, kinds=("\x1b[2J",))), False, "structure"),
        ("review", "a time of review that is true", signed(replace(plain, review=True)), False, "structure"),
        ("name", "a name that acts on a terminal", signed(replace(plain, name="Test\x1b[2J")), False, "structure"),
    ):
        given: dict[str, Json] = {"data": data.hex(), "net": scene.net.hex(), "key": signing(IPSG).public.raw.hex()}
        given["previous"] = scene.operation.hex() if previous else None
        yield Vector(f"operation/{name}", says, "operation", given, outcome)


def _preferences(scene: Scene) -> Iterator[Vector]:
    plain = Preferences(FR, 1, NOW, frozenset({Address("BR"), Address("KE/border-namanga")}))

    def signed(version: Preferences, by: Address = FR, net: bytes = scene.net) -> bytes:
        return sign_preferences(version, net, signing(by))

    def formed(*items: cbor.Value) -> bytes:
        return cose.sign1(PREFERENCES_TYP, cbor.encode(list(items)), signing(FR), {15: {-65537: scene.net}})

    first, nobody = signed(plain), replace(plain, version=2, refused=frozenset())
    for name, says, data, previous, outcome in (
        ("ok", "a bureau refuses a bureau and a unit", first, None, "ok"),
        ("ok-nobody", "it refuses nobody any more", signed(nobody), first, "ok"),
        ("back", "the first version again after the first", first, first, "version-order"),
        ("skips", "the third after the first", signed(replace(plain, version=3)), first, "version-order"),
        ("owner", "another's after it", signed(replace(plain, version=2, owner=AR)), first, "version-order"),
        ("signer", "signed by another bureau", signed(plain, AR), None, "key-unknown"),
        ("network", "another network's", signed(plain, net=bytes(32)), None, "network"),
        ("order", "names that do not ascend", formed("FR", 1, NOW, ["BR", "AR"]), None, "structure"),
        ("itself", "it refuses a unit of its own", formed("FR", 1, NOW, ["FR/airport"]), None, "structure"),
        ("version-zero", "a version before the first", formed("FR", 0, NOW, []), None, "structure"),
    ):
        given: dict[str, Json] = {"data": data.hex(), "net": scene.net.hex(), "key": signing(FR).public.raw.hex()}
        given["previous"] = None if previous is None else previous.hex()
        yield Vector(f"preferences/{name}", says, "preferences", given, outcome)


def _enrolments() -> Iterator[Vector]:
    key = signing("KE")
    plain = Request(
        Address("KE"),
        ParticipantKind.NATIONAL_BUREAU,
        "Synthetic bureau",
        Link.HTTP,
        key.public,
        sealing("KE").public,
        ("border-namanga",),
        b"csr",
        NOW,
    )
    good = sign_request(plain, key)
    values = cbor.decode(cose.parse_sign1(good, ENROLMENT_TYP).payload)
    weak = list(values) if isinstance(values, list) else []
    weak[4] = b"\x01" + bytes(31)
    for name, says, data, outcome in (
        ("ok", "a bureau asks to be listed", good, "ok"),
        ("not-held", "a key that the signer does not hold", sign_request(plain, signing("thief")), "key-unknown"),
        ("signature", "one bit changed", good[:-1] + bytes((good[-1] ^ 1,)), "signature"),
        ("weak", "a key of small order", cose.sign1(ENROLMENT_TYP, cbor.encode(weak), key), "key-weak"),
        ("form", "a request of another form", cose.sign1(ENROLMENT_TYP, b"\x80", key), "structure"),
        ("name", "a name that acts on a terminal", sign_request(replace(plain, name="KE\x1b[2J"), key), "structure"),
        ("unit", "a path for a unit's name", sign_request(replace(plain, units=("../../FR",)), key), "address"),
        ("typ", "a rotation where a request is awaited", sign_rotation(good, signing("old")), "typ"),
    ):
        yield Vector(f"enrolment/{name}", says, "enrolment", {"data": data.hex()}, outcome)
    old = signing("old").public.raw.hex()
    rotated = sign_rotation(good, signing("old"))
    for name, says, data, by, outcome in (
        ("ok", "a new key, signed by the old one", rotated, old, "ok"),
        ("thief", "signed by another key", sign_rotation(good, signing("thief")), old, "key-unknown"),
        ("same-key", "the same key again", sign_rotation(good, key), key.public.raw.hex(), "key-not-valid"),
    ):
        yield Vector(f"rotation/{name}", says, "rotation", {"data": data.hex(), "key": by}, outcome)
    authorised = sign_authorisation(good, signing("old"))
    for name, says, data, by, outcome in (
        ("ok", "a request, signed by the unit's bureau", authorised, old, "ok"),
        ("thief", "signed by another bureau", sign_authorisation(good, signing("thief")), old, "key-unknown"),
        ("typ", "a rotation where an authorisation is awaited", rotated, old, "typ"),
    ):
        yield Vector(f"authorisation/{name}", says, "authorisation", {"data": data.hex(), "key": by}, outcome)
