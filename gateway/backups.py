"""Backup and restore of a gateway's database, as one file.

A backup is a tar file of two members: `manifest.json` (what it is of, its checksum, the newest checkpoint that it is
sure to hold) and `database` (gateway/adapters/sql/dump.py). The gateway's keys and the high-water mark are not in it:
keys are kept apart, once; the mark must not go back in time.

Order of a restore: the file is read whole and checked, the database is put in place, then its tree is compared with the
high-water mark. A database behind the mark is said to be so here, and refused by `serve`.
"""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from gateway import keyfiles
from gateway.adapters.sql import dump
from gateway.adapters.sql.database import Database
from gateway.adapters.sql.schema import revision
from gateway.app import open_records
from gateway.highwater import FileMark
from gateway.operators import Action, act, operator_id
from gateway.service import NETWORK_FILE
from gateway.settings import load
from schemas.errors import Misuse
from schemas.network import read_network
from schemas.notes import read_body

FORMAT: Final = "bureaunet-backup/1"
_MANIFEST: Final = "manifest.json"
_DATABASE: Final = "database"
_CHUNK: Final = 1 << 20
_MANIFEST_SIZE: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup is of."""

    format: str
    backend: str
    network: str
    """The network's id in hexadecimal."""
    time: int
    """Seconds since the epoch, when it was begun."""
    size: int
    """Of the newest checkpoint when it was begun; the backup holds at least this."""
    sha256: str
    """Of the member `database`."""
    sealed: int = 0
    """Sealed parts that it holds, as near as could be told when it was begun."""
    first_due: str | None = None
    """The day on which the first of them is to be erased, as YYYY-MM-DD by UTC."""
    last_due: str | None = None
    """The day on which the last is: from then on the file must be gone."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did."""

    manifest: Manifest
    size: int
    """Of the tree in the database now."""
    behind: int | None
    """Size of the tree that was published and that the database is behind of; None where it is not."""


async def back_up(home: Path, out: Path, operator: str, programs: Path | None = None) -> Manifest:
    """Copy the database of the gateway in `home` into the new file `out`; gateways may run meanwhile.

    Raises:
        Misuse: `out` is there already, or pg_dump is not installed, or the database is of another version, which is
            not changed for this. Malformed: the operator's name. Unavailable.
    """
    if out.exists():  # noqa: ASYNC240  # a command's own loop, which nothing else waits for
        raise Misuse(f"{out} is there already; a backup is never overwritten")
    settings = load(home, os.environ)
    async with open_records(home, settings, migrate=False) as records:
        who = operator_id(records.network.id, operator)
        note = await records.tree.checkpoint()
        await act(records.store, records.clock, who, Action.BACKUP)
        network = records.network.id.hex()
        sealed, first, last = await records.store.sealed_kept()
    with _folder(out) as folder:
        copy = folder / _DATABASE
        begun = int(time.time())
        await dump.dump(settings.database_url, copy, programs)
        size = 0 if note is None else read_body(note)[0].size
        kept = sealed, _date(first), _date(last)
        manifest = Manifest(FORMAT, dump.backend(settings.database_url), network, begun, size, _sha256(copy), *kept)
        _pack(folder, manifest, out)
    return manifest


async def bring_back(
    home: Path, file: Path, operator: str, programs: Path | None = None, *, replace: bool = False
) -> Restored:
    """Put the backup `file` in place of the database of the gateway in `home`, while no gateway runs.

    Raises:
        Misuse: it is no backup, or of another network or kind of database, or damaged; or the database holds something
            and `replace` is false; or pg_restore is not installed. Malformed: the operator's name. Unavailable.
    """
    settings, network = load(home, os.environ), read_network(keyfiles.read(home / NETWORK_FILE))
    url = settings.database_url
    who = operator_id(network.id, operator)
    with _folder(home / _DATABASE) as folder:
        manifest = _unpack(file, folder)
        if (manifest.network, manifest.backend) != (network.id.hex(), dump.backend(url)):
            raise Misuse(f"the backup is of network {manifest.network[:16]}, on {manifest.backend}: not this gateway's")
        if not replace and await _holds_something(url):
            raise Misuse("the database holds something already; --replace puts the backup in its place")
        await dump.restore(url, folder / _DATABASE, programs, replace=replace)
    async with open_records(home, settings) as records:
        size, _ = await records.tree.head()
        mark = await FileMark(settings.state_folder).read()
        behind = mark.size if mark is not None and mark.size > size else None
        if behind is None:  # else nothing may be added to it
            await act(records.store, records.clock, who, Action.RESTORE)
    return Restored(manifest, size, behind)


async def _holds_something(url: str) -> bool:
    if dump.backend(url) == dump.SQLITE:
        return False  # the file itself is looked for
    database = Database(url)
    try:
        return await revision(database) is not None
    finally:
        await database.close()


@contextmanager
def _folder(beside: Path) -> Iterator[Path]:
    """A private folder on the same disk."""
    with tempfile.TemporaryDirectory(prefix=".bureaunet-backup-", dir=beside.absolute().parent) as name:
        yield Path(name)


def _date(day: int | None) -> str | None:
    return None if day is None else datetime.fromtimestamp(day * 86_400, UTC).date().isoformat()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pack(folder: Path, manifest: Manifest, out: Path) -> None:
    """Write the file beside its place, sync it, and move it there."""
    (folder / _MANIFEST).write_text(json.dumps(asdict(manifest), indent=1) + "\n", "utf-8")
    fresh = folder / "whole"
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            for name in (_MANIFEST, _DATABASE):
                archive.add(folder / name, name)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(out)


def _unpack(file: Path, folder: Path) -> Manifest:
    """Read both members, checked."""
    try:
        with tarfile.open(file, "r:") as archive:
            manifest = _read_manifest(archive)
            database = archive.extractfile(_DATABASE)
            if database is None:
                raise Misuse(f"{file} is no backup of a gateway")
            with (folder / _DATABASE).open("wb") as out:
                while piece := database.read(_CHUNK):
                    out.write(piece)
    except (OSError, tarfile.TarError, KeyError, ValueError, TypeError) as error:
        raise Misuse(f"{file} is no backup of a gateway ({type(error).__name__})") from None
    if _sha256(folder / _DATABASE) != manifest.sha256:
        raise Misuse(f"{file} is damaged: its database has another checksum")
    return manifest


def _read_manifest(archive: tarfile.TarFile) -> Manifest:
    member = archive.extractfile(_MANIFEST)
    said = json.loads(b"" if member is None else member.read(_MANIFEST_SIZE))
    manifest = Manifest(**said)
    if manifest.format != FORMAT:
        raise Misuse(f"a backup of format {manifest.format}; this gateway reads {FORMAT}")
    return manifest
