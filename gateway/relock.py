"""Another passphrase for a folder of keys, one where there was none, or none any more: a gateway's, the authority's.

Order of work, so that the keys open at every moment, whenever the process is killed: `locking` keeps the vault first,
then encrypts one file after another; `unlocking` decrypts one after another, then takes the vault away; `changing`
locks the same data key again in one step. A plain file beside a vault opens with the vault's passphrase too. Each is a
sequence of steps; what was cut off is finished by asking again. A gateway that runs goes on with the keys that it has.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gateway import keyfiles
from gateway.keyfiles import VAULT_FILE
from schemas.errors import Misuse
from schemas.vault import Vault, lock, unlock


def locking(folder: Path, secret: bytes) -> Iterator[str]:
    """Lock the keys of a folder under a passphrase: what was done, step by step.

    Raises:
        Misuse: they are locked under another one; the passphrase is too short; there are no keys.
    """
    paths = _paths(folder)
    if (folder / VAULT_FILE).exists():
        vault = unlock(keyfiles.read(folder / VAULT_FILE), secret)
    else:
        vault = Vault.make()
        keyfiles.replace_private(folder / VAULT_FILE, lock(vault, secret))
        yield f"{VAULT_FILE} is there"
    yield from _reseal(paths, None, vault)


def unlocking(folder: Path, secret: bytes) -> Iterator[str]:
    """Keep the keys of a folder without a passphrase from now on: what was done, step by step.

    Raises:
        Misuse: the passphrase is another, or the keys are not locked.
    """
    paths, vault = _paths(folder), _vault(folder, secret)
    yield from _reseal(paths, vault, None)
    (folder / VAULT_FILE).unlink()
    yield f"{VAULT_FILE} is gone"


def changing(folder: Path, secret: bytes, following: bytes) -> Iterator[str]:
    """Lock the keys of a folder under another passphrase: what was done, step by step.

    The data key stays: in an old copy of the folder the old passphrase opens what it opened.

    Raises:
        Misuse: the passphrase is another, the new one is too short, or the keys are not locked.
    """
    paths, vault = _paths(folder), _vault(folder, secret)
    keyfiles.replace_private(folder / VAULT_FILE, lock(vault, following))
    yield f"{VAULT_FILE} is locked again"
    yield from _reseal(paths, None, vault)


def _paths(folder: Path) -> list[Path]:
    paths = sorted(folder.glob("*.pem"))
    if not paths:
        raise Misuse(f"there are no keys in {folder}")
    return paths


def _vault(folder: Path, secret: bytes) -> Vault:
    if not (folder / VAULT_FILE).exists():
        raise Misuse(f"the keys in {folder} are not locked: bureaunet-gateway passphrase set")
    return unlock(keyfiles.read(folder / VAULT_FILE), secret)


def _reseal(paths: list[Path], before: Vault | None, after: Vault | None) -> Iterator[str]:
    for path in paths:
        if keyfiles.reseal(path, before, after):
            yield f"{path.name} is {'encrypted' if after else 'not encrypted any more'}"
