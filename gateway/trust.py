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
from schemas.preferences import SignedPreferences, claimed_by, read_preferences

NO_DIRECTORY: Final = Directory(0, None, 0, (), ())
"""What is in force before the authority's first version: nobody."""


class TrustKeeper:
    """Holds the trust in force."""

    def __init__(self, store: Store, network: Network) -> None:
        self._store = store
        self._directories = self._operations = self._preferences = -1
        """Ledger indices of the newest versions taken in."""
        self.trust = Trust(network, NO_DIRECTORY, {})

    async def refresh(self) -> None:
        """Take in the versions that came since the last look, in the ledger's order.

        Raises:
            Unavailable: `store`. Malformed, Untrusted: a stored statement does not verify; those before it are taken.
        """
        store = self._store
        preferences = [(*one, self._take_preferences) for one in await store.preferences(self._preferences)]
        operations = [(*one, self._take_operation) for one in await store.operations(self._operations)]
        directories = [(*one, self._take_directory) for one in await store.directories(self._directories)]
        # Directories were read last: none of the others is newer than these.
        for index, raw, take in sorted([*directories, *operations, *preferences], key=lambda one: one[0]):
            take(index, raw)

    def _take_directory(self, index: int, raw: bytes) -> None:
        if index > self._directories:  # else another refresh took it meanwhile
            self.trust = replace(self.trust, directory=self.read_directory(raw))
            self._directories = index

    def _take_operation(self, index: int, raw: bytes) -> None:
        if index > self._operations:
            signed = read_stored_operation(raw, self.trust)
            self.trust = replace(self.trust, operations={**self.trust.operations, signed.operation.id: signed})
            self._operations = index

    def _take_preferences(self, index: int, raw: bytes) -> None:
        if index > self._preferences:
            signed = _read_preferences(raw, self.trust, _all_keys(self.trust, claimed_by(raw)))
            in_force = {**self.trust.preferences, signed.preferences.owner: signed}
            self.trust = replace(self.trust, preferences=in_force)
            self._preferences = index

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
    return _read(raw, name, _all_keys(trust, owner), trust)


def _all_keys(trust: Trust, owner: Address) -> dict[bytes, SigningPublic]:
    row = trust.directory.find(owner)
    return {} if row is None else {entry.key.key_id: entry.key for entry in row.signing}


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


def read_new_preferences(raw: bytes, trust: Trust, now: int, size: int) -> SignedPreferences:
    """Verify refusals that come over their owner's link: with a key of its row that is valid now (in seconds).

    A participant without a row of its own has none: its bureau's hold for it.

    Raises:
        Malformed: its form. Forbidden: `recipient-unknown`, `sender-suspended`. Untrusted: `key-unknown`, `signature`,
            `network`, `version-order`.
    """
    owner = claimed_by(raw)
    row = trust.directory.find(owner)
    if row is None or row.address != owner:
        raise Forbidden(Reason.RECIPIENT_UNKNOWN, "refusals are of a participant with a row of its own")
    if row.state is not State.ACTIVE:
        raise Forbidden(Reason.SENDER_SUSPENDED, "the participant is not active in the directory")
    return _read_preferences(raw, trust, _valid_keys(row, now, size))


def _read_preferences(raw: bytes, trust: Trust, keys: Mapping[bytes, SigningPublic]) -> SignedPreferences:
    previous = trust.preferences.get(claimed_by(raw))
    signed = read_preferences(raw, trust.network.id, keys, previous)
    if previous is None and signed.preferences.version != 1:
        raise Untrusted(Reason.VERSION_ORDER, "the first version of refusals is 1")
    return signed
