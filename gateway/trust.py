"""The signed statements in force, as this process knows them: read from the store, verified, replaced whole.

Every version is verified when it is read, also those from our own database. `refresh` reads only what came since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from gateway.ports import Store, Trust
from schemas.directory import Directory, Participant, State, read_directory
from schemas.errors import Forbidden, Reason, Untrusted
from schemas.identity import Address
from schemas.keys import SigningPublic
from schemas.network import Network
from schemas.operation import SignedOperation, claimed_owner, read_operation

NO_DIRECTORY: Final = Directory(0, None, 0, (), ())
"""What is in force before the authority's first version: nobody."""


class TrustKeeper:
    """Holds the trust in force."""

    def __init__(self, store: Store, network: Network) -> None:
        self._store = store
        self._directories = self._operations = -1
        """Ledger indices of the newest versions taken in."""
        self.trust = Trust(network, NO_DIRECTORY, {})

    async def refresh(self) -> None:
        """Take in the versions that came since the last look, in the ledger's order.

        Raises:
            Unavailable: `store`. Malformed, Untrusted: a stored statement does not verify; those before it are taken.
        """
        operations = await self._store.operations(self._operations)
        directories = await self._store.directories(self._directories)  # read last: no operation is newer than these
        found = [(index, raw, True) for index, raw in directories] + [(index, raw, False) for index, raw in operations]
        for index, raw, is_directory in sorted(found):
            if is_directory:
                self._take_directory(index, raw)
            else:
                self._take_operation(index, raw)

    def _take_directory(self, index: int, raw: bytes) -> None:
        if index > self._directories:  # else another refresh took it meanwhile
            self.trust = replace(self.trust, directory=self.read_directory(raw))
            self._directories = index

    def _take_operation(self, index: int, raw: bytes) -> None:
        if index > self._operations:
            signed = read_stored_operation(raw, self.trust)
            self.trust = replace(self.trust, operations={**self.trust.operations, signed.operation.id: signed})
            self._operations = index

    def read_directory(self, raw: bytes) -> Directory:
        """Verify the version that follows the one in force.

        Raises:
            Malformed, Untrusted: as schemas.directory.read_directory.
        """
        before = self.trust.directory
        directory = read_directory(raw, self.trust.network, before if before.version else None)
        if directory.version != before.version + 1:
            raise Untrusted(Reason.VERSION_ORDER, "the directory does not follow the version before")
        return directory


def read_stored_operation(raw: bytes, trust: Trust) -> SignedOperation:
    """Verify a version that was admitted before, whatever became of its key since.

    Raises:
        Malformed, Untrusted: it does not verify.
    """
    name, owner = claimed_owner(raw)
    row = trust.directory.find(owner)
    keys = {} if row is None else {entry.key.key_id: entry.key for entry in row.signing}
    return _read(raw, name, keys, trust)


def read_new_operation(raw: bytes, link: Address, trust: Trust, now: int, size: int) -> SignedOperation:
    """Verify a version that comes over a link: its owner's, with a key that is valid now. `now` is in seconds.

    Raises:
        Malformed: its form. Forbidden: `link-identity`, `sender-suspended`. Untrusted: `key-unknown`, `signature`,
            `network`, `version-order`.
    """
    name, owner = claimed_owner(raw)
    if not link.covers(owner):
        raise Forbidden(Reason.LINK_IDENTITY, "an operation is published by its owner")
    row = trust.directory.find(owner)
    if row is None or row.state is not State.ACTIVE:
        raise Forbidden(Reason.SENDER_SUSPENDED, "the operation's owner is not active in the directory")
    return _read(raw, name, _valid_keys(row, now, size), trust)


def _valid_keys(row: Participant, now: int, size: int) -> dict[bytes, SigningPublic]:
    valid = (e.key for e in row.signing if e.validity.covers(now) and not e.validity.void_at(size))
    return {key.key_id: key for key in valid}


def _read(raw: bytes, name: str, keys: Mapping[bytes, SigningPublic], trust: Trust) -> SignedOperation:
    previous = trust.operations.get(name)
    signed = read_operation(raw, trust.network.id, keys, previous)
    if previous is None and signed.operation.version != 1:
        raise Untrusted(Reason.VERSION_ORDER, "the operation's first version is 1")
    return signed
