"""Signatures of the authority made apart: each holder signs a draft at home, and the parts are joined into a version.

    HOLDER/network.bn keys/authority-N.pem   one holder's folder: a key of the authority and what it signs for

Order of work: `hand_out` moves each key into its holder's folder, once; a change then makes a draft in the authority's
folder; each holder looks at it (`read_draft`) and makes a part (`sign`); `join` puts them together. Rules: a holder
signs only what follows the version that it is shown as the one before; whoever joins needs no key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway import changes, keyfiles
from gateway.authority import Authority
from schemas import threshold
from schemas.directory import DIRECTORY_TYP, Directory, read_directory, read_payload
from schemas.errors import Misuse, Reason, Untrusted
from schemas.network import read_network

NETWORK_FILE = "network.bn"


@dataclass(frozen=True, slots=True)
class Draft:
    """A version to sign, and what it changes, in words."""

    payload: bytes
    version: Directory
    changes: tuple[str, ...]


def hand_out(authority: Authority, number: int, to: Path, secret: bytes | None) -> Path:
    """Move one of the authority's keys into its holder's own folder, under a passphrase of the holder's own.

    Raises:
        Misuse: there is no such key, or the folder holds one already.
    """
    name = f"authority-{number}.pem"
    source = authority.home / "keys" / name
    key = keyfiles.load_signing_key(source, keyfiles.open_vault(authority.home / "keys", "the authority"))
    to.mkdir(parents=True, exist_ok=True, mode=0o700)
    vault = keyfiles.new_vault(to / "keys", secret)
    path = to / "keys" / name
    keyfiles.keep_signing_key(path, key, vault)
    keyfiles.write_public(to / NETWORK_FILE, authority.network.raw)
    source.unlink()
    return path


def read_draft(home: Path, payload: bytes, versions: Sequence[bytes]) -> Draft:
    """A draft as a holder must look at it: it follows the last of `versions`, all that were signed, in order.

    Raises:
        Malformed, Untrusted: the versions do not verify; `version-order`, the draft does not follow them.
    """
    network = read_network(keyfiles.read(home / NETWORK_FILE))
    before: Directory | None = None
    for raw in versions:
        before = read_directory(raw, network, before)
    version = read_payload(payload)
    expected = (1, None) if before is None else (before.version + 1, before.hash)
    if (version.version, version.previous) != expected or version.encode() != payload:
        raise Untrusted(Reason.VERSION_ORDER, "the draft does not follow the version before it")
    return Draft(payload, version, tuple(changes.describe(before, version)))


def sign(home: Path, draft: Draft) -> list[bytes]:
    """A holder's parts of a version: one for each key in its folder.

    Raises:
        Misuse: there is no key.
    """
    network = read_network(keyfiles.read(home / NETWORK_FILE))
    paths = sorted((home / "keys").glob("authority-*.pem"))
    if not paths:
        raise Misuse(f"there is no key of the authority in {home / 'keys'}")
    vault = keyfiles.open_vault(home / "keys", f"the holder in {home}")
    keys = [keyfiles.load_signing_key(path, vault) for path in paths]
    return [threshold.sign_part(DIRECTORY_TYP, draft.payload, key, network.id) for key in keys]


def join(authority: Authority, parts: Sequence[bytes]) -> Path:
    """The version of parts that were made apart, kept in the authority's folder.

    Raises:
        Malformed, Untrusted: they are of different versions, too few, or by others; it does not follow the one before.
    """
    return authority.adopt(threshold.join(dict.fromkeys(parts), DIRECTORY_TYP))
