"""Which keys and rows of a directory version count for what was decided at a moment and a ledger index.

Shared by whoever verifies what is past: an operation's record (`schemas/record.py`), one message (`disclosure.py`).
"""

from __future__ import annotations

from schemas.directory import Directory, Participant, SigningEntry, Use
from schemas.errors import Reason, Untrusted
from schemas.identity import Address
from schemas.keys import SigningPublic


def acceptance_keys(directory: Directory, seconds: int, index: int) -> dict[bytes, SigningPublic]:
    """The gateway's keys, by key id, that a receipt of that time and ledger index may be signed with."""
    return {
        one.key.key_id: one.key
        for one in directory.services
        if one.use is Use.ACCEPTANCE and one.validity.covers(seconds) and not one.validity.void_at(index)
    }


def row_of(directory: Directory, address: Address) -> Participant:
    """The row that serves an address.

    Raises:
        Untrusted: `key-unknown`.
    """
    row = directory.find(address)
    if row is None:
        raise Untrusted(Reason.KEY_UNKNOWN, f"{address} is not in the directory")
    return row


def owned_key(directory: Directory, owner: Address, key_id: bytes) -> SigningEntry:
    """The signing key of this id, which must be one of the row that serves `owner`.

    Raises:
        Untrusted: `key-unknown`.
    """
    found = directory.signing(key_id)
    if found is None or found[0].address != row_of(directory, owner).address:
        raise Untrusted(Reason.KEY_UNKNOWN, f"the key is not one of {owner}")
    return found[1]
