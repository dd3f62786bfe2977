"""Operations that read more than one statement: a recipient's ten checks, records, disclosures, misbehaviour."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from bureaus import verification
from bureaus.conformance.driver.given import Given
from bureaus.conformance.driver.reading import Operation, Shown
from bureaus.trust import Trust, Version
from schemas import disclosure, record, wire
from schemas.claims import Head
from schemas.directory import Directory, read_directory
from schemas.errors import Misuse, Reason, Untrusted
from schemas.identity import Address
from schemas.keys import SealingKey
from schemas.merkle import EMPTY
from schemas.misbehaviour import verify_misbehaviour
from schemas.network import Network, read_network
from schemas.operation import SignedOperation, claimed_owner, read_operation


class RefusedAt(Untrusted):
    """A recipient's check refused; `number` is the check's."""

    def __init__(self, number: int, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.number = number


def in_force(given: Given, pinned: Network) -> tuple[Directory, SignedOperation]:
    """The directory and the operation that are given, verified."""
    version = read_directory(given.data("directory"), pinned)
    raw = given.data("operation")
    owner = version.find(claimed_owner(raw)[1])
    keys = {} if owner is None else {one.key.key_id: one.key for one in owner.signing}
    return version, read_operation(raw, pinned.id, keys)


def ids(rows: list[JsonValue]) -> dict[tuple[str, bytes], bytes]:
    """(sender, id) -> digest."""
    found: dict[tuple[str, bytes], bytes] = {}
    for row in rows:
        match row:
            case [str(iss), str(cti), str(digest)]:
                found[iss, bytes.fromhex(cti)] = bytes.fromhex(digest)
            case _:
                raise Misuse("an id that was seen is [sender, id, digest]")
    return found


def _recipient(given: Given) -> Shown:
    pinned = read_network(given.data("network"))
    version, signed = in_force(given, pinned)
    known = {signed.operation.id: (Version(signed, 1),)}
    trust = Trust(Address(given.text("to")), pinned, version, 0, Head(0, EMPTY), known)
    facts = verification.Facts(trust, [SealingKey(given.data("seed"))], ids(given.rows("seen")))
    outcome = verification.verify(wire.decode_item(given.data("item")), facts)
    if isinstance(outcome, verification.Refused):
        raise RefusedAt(outcome.number, outcome.reason, outcome.detail)
    return {}


def _record(given: Given) -> Shown:
    record.verify_record(io.BytesIO(given.data("data")).read, read_network(given.data("network")))
    return {}


def _disclosure(given: Given) -> Shown:
    pinned = read_network(given.data("network"))
    disclosed = disclosure.verify_disclosure(disclosure.read_disclosure(given.data("data")), pinned)
    return {"content": disclosed.content.hex(), "index": disclosed.index, "iss": str(disclosed.header.iss)}


def _misbehaviour(given: Given) -> Shown:
    found = verify_misbehaviour(given.data("data"), read_network(given.data("network")))
    return {"contradiction": str(found.contradiction)}


JUDGING: Final[Mapping[str, Operation]] = {
    "disclosure": _disclosure,
    "misbehaviour": _misbehaviour,
    "recipient": _recipient,
    "record": _record,
}
"""By the operation's name."""
