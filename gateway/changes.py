"""What the authority may change in a directory besides whom it lists: states, revocations; and how a change reads.

Pure: a version in, rows or words out. Rules: a withdrawn participant does not resume, it enrols again; a revocation is
by ledger index and is never moved to a later one, since what was void stays void.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, TypeVar

from schemas.directory import Directory, Participant, SealingEntry, SigningEntry, State, Validity
from schemas.errors import Forbidden, Misuse, Reason
from schemas.identity import Address

_EntryT = TypeVar("_EntryT", SigningEntry, SealingEntry)
DAY: Final = 24 * 3600
SHORTEST: Final = 8
"""Hexadecimal digits of a key's id that name it."""
_BEFORE: Final = {
    State.ACTIVE: frozenset({State.SUSPENDED}),
    State.SUSPENDED: frozenset({State.ACTIVE}),
    State.WITHDRAWN: frozenset({State.ACTIVE, State.SUSPENDED}),
}
"""State -> the states that it may follow."""


def row_of(directory: Directory, address: Address) -> Participant:
    """A participant's own row.

    Raises:
        Forbidden: `recipient-unknown`, the directory lists none.
    """
    row = directory.find(address)
    if row is None or row.address != address:
        raise Forbidden(Reason.RECIPIENT_UNKNOWN, f"the directory has no row for {address}")
    return row


def with_state(row: Participant, state: State) -> Participant:
    """The row in another state.

    Raises:
        Forbidden: `sender-suspended`, it cannot go there from its own.
    """
    if row.state not in _BEFORE[state]:
        raise Forbidden(Reason.SENDER_SUSPENDED, f"{row.address} is {row.state} and cannot become {state}")
    return replace(row, state=state)


def with_revoked(row: Participant, key: str, void_from: int) -> Participant:
    """The row with one key void from a ledger index on; `key` is the beginning of its id, in hexadecimal.

    Raises:
        Misuse: it names no key, or two. Forbidden: `key-void`, the key is void from an earlier index on.
    """
    digits = key.replace(" ", "").lower()
    found = [entry for entry in _entries(row) if len(digits) >= SHORTEST and entry.key.key_id.hex().startswith(digits)]
    if len(found) != 1:
        raise Misuse(f"{key} names {len(found)} keys of {row.address}; give {SHORTEST} digits of one, or more")
    (chosen,) = found
    before = chosen.validity.void_from
    if before is not None and before <= void_from:
        raise Forbidden(Reason.KEY_VOID, f"the key is void from {before} on already")
    signing = tuple(_void(entry, chosen.key.key_id, void_from) for entry in row.signing)
    sealing = tuple(_void(entry, chosen.key.key_id, void_from) for entry in row.sealing)
    return replace(row, signing=signing, sealing=sealing)


def _entries(row: Participant) -> tuple[SigningEntry | SealingEntry, ...]:
    return (*row.signing, *row.sealing)


def _void(entry: _EntryT, key_id: bytes, void_from: int) -> _EntryT:
    if entry.key.key_id != key_id:
        return entry
    return replace(entry, validity=replace(entry.validity, void_from=void_from))


def usable(row: Participant, now: int) -> bool:
    """Whether a signing key of the row holds at `now`, in seconds, and was not revoked."""
    return any(entry.validity.covers(now) and entry.validity.void_from is None for entry in row.signing)


def expiring(directory: Directory, now: int, within_days: int) -> list[tuple[Address, int]]:
    """Whose keys end within so many days, and in how many whole days; 0 is today, or over already."""
    found: list[tuple[Address, int]] = []
    for row in directory.participants:
        left = (row.lapses if row.lapses is not None else 0) - now
        if row.state is not State.WITHDRAWN and left < within_days * DAY:
            found.append((row.address, max(0, left // DAY)))
    return sorted(found, key=lambda one: (one[1], one[0]))


def describe(before: Directory | None, after: Directory) -> Iterator[str]:
    """What a version changes, a line each: for those who sign it and those who load it."""
    old = {} if before is None else {row.address: row for row in before.participants}
    new = {row.address: row for row in after.participants}
    for address in sorted(old.keys() - new.keys()):
        yield f"{address}: its row is gone"
    for address in sorted(new):
        yield from _row_changes(old.get(address), new[address])
    if before is not None and before.services != after.services:
        yield "the gateway's keys change"
    if after.succession is not None:
        ids = ", ".join(key.key_id.hex()[:16] for key in after.succession.keys)
        yield f"the authority is succeeded: {after.succession.needed} of {ids}"
    if (before.witnesses if before else None) != after.witnesses:
        yield _witness_change(after)


def _witness_change(after: Directory) -> str:
    named = after.witnesses
    if named is None or not named.keys:
        return "no witnesses are named: the log's word stands alone"
    keys = ", ".join(f"{name} {hashlib.sha256(key.raw).hexdigest()[:16]}" for name, key in sorted(named.keys.items()))
    return f"witnesses: {named.quorum} of {len(named.keys)} sign, {named.dishonest} may be dishonest: {keys}"


def _row_changes(old: Participant | None, new: Participant) -> Iterator[str]:
    if old is None:
        yield f"{new.address}: new, {new.kind}, {new.name!r}, signing key {new.signing[0].key.key_id.hex()[:16]}"
        return
    if old.state is not new.state:
        yield f"{new.address}: {old.state} becomes {new.state}"
    validities = {entry.key.key_id: entry.validity for entry in _entries(old)}
    for entry in _entries(new):
        yield from _key_changes(new.address, entry, validities.pop(entry.key.key_id, None))
    for key_id in validities:
        yield f"{new.address}: key {key_id.hex()[:16]} is gone"
    if replace(old, state=new.state, signing=new.signing, sealing=new.sealing) != new:
        yield f"{new.address}: kind, name, link or units change"


def _key_changes(address: Address, entry: SigningEntry | SealingEntry, old: Validity | None) -> Iterator[str]:
    name = f"{address}: {'signing' if isinstance(entry, SigningEntry) else 'sealing'} key {entry.key.key_id.hex()[:16]}"
    if old is None:
        yield f"{name} is new"
    elif old.void_from != entry.validity.void_from:
        yield f"{name} is void from ledger index {entry.validity.void_from} on"
    elif old != entry.validity:
        yield f"{name} ends at another time"
