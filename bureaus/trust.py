"""What this bureau verified and goes by: the pinned network, its directory, operations and tree head, as one value.

The value is frozen and replaced whole; `bureaus/keeper.py` fetches, verifies and keeps what it is made of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from schemas.attestations import Attestation, read_attestation
from schemas.claims import Head
from schemas.directory import CURRENT_LIFETIME, Directory, Participant, Use
from schemas.errors import Forbidden, Reason, Untrusted
from schemas.identity import Address, Signer
from schemas.in_force import acceptance_keys
from schemas.keys import SealingPublic, SigningPublic
from schemas.network import Network
from schemas.notes import Policy
from schemas.operation import Operation, SignedOperation
from schemas.receipts import Acceptance, LastBatch, read_acceptance
from schemas.reviews import Review, by_date
from schemas.witness import policy_of

MOST_READ: Final = 128
"""Receipts that are remembered, of some 500 bytes each."""


@dataclass(frozen=True, slots=True)
class Version:
    """One verified version of an operation, and the ledger index of its entry where that is known."""

    signed: SignedOperation
    place: int | None


class Read:
    """Receipts that verified by one directory, newest last: each is read when it comes and whenever it is shown."""

    def __init__(self) -> None:
        self.batch = LastBatch()
        """The gateway signs many receipts at once."""
        self._directory: Directory | None = None
        self._known: dict[bytes, Acceptance] = {}

    def get(self, receipt: bytes, directory: Directory) -> Acceptance | None:
        """What a receipt says, where it verified by this very directory."""
        return self._known.get(receipt) if directory is self._directory else None

    def put(self, receipt: bytes, directory: Directory, said: Acceptance) -> None:
        """This receipt verified by this directory, which decides whatever the ledger's size."""
        if directory is not self._directory:
            self._directory, self._known = directory, {}
        elif len(self._known) >= MOST_READ:
            del self._known[next(iter(self._known))]
        self._known[receipt] = said


@dataclass(frozen=True, slots=True)
class Trust:
    """Everything verified, at one moment."""

    address: Address
    network: Network
    directory: Directory
    confirmed: int
    """When the gateway last stated that the directory is current, in seconds."""
    head: Head
    """The largest tree head that we accepted: gossiped in what we sign."""
    operations: Mapping[str, tuple[Version, ...]] = field(default_factory=dict)
    """By id, the versions that we saw, ascending."""
    alarm: str | None = None
    """What somebody did that must not be: nothing is sealed until a person has looked."""
    read: Read = field(default_factory=Read, repr=False, compare=False)
    """Receipts that were verified lately."""

    @property
    def policy(self) -> Policy:
        """Whose cosignatures count, by the directory in force."""
        return policy_of(self.network.policy, self.directory)

    @property
    def own(self) -> Participant:
        """Our own row.

        Raises:
            Forbidden: `recipient-unknown`, the directory does not list us.
        """
        return self.row(self.address)

    def acceptance(self, receipt: bytes) -> Acceptance:
        """Verify a receipt of the gateway's: its key must count at the receipt's own time and place in the ledger.

        A refusal without a place counts by the ledger as we know it, so that nothing is remembered of it.

        Raises:
            Malformed, Untrusted: as `read_acceptance`.
        """
        known = self.read.get(receipt, self.directory)
        if known is not None:
            return known
        net, last = self.network.id, self.read.batch
        said = read_acceptance(receipt, net, self.directory.service_keys(Use.ACCEPTANCE), last)
        index = self.head.size if said.index is None else said.index
        said = read_acceptance(receipt, net, acceptance_keys(self.directory, said.time // 1000, index), last)
        if said.index is not None:
            self.read.put(receipt, self.directory, said)
        return said

    def attestation(self, statement: bytes) -> Attestation:
        """Verify an attestation of the gateway's, as `acceptance` does a receipt.

        Raises:
            Malformed, Untrusted: as `read_attestation`.
        """
        net = self.network.id
        said = read_attestation(statement, net, self.directory.service_keys(Use.ACCEPTANCE))
        return read_attestation(statement, net, acceptance_keys(self.directory, said.time // 1000, said.index))

    def row(self, address: Address) -> Participant:
        """The row that serves an address.

        Raises:
            Forbidden: `recipient-unknown`.
        """
        row = self.directory.find(address)
        if row is None:
            raise Forbidden(Reason.RECIPIENT_UNKNOWN, f"the directory does not list {address}")
        return row

    def is_ours(self, address: Address) -> bool:
        """Whether our row serves this address."""
        row = self.directory.find(address)
        return row is not None and row is self.directory.find(self.address)

    def operation(self, name: str) -> Operation | None:
        """The newest version of an operation."""
        versions = self.operations.get(name)
        return versions[-1].signed.operation if versions else None

    def reviews(self) -> list[Review]:
        """When each operation that we know is due for review, those due first: its owner is asked half a year before.

        Where no version names a time it counts from the first that we have. An owner has them all; who joined later
        may see a later date than the owner does.
        """
        known = [versions for versions in self.operations.values() if versions]
        return by_date([Review.of(all_[0].signed.operation, all_[-1].signed.operation) for all_ in known])

    def operation_at(self, name: str, index: int) -> Operation | None:
        """The version that was in force for what was accepted at ledger `index`: the newest recorded before it."""
        versions = self.operations.get(name)
        if not versions:
            return None
        before = [version for version in versions if version.place is None or version.place < index]
        return (before[-1] if before else versions[0]).signed.operation

    def sender_key(self, sender: Address, key_id: bytes, acceptance: Acceptance) -> SigningPublic:
        """The key that `sender` signed with, valid when the gateway accepted and not void at its index.

        Raises:
            Untrusted: `key-unknown`, `key-not-valid`, `key-void`.
        """
        found = self.directory.signing(key_id)
        if found is None or self.directory.find(sender) is not found[0]:
            raise Untrusted(Reason.KEY_UNKNOWN, f"the directory lists no such key for {sender}")
        validity = found[1].validity
        if not validity.covers(acceptance.time // 1000):
            raise Untrusted(Reason.KEY_NOT_VALID, f"the key of {sender} was not valid then")
        if acceptance.index is not None and validity.void_at(acceptance.index):
            raise Untrusted(Reason.KEY_VOID, f"the key of {sender} was revoked before this was accepted")
        return found[1].key

    def check_sealing(self, now: int) -> None:
        """Whether we may seal at `now`, in seconds.

        Raises:
            Untrusted: `not-current`, the directory was not confirmed for 24 hours; `consistency`, there is an alarm.
        """
        if self.alarm is not None:
            raise Untrusted(Reason.CONSISTENCY, f"alarm, nothing is sealed: {self.alarm}")
        if now - self.confirmed > CURRENT_LIFETIME:
            raise Untrusted(Reason.NOT_CURRENT, "the directory has not been confirmed for 24 hours")

    def sealing_keys(self, to: Sequence[Address], now: int) -> list[SealingPublic]:
        """The keys to seal to at `now`, in seconds, in the order of `to`.

        Raises:
            Forbidden: `recipient-unknown`. Untrusted: `key-not-valid`, a recipient has none.
        """
        return [self.row(address).sealing_key(now) for address in to]

    def signer(self, keys: Sequence[Signer], now: int) -> Signer:
        """Which of our keys, newest first, to sign with at `now`, in seconds.

        Raises:
            Untrusted: `key-not-valid`, the directory lists none of them as valid.
        """
        valid = {
            entry.key.key_id
            for entry in self.own.signing
            if entry.validity.covers(now) and entry.validity.void_from is None
        }
        for key in keys:
            if key.key_id in valid:
                return key
        raise Untrusted(Reason.KEY_NOT_VALID, "the directory lists no valid signing key of ours")
