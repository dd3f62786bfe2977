"""The signed statements in force, as this process knows them: read from the store, verified, replaced whole.

Every version is verified when it is read, also those from our own database. `refresh` reads only what came since.
"""

from __future__ import annotations

from collections.abc import Mapping
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
        self._seen = -1
        self.trust = Trust(network, NO_DIRECTORY, {})

    async def refresh(self) -> None:
        """Take in the versions that came since the last look.

        Raises:
            Unavailable: `store`. Malformed, Untrusted: a stored statement does not verify.
        """
        directories = await self._store.directories(self._seen)
        operations = await self._store.operations(self._seen)
        directory, known = self.trust.directory, dict(self.trust.operations)
        for index, raw, is_directory in sorted(
            [(index, raw, True) for index, raw in directories] + [(index, raw, False) for index, raw in operations]
        ):
            if is_directory:
                directory = self.read_directory(raw, directory)
            else:
                signed = read_stored_operation(raw, Trust(self.trust.network, directory, known))
                known[signed.operation.id] = signed
            self._seen = index
        self.trust = Trust(self.trust.network, directory, known)

    def read_directory(self, raw: bytes, previous: Directory | None = None) -> Directory:
        """Verify the version that follows the one in force, or `previous`.

        Raises:
            Malformed, Untrusted: as schemas.directory.read_directory.
        """
        before = self.trust.directory if previous is None else previous
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
