"""Another passphrase for a bureau's keys, one where there was none, or none any more; of keys of every kind alike.

Order of work, so that a home works at every moment, whenever the process is killed: `locking` seals the keys in the
store and keeps the locked data key in one commit, then encrypts the link's key files; `unlocking` decrypts those files
first, then opens the store's keys in one commit; `changing` locks the same data key again in one commit. Each is a
sequence of steps; a program that opens the home between two of them finds keys that it can use. What was cut off is
finished by asking again. Rules: the bureau is not open meanwhile; a token's PIN is the token's to change.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bureaus import enrolment
from bureaus.guard import Guard
from bureaus.rotation import NEXT_KEY
from bureaus.store import FILE, Store, identity
from bureaus.token import place_of
from schemas.errors import Misuse
from schemas.vault import Vault, lock, unlock

LINK_KEYS: Final = (enrolment.LINK_KEY, NEXT_KEY)


async def locking(home: Path, secret: bytes) -> AsyncIterator[str]:
    """Lock the keys of a home under a passphrase: what was done, step by step.

    Raises:
        Misuse: they are locked under another one, or by a token; the passphrase is too short; the bureau is open.
    """
    async with await _opened(home) as store:
        locked = await store.run(identity.get, identity.VAULT)
        if locked is None:
            vault = Vault.make()
            locked = await asyncio.to_thread(lock, vault, secret)
            await store.run(_seal_all, vault, locked)
            yield "the store's keys are sealed"
        else:
            vault = await _unlocked(locked, secret)
        async for step in _files(home, vault):
            yield step


async def unlocking(home: Path, secret: bytes) -> AsyncIterator[str]:
    """Keep the keys of a home without a passphrase from now on: what was done, step by step.

    Raises:
        Misuse: the passphrase is another; the keys are not locked, or by a token; the bureau is open.
    """
    async with await _opened(home) as store:
        vault = await _unlocked(await store.run(identity.get, identity.VAULT), secret)
        async for step in _files(home, None, vault):
            yield step
        await store.run(_open_all, vault)
        yield "the store's keys are open"


async def changing(home: Path, secret: bytes, following: bytes) -> AsyncIterator[str]:
    """Lock the keys of a home under another passphrase: what was done, step by step.

    The data key stays: in an old copy of the home the old passphrase opens what it opened.

    Raises:
        Misuse: the passphrase is another; the new one is too short; the keys are not locked, or by a token; the bureau
            is open.
    """
    async with await _opened(home) as store:
        vault = await _unlocked(await store.run(identity.get, identity.VAULT), secret)
        locked = await asyncio.to_thread(lock, vault, following)
        await store.run(_put_vault, locked)
        yield "the data key is locked again"
        async for step in _files(home, vault):
            yield step


async def _opened(home: Path) -> Store:
    if not await asyncio.to_thread((home / FILE).exists):
        raise Misuse(f"{home} is not enrolled: bureaunet enrol CODE --home {home}")
    return await Store.open(home / FILE)


async def _unlocked(locked: bytes | None, secret: bytes) -> Vault:
    if locked is None:
        raise Misuse("the keys are not locked: bureaunet passphrase set")
    if place_of(locked) is not None:
        raise Misuse("the keys are locked by a token: its PIN is changed with the token's own tools")
    return await asyncio.to_thread(unlock, locked, secret)


def _seal_all(db: sqlite3.Connection, vault: Vault, locked: bytes) -> None:
    db.execute("PRAGMA secure_delete = ON")  # what stood in their place is overwritten with zeros
    _rewrite(db, Guard(), Guard(vault))
    identity.put(db, {identity.VAULT: locked})


def _open_all(db: sqlite3.Connection, vault: Vault) -> None:
    _rewrite(db, Guard(vault), Guard())
    identity.remove(db, identity.VAULT)


def _put_vault(db: sqlite3.Connection, locked: bytes) -> None:
    identity.put(db, {identity.VAULT: locked})


def _rewrite(db: sqlite3.Connection, before: Guard, after: Guard) -> None:
    for key_id, kept in identity.secrets(db):
        identity.rewrite_secret(db, key_id, after.keep(key_id, before.give(key_id, kept)))


async def _files(home: Path, vault: Vault | None, before: Vault | None = None) -> AsyncIterator[str]:
    for path in (home / name for name in LINK_KEYS):
        if await asyncio.to_thread(_reseal, path, vault, before):
            yield f"{path.name} is {'encrypted' if vault else 'not encrypted any more'}"


def _reseal(path: Path, vault: Vault | None, before: Vault | None) -> bool:
    """Whether the file had to be written anew."""
    if not path.exists():
        return False
    data = path.read_bytes()
    if data.startswith(b"-----BEGIN ENCRYPTED") == (vault is not None):
        return False
    key = serialization.load_pem_private_key(data, None if before is None else before.password)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise Misuse(f"{path} is no link's key")
    _replace(path, enrolment.pem_of(key, Guard(vault)))
    return True


def _replace(path: Path, data: bytes) -> None:
    """Put a private file in place of another: whole, or not at all."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)  # one that was cut off
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
