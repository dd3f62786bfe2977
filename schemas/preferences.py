"""A participant's refusals of named senders: a statement that it signs, version by version (protocol section 2.8).

    preferences = [ address, version, time, [ address, ... ] ]

Whom a bureau refuses holds for all its units, rows of their own or not; a unit with a row of its own may refuse more
for itself. Who names a bureau refuses its units too. Versions rise by one, so that an older one never comes back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from schemas import cbor, cose
from schemas.claims import NET
from schemas.errors import Malformed, Reason, Untrusted
from schemas.identity import Address, Signer
from schemas.keys import SigningPublic

PREFERENCES_TYP: Final = "application/vnd.bureaunet.preferences+cose"
MAX_REFUSED: Final = 256
"""Addresses in one statement."""
MAX_PREFERENCES: Final = 16 * 1024
"""Bytes of a statement."""
_MOST: Final = 1 << 40


@dataclass(frozen=True, slots=True)
class Preferences:
    """One version."""

    owner: Address
    version: int
    time: int
    """Seconds since the epoch."""
    refused: frozenset[Address]
    """Senders whose messages to the owner are refused."""

    def refuses(self, sender: Address) -> bool:
        """Whether messages of this sender are refused: it is named, or its bureau is."""
        return sender in self.refused or sender.bureau in self.refused

    def names(self, link: Address) -> bool:
        """Whether messages over a bureau's link may be refused: it is named, or a unit of it."""
        return self.refuses(link) or any(link.covers(one) for one in self.refused)

    def encode(self) -> bytes:
        """The payload that the owner signs."""
        names: list[cbor.Value] = [str(address) for address in sorted(self.refused)]
        return cbor.encode([str(self.owner), self.version, self.time, names])


@dataclass(frozen=True, slots=True)
class SignedPreferences:
    """A verified version with its bytes."""

    raw: bytes
    preferences: Preferences
    key_id: bytes

    @property
    def hash(self) -> bytes:
        """SHA-256 of the raw bytes."""
        return hashlib.sha256(self.raw).digest()


def sign_preferences(preferences: Preferences, net: bytes, signer: Signer) -> bytes:
    """The owner's signed statement.

    Raises:
        Malformed: `structure`, it names too many, or its owner or a unit of it.
    """
    _check(preferences)
    return cose.sign1(PREFERENCES_TYP, preferences.encode(), signer, {cose.CLAIMS: {NET: net}})


def read_preferences(
    data: bytes, net: bytes, keys: Mapping[bytes, SigningPublic], previous: SignedPreferences | None = None
) -> SignedPreferences:
    """Verify a version with one of its owner's `keys` (by key id), and that it follows `previous` where one is known.

    Whether the signing key belongs to the owner named inside, the caller has decided by the `keys` it gives.

    Raises:
        Malformed: `statement-too-large`, `structure` and the codec's reasons.
        Untrusted: `key-unknown`, `signature`, `network`, `version-order`.
    """
    sign1 = _parse(data)
    if sign1.header.get(cose.CLAIMS) != {NET: net}:
        raise Untrusted(Reason.NETWORK, "the statement is of another network")
    key = keys.get(sign1.key_id)
    if key is None:
        raise Untrusted(Reason.KEY_UNKNOWN, "the statement is not by a key of its owner")
    sign1.verify(key)
    signed = SignedPreferences(data, _read_payload(sign1.payload), sign1.key_id)
    if previous is not None:
        before = previous.preferences
        if (signed.preferences.owner, signed.preferences.version) != (before.owner, before.version + 1):
            raise Untrusted(Reason.VERSION_ORDER, "the refusals do not follow the version before")
    return signed


def claimed_by(data: bytes) -> Address:
    """The owner that a statement claims, nothing verified: to find the keys to verify it with.

    Raises:
        Malformed: `statement-too-large`, `structure` and the codec's reasons.
    """
    return _read_payload(_parse(data).payload).owner


def _parse(data: bytes) -> cose.Sign1:
    if len(data) > MAX_PREFERENCES:
        raise Malformed(Reason.STATEMENT_TOO_LARGE, f"refusals take at most {MAX_PREFERENCES} bytes")
    return cose.parse_sign1(data, PREFERENCES_TYP)


def _read_payload(payload: bytes) -> Preferences:
    match cbor.decode(payload):
        case [str(owner), version, time, [*names]] if type(version) is int and type(time) is int:
            pass
        case _:
            raise Malformed(Reason.STRUCTURE, "refusals are [owner, version, time, [address, ...]]")
    if not 1 <= version < _MOST or not 0 <= time < _MOST:
        raise Malformed(Reason.STRUCTURE, "a version or a time is out of its range")
    texts = [name for name in names if isinstance(name, str)]
    if len(texts) != len(names) or texts != sorted(set(texts)):
        raise Malformed(Reason.STRUCTURE, "the refused stand once each, in ascending order")
    found = Preferences(Address.parse(owner), version, time, frozenset(map(Address.parse, texts)))
    _check(found)
    return found


def _check(preferences: Preferences) -> None:
    if len(preferences.refused) > MAX_REFUSED:
        raise Malformed(Reason.STRUCTURE, f"at most {MAX_REFUSED} are refused by name")
    bureau = preferences.owner.bureau
    if any(address.bureau == bureau for address in preferences.refused):
        raise Malformed(Reason.STRUCTURE, "nobody refuses its own bureau")


def refusing(
    recipients: Collection[Address], sender: Address, in_force: Mapping[Address, SignedPreferences]
) -> list[Address]:
    """Those of `recipients` that refuse `sender`, by their bureau's statement or their own, in their order."""
    return [one for one in recipients if _refuses(one, sender, in_force)]


def _refuses(recipient: Address, sender: Address, in_force: Mapping[Address, SignedPreferences]) -> bool:
    owners = {recipient, recipient.bureau}
    found = (in_force.get(owner) for owner in owners)
    return any(signed.preferences.refuses(sender) for signed in found if signed is not None)
