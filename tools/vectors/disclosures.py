"""Vectors of disclosures: one message opened for a third party, and each way of bending it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from schemas import merkle
from schemas.disclosure import Disclosure
from schemas.errors import Reason
from schemas.notes import Checkpoint, sign_checkpoint
from schemas.receipts import Proof
from tests.world import AR, BR, CONTENT, Log, first_directory, first_operation, seed
from tools.vectors.scene import Json, Scene, Vector


def vectors(scene: Scene) -> Iterator[Vector]:
    """All of them."""
    log = Log(scene.network, log=scene.log, sealer=scene.seal)
    log.publish_directory(first_directory())
    log.publish_operation(first_operation())
    log.submit(aud=(BR,))
    log.submit(aud=(AR,))
    log.submit(Reason.EXPIRED)
    good, other, refused = (_of(log, scene, index) for index in (2, 3, 4))
    bent = bytes((good.content[0] ^ 1,)) + good.content[1:]
    shows: dict[str, Json] = {"content": CONTENT.hex(), "index": 2, "iss": "FR"}
    for name, says, disclosure, outcome in (
        ("ok", "a query that was accepted", good, "ok"),
        ("content", "a bit of the content changed", replace(good, content=bent), "commitment"),
        ("salt", "the salt of another message", replace(good, salt=other.salt), "commitment"),
        ("statement", "the statement of another message", replace(good, statement=other.statement), "not-accepted"),
        ("receipt", "the receipt of another message", replace(good, receipt=other.receipt), "not-accepted"),
        ("entry", "the entry of another message", replace(good, entry=other.entry), "record-contradiction"),
        ("proof", "the proof of another message", replace(good, proof=other.proof), "inclusion"),
        ("refused", "a message that was refused", refused, "not-accepted"),
        ("no-directory", "no directory version", replace(good, directories=()), "disclosure-form"),
        ("salt-short", "a salt of 31 bytes", replace(good, salt=good.salt[:-1]), "disclosure-form"),
        ("twice", "the same directory version twice", replace(good, directories=good.directories * 2), "version-order"),
    ):
        given = {"data": disclosure.encode().hex()}
        yield Vector(f"disclosure/{name}", says, "disclosure", given, outcome, shows if outcome == "ok" else None)


def _of(log: Log, scene: Scene, index: int) -> Disclosure:
    """What discloses the message whose outcome is the entry at `index`."""
    leaves, size = log.leaves, len(log.entries)
    path = tuple(merkle.inclusion_proof(merkle.of_leaves(leaves), index, size))
    note = sign_checkpoint(Checkpoint(scene.log.name, size, merkle.root(leaves)), scene.log, log.time // 1000 + 1)
    receipt, statement, _ = dict(log.steps)[index]
    salt = seed(f"salt/{bytes.fromhex('01310000000070008000').hex()}{index - 1:012x}")
    proof = Proof(index, path, note).format()
    return Disclosure((scene.directory,), statement or b"", salt, CONTENT, receipt or b"", log.entries[index], proof)
