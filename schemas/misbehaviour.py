"""Proofs of misbehaviour: two signed statements that cannot both be true, in a file that anyone can check (5.6).

    file      = CBOR ["bureaunet-misbehaviour/1", [directory version, ...], statement, statement, [hash, ...]]
    statement = ["note", text] | ["current", bytes] | ["envelope", bytes] | ["acknowledgement", bytes]
              | ["directory", bytes]

Order of work: the directory versions, each by the network file's authority or the successor that the one before names,
give keys; each statement is verified with them; then the two are held against each other. Rules: nothing is trusted
but the pinned network file. Two statements that do not contradict each other fail the file.

Two tree heads contradict each other when they have one size and two roots; when the larger one commits to another root
over the smaller one's entries, which the hashes show (an RFC 9162 consistency path under the larger root, the node
over all old entries first where the old size is a power of two); or when the log signed the smaller one more than
`SLACK` after the larger one: it forgot entries.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from schemas import cbor, envelope
from schemas.claims import Head
from schemas.directory import Directory, read_directory, read_stated
from schemas.errors import Malformed, Reason, Untrusted
from schemas.evidence import read_acknowledgement
from schemas.identity import Address
from schemas.keys import SigningPublic
from schemas.merkle import HASH_SIZE, node_hash
from schemas.network import Network
from schemas.notes import open_note
from schemas.witness import policy_of

_MAGIC: Final = "bureaunet-misbehaviour/1"
SLACK: Final = 300
"""Seconds by which the clocks of one gateway's processes may differ."""
MAX_FILE: Final = 64 * 1024 * 1024
"""Bytes."""


class Source(StrEnum):
    """What kind of statement it is."""

    NOTE = "note"
    """A checkpoint that the log signed."""
    CURRENT = "current"
    """The gateway's word which directory version is current, and which tree head it has."""
    ENVELOPE = "envelope"
    """A bureau's: the statement of a message, with the head that the bureau accepted."""
    ACKNOWLEDGEMENT = "acknowledgement"
    DIRECTORY = "directory"
    """A version that the authority signed."""


class Contradiction(StrEnum):
    """What happened."""

    FORK = "fork"
    """Two histories: the tree heads commit to different entries."""
    ROLLBACK = "rollback"
    """The log signed a tree that had lost entries."""
    DIRECTORIES = "directories"
    """Two directories under one version number."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One signed statement, as received."""

    source: Source
    data: bytes
    """A note's text is UTF-8 here."""

    def to_value(self) -> cbor.Value:
        """CBOR [source, bytes or text]."""
        return [str(self.source), self.data.decode() if self.source is Source.NOTE else self.data]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a file holds, nothing verified."""

    first: Statement
    second: Statement
    path: tuple[bytes, ...] = ()
    directories: tuple[bytes, ...] = ()
    """Versions that give keys, each following the one before."""

    def encode(self) -> bytes:
        """The file."""
        words = [self.first.to_value(), self.second.to_value()]
        return cbor.encode([_MAGIC, list(self.directories), *words, list(self.path)])


@dataclass(frozen=True, slots=True)
class Word:
    """A verified statement: whose word it is, and what it says."""

    source: Source
    by: str
    time: int
    """Seconds since the epoch, by the signer's clock."""
    head: Head | None = None
    version: tuple[int, bytes] | None = None
    """Of a directory: its number and hash."""
    cosigners: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Finding:
    """What a file proves."""

    contradiction: Contradiction
    accused: tuple[str, ...]
    """Who signed both sides, witnesses too; where each side is another's word, both of them, one of whom lied."""
    certain: bool
    """One signer made both statements; else one of the two is false, and which one the file does not show."""
    first: Word
    second: Word

    def words(self) -> list[str]:
        """What happened, line by line, for people."""
        lines = [_say(self.first), _say(self.second), _WHAT[self.contradiction]]
        if self.certain:
            lines.append(f"both are signed by {' and '.join(self.accused)}: that is misbehaviour, whatever the cause")
        else:
            lines.append(f"one of the two is false: ask {self.first.by} and {self.second.by} for what it rests on")
        return lines


_WHAT: Final = {
    Contradiction.FORK: "the two commit to different entries: there are two histories of one ledger",
    Contradiction.ROLLBACK: "the smaller tree was signed later: the ledger lost entries, as from an old backup",
    Contradiction.DIRECTORIES: "there are two directories under one version number",
}


def is_misbehaviour(data: bytes) -> bool:
    """Whether a file begins as a proof of misbehaviour."""
    return data[1:].startswith(cbor.encode(_MAGIC))


def read_evidence(data: bytes) -> Evidence:
    """Take a file apart; nothing is verified.

    Raises:
        Malformed: `structure` and the codec's reasons.
    """
    if len(data) > MAX_FILE:
        raise Malformed(Reason.STRUCTURE, "the file is too long")
    match cbor.decode(data, cbor.DIRECTORY):
        case [str(magic), [*directories], first, second, [*path]] if magic == _MAGIC:
            pass
        case _:
            raise Malformed(Reason.STRUCTURE, "not a proof of misbehaviour")
    nodes = tuple(node for node in path if isinstance(node, bytes) and len(node) == HASH_SIZE)
    versions = tuple(version for version in directories if isinstance(version, bytes))
    if len(nodes) != len(path) or len(versions) != len(directories):
        raise Malformed(Reason.STRUCTURE, "a path is of hashes, and versions are byte strings")
    return Evidence(_statement(first), _statement(second), nodes, versions)


def _statement(value: cbor.Value) -> Statement:
    match value:
        case ["note", str(text)]:
            return Statement(Source.NOTE, text.encode())
        case [str(source), bytes(data)] if source in set(Source) - {Source.NOTE}:
            return Statement(Source(source), data)
    raise Malformed(Reason.STRUCTURE, "a statement is [source, bytes]")


def verify_misbehaviour(data: bytes, network: Network) -> Finding:
    """Check a file with nothing but the pinned network file: what it proves.

    Raises:
        Malformed: its form. Untrusted: a statement does not verify; `consistency`, the two can both be true.
    """
    evidence = read_evidence(data)
    directory: Directory | None = None
    for raw in evidence.directories:
        directory = read_directory(raw, network, directory)
    first, second = (_word(one, network, directory) for one in (evidence.first, evidence.second))
    found = _contradiction(first, second, evidence.path)
    if found is None:
        raise Untrusted(Reason.CONSISTENCY, "the two statements can both be true: nothing is proven")
    return Finding(found, *_accused(first, second), first, second)


def _accused(first: Word, second: Word) -> tuple[tuple[str, ...], bool]:
    both = sorted(first.cosigners & second.cosigners)
    if first.by == second.by:
        return (first.by, *both), True
    if {first.source, second.source} <= {Source.NOTE, Source.CURRENT}:
        return (first.by, second.by), True  # two keys of one gateway
    return (first.by, second.by), False


def _word(statement: Statement, network: Network, directory: Directory | None) -> Word:
    if statement.source is Source.NOTE:
        try:
            opened = open_note(statement.data.decode(), network.policy)
        except UnicodeDecodeError:
            raise Malformed(Reason.CHECKPOINT, "a checkpoint is text") from None
        signed = opened.counted(policy_of(network.policy, directory))
        head = Head(opened.checkpoint.size, opened.checkpoint.root)
        return Word(Source.NOTE, f"the log {network.policy.origin}", opened.time, head, cosigners=signed.witnesses)
    if statement.source is Source.DIRECTORY:
        read = read_directory(statement.data, network, holders=None if directory is None else directory.holders)
        return Word(Source.DIRECTORY, "the authority", read.time, version=(read.version, read.hash))
    if directory is None:
        raise Untrusted(Reason.KEY_UNKNOWN, "the file holds no directory that gives the key of its statement")
    if statement.source is Source.CURRENT:
        stated = read_stated(statement.data, network, directory)
        return Word(Source.CURRENT, "the gateway", stated.time, stated.head, (stated.version, stated.hash))
    return _said(statement, network, directory)


def _said(statement: Statement, network: Network, directory: Directory) -> Word:
    """A bureau's own word about the head that it accepted."""
    if statement.source is Source.ENVELOPE:
        read = envelope.read(statement.data)
        iss, net, time, head, sign1 = read.header.iss, read.header.net, read.header.iat, read.header.head, read.sign1
    else:
        signed = read_acknowledgement(statement.data)
        told = signed.acknowledgement
        iss, net, time, head, sign1 = told.iss, told.net, told.iat, told.head, signed.sign1
    if net != network.id:
        raise Untrusted(Reason.NETWORK, "a statement is of another network")
    sign1.verify(_key(directory, iss, sign1.key_id))
    return Word(statement.source, str(iss), time, head)


def _key(directory: Directory, iss: Address, key_id: bytes) -> SigningPublic:
    found = directory.signing(key_id)
    if found is None or directory.find(iss) is not found[0]:
        raise Untrusted(Reason.KEY_UNKNOWN, f"the directory lists no such key for {iss}")
    return found[1].key


# ------------------------------------------------------------------------------------ what contradicts what


def _contradiction(first: Word, second: Word, path: Sequence[bytes]) -> Contradiction | None:
    if first.version is not None and second.version is not None:
        (one, hashed), (other, also) = first.version, second.version
        if one == other and hashed != also:
            return Contradiction.DIRECTORIES
    if first.head is None or second.head is None:
        return None
    small, large = sorted((first, second), key=lambda word: word.head.size if word.head else 0)
    if forked(small.head or first.head, large.head or first.head, path):
        return Contradiction.FORK
    by_gateway = {small.source, large.source} <= {Source.NOTE, Source.CURRENT}
    if by_gateway and shrank(small, large):
        return Contradiction.ROLLBACK
    return None


def shrank(small: Word, large: Word) -> bool:
    """Whether the gateway signed the smaller tree after the larger one, by more than clocks may differ."""
    if small.head is None or large.head is None:
        return False
    return small.head.size < large.head.size and small.time > large.time + SLACK


def forked(small: Head, large: Head, path: Sequence[bytes]) -> bool:
    """Whether the larger head, by `path`, commits to another root over the smaller one's entries."""
    if small.size == large.size:
        return small.root != large.root
    committed = prefix_root(small.size, large.size, large.root, path)
    return committed is not None and committed != small.root


def prefix_root(old: int, new: int, new_root: bytes, path: Sequence[bytes]) -> bytes | None:
    """The root over the first `old` entries of the tree of `new`, 0 < old < new; None where `path` does not show it.

    `path` is an RFC 9162 consistency proof; where `old` is a power of two it begins with the node over those entries.
    """
    if not 0 < old < new or not path:
        return None
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            return None
        if node & 1 or node == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        node, last = node >> 1, last >> 1
    return first if last == 0 and hmac.compare_digest(second, new_root) else None


def _say(word: Word) -> str:
    if word.head is not None and word.version is None:
        said = f"a tree of {word.head.size} entries with root {word.head.root.hex()[:16]}"
    elif word.head is not None and word.version is not None:
        said = (
            f"directory version {word.version[0]} ({word.version[1].hex()[:16]}) and a tree of {word.head.size} "
            f"entries with root {word.head.root.hex()[:16]}"
        )
    else:
        version, hashed = word.version or (0, b"")
        said = f"directory version {version} with hash {hashed.hex()[:16]}"
    signed = f", cosigned by {', '.join(sorted(word.cosigners))}" if word.cosigners else ""
    return f"{word.by} signed {said} at {word.time}{signed}"
