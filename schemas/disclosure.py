"""A disclosure: one message opened for a third party by one who has it, checked offline (protocol section 7.1).

    disclosure = [ "bureaunet-disclosure/1", [directory version, ...], statement, salt, content, receipt, entry, proof ]

Order of work; every check needs the pinned network file alone:

    1 the form                                    5 the sender's signature, by a key that was valid then
    2 directory versions, signed by the authority 6 salt and content are what the sender committed to
    3 the receipt: accepted, by a key in force    7 the entry says the same as receipt and statement
    4 the statement is the one accepted           8 the entry is in the ledger, at the receipt's index

Rules: no key is in it, neither the recipient's nor the one that the content was sealed under, so that it opens this
message and no other. It shows what was said and that it was accepted then; what became of it, the record shows. Whether
a key was revoked shows as far as the newest directory version in it goes.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from schemas import cbor, merkle
from schemas.claims import Header
from schemas.directory import Directory, SigningEntry, read_directory
from schemas.envelope import MAX_SEALED, SALT_SIZE, Opened, Statement, check_commitment, read
from schemas.errors import Malformed, Reason, Untrusted
from schemas.evidence import Entry, read_entry
from schemas.in_force import acceptance_keys, owned_key
from schemas.keys import SigningPublic
from schemas.network import Network
from schemas.notes import Checkpoint, open_note
from schemas.receipts import Acceptance, read_acceptance, read_proof
from schemas.witness import policy_of

MAGIC: Final = "bureaunet-disclosure/1"
MAX_DISCLOSURE: Final = 4 * MAX_SEALED
"""Bytes."""
_LEAD: Final = cbor.encode(["", MAGIC, *[None] * 6])[:1] + cbor.encode(MAGIC)


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What a disclosure is made of; nothing verified."""

    directories: tuple[bytes, ...]
    """Versions ascending; the last lists the sender's key and the gateway's, and the ones before say who signs it."""
    statement: bytes
    salt: bytes
    content: bytes
    receipt: bytes
    entry: bytes
    proof: str
    """A tlog-proof."""

    def encode(self) -> bytes:
        """The file's bytes."""
        parts = (self.statement, self.salt, self.content, self.receipt, self.entry, self.proof)
        return cbor.encode([MAGIC, list(self.directories), *parts])


@dataclass(frozen=True, slots=True)
class Disclosed:
    """A disclosure that verified: what it shows."""

    header: Header
    """Who wrote to whom, in which operation, for which purpose and under which handling."""
    digest: bytes
    content: bytes
    index: int
    """Of the acceptance in the ledger."""
    time: int
    """Of the acceptance, by the gateway's clock, in milliseconds since the epoch."""
    directory_version: int
    void: bool
    """The sender's key was revoked from this index or an earlier one on."""
    checkpoint: Checkpoint
    checkpoint_time: int
    """Seconds since the epoch."""
    witnesses: tuple[str, ...]
    quorum: int

    @property
    def provisional(self) -> bool:
        """Whether the quorum of witnesses has not signed the checkpoint."""
        return len(self.witnesses) < self.quorum


def is_disclosure(lead: bytes) -> bool:
    """Whether a file that begins with these bytes, 32 of them, is a disclosure and not an operation's record."""
    return lead.startswith(_LEAD)


def read_disclosure(data: bytes) -> Disclosure:
    """Take a disclosure apart; nothing is verified.

    Raises:
        Malformed: `disclosure-form` and the codec's reasons.
    """
    if len(data) > MAX_DISCLOSURE:
        raise Malformed(Reason.DISCLOSURE_FORM, f"a disclosure is at most {MAX_DISCLOSURE} bytes")
    match cbor.decode(data):
        case [
            str(magic),
            [*directories],
            bytes(statement),
            bytes(salt),
            bytes(content),
            bytes(receipt),
            bytes(entry),
            str(proof),
        ] if magic == MAGIC and directories and len(salt) == SALT_SIZE:
            versions = tuple(version for version in directories if isinstance(version, bytes))
            if len(versions) == len(directories):
                return Disclosure(versions, statement, salt, content, receipt, entry, proof)
    raise Malformed(Reason.DISCLOSURE_FORM, "not a disclosure of a message")


def verify_disclosure(disclosure: Disclosure, network: Network) -> Disclosed:
    """Verify a disclosure against the pinned `network` file: what it shows. The numbers are section 7.1's.

    Raises:
        Malformed: what it is made of is not of its form. Untrusted: `threshold`, `key-unknown`, `key-not-valid`,
            `signature`, `network`, `not-accepted`, `commitment`, `record-contradiction`, `inclusion`, `checkpoint`.
    """
    directory = _directory(disclosure.directories, network)  # 2
    entry, proof = read_entry(disclosure.entry), read_proof(disclosure.proof)
    receipt = _acceptance(disclosure.receipt, acceptance_keys(directory, entry.time // 1000, proof.index), network)  # 3
    statement = _statement(disclosure.statement, receipt, network)  # 4
    signing = _sender(statement, entry.time // 1000, directory)  # 5
    check_commitment(statement.header, Opened(disclosure.salt, disclosure.content))  # 6
    _same(entry, receipt, statement)  # 7
    if proof.index != receipt.index:
        raise Untrusted(Reason.INCLUSION, "the proof is of another index than the receipt")
    policy = policy_of(network.policy, directory)
    signed = open_note(proof.note, policy).counted(policy)  # 8
    head = signed.checkpoint
    merkle.verify_inclusion(merkle.leaf_hash(disclosure.entry), proof.index, head.size, proof.path, head.root)
    return Disclosed(
        header=statement.header,
        digest=statement.digest,
        content=disclosure.content,
        index=proof.index,
        time=receipt.time,
        directory_version=directory.version,
        void=signing.validity.void_at(proof.index),
        checkpoint=head,
        checkpoint_time=signed.time,
        witnesses=tuple(sorted(signed.witnesses)),
        quorum=policy.quorum,
    )


def _directory(versions: Sequence[bytes], network: Network) -> Directory:
    newest: Directory | None = None
    for raw in versions:
        version = read_directory(raw, network, holders=None if newest is None else newest.holders)
        if newest is not None and version.version <= newest.version:
            raise Untrusted(Reason.VERSION_ORDER, "the directory versions do not ascend")
        newest = version
    if newest is None:
        raise Malformed(Reason.DISCLOSURE_FORM, "a disclosure holds a directory version")
    return newest


def _acceptance(raw: bytes, keys: Mapping[bytes, SigningPublic], network: Network) -> Acceptance:
    receipt = read_acceptance(raw, network.id, keys)
    if not receipt.accepted:
        raise Untrusted(Reason.NOT_ACCEPTED, "the receipt does not say that the message was accepted")
    return receipt


def _statement(raw: bytes, receipt: Acceptance, network: Network) -> Statement:
    statement = read(raw)
    if not hmac.compare_digest(statement.digest, receipt.digest):
        raise Untrusted(Reason.NOT_ACCEPTED, "the statement is not the one that was accepted")
    if statement.header.net != network.id:
        raise Untrusted(Reason.NETWORK, "the statement is of another network")
    return statement


def _sender(statement: Statement, seconds: int, directory: Directory) -> SigningEntry:
    found = owned_key(directory, statement.header.iss, statement.key_id)
    statement.verify(found.key)
    if not found.validity.covers(seconds):
        raise Untrusted(Reason.KEY_NOT_VALID, "the message was accepted under a key that was not valid")
    return found


def _same(entry: Entry, receipt: Acceptance, statement: Statement) -> None:
    header = statement.header
    said = (entry.event, entry.digest, entry.time, entry.reason)
    told = (entry.party, entry.key_id, entry.operation, entry.kind, entry.answer)
    meant = (header.iss, statement.key_id, header.sub, header.kind, header.answer)
    if said != (receipt.event, receipt.digest, receipt.time, receipt.reason) or told != meant:
        raise Untrusted(Reason.RECORD_CONTRADICTION, "the entry says something else than the receipt or the statement")
