"""Another passphrase for a bureau: every kind of key, and a home that opens wherever the process is killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization

from bureaus import enrolment, guard, relock
from bureaus.__main__ import main
from bureaus.store import FILE, Store, identity
from schemas.errors import Misuse
from schemas.identity import Address
from schemas.keys import NoteKey, SealingKey, SigningKey

OLD, NEW = b"the first passphrase", b"the second passphrase"
KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from bureaus import relock
async def run():
    left = int(sys.argv[3])
    secrets = [text.encode() for text in sys.argv[4:]]
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    async for _ in getattr(relock, sys.argv[2])(Path(sys.argv[1]), *secrets):
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(run())
"""
"""Ends itself after so many steps, as a power cut would. The secrets are the test's own."""


async def enrolled(home: Path, secret: bytes | None) -> list[bytes]:
    """A home with keys of every kind: their secrets."""
    await enrolment.request(home, Address("FR"), secret=secret)
    witness = NoteKey.generate("FR")
    async with await Store.open(home / FILE) as store:
        opened = guard.unlock(await store.run(identity.get, identity.VAULT), lambda: secret or b"")
        await store.run(identity.add_witness, witness, 1, opened)
    return await secrets(home, secret)


async def secrets(home: Path, secret: bytes | None) -> list[bytes]:
    """Open a home, with the passphrase where it is locked: the secrets of its keys, the link's too."""
    async with await Store.open(home / FILE) as store:
        locked = await store.run(identity.get, identity.VAULT)
        assert locked is None or secret is not None
        opened = guard.unlock(locked, lambda: secret or b"")
        keys = await store.run(identity.keys, opened)
    assert keys is not None
    pem = (home / enrolment.LINK_KEY).read_bytes()
    locked_pem = pem.startswith(b"-----BEGIN ENCRYPTED")
    link = serialization.load_pem_private_key(pem, opened.password if locked_pem else None)
    assert (home / enrolment.LINK_KEY).stat().st_mode & 0o777 == 0o600
    plain = link.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    found = [
        key.seed
        for key in (*keys.signing, *keys.sealing, *keys.witness)
        if isinstance(key, SigningKey | SealingKey | NoteKey)
    ]
    return [*found, plain]


def files(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())


def killed(home: Path, work: str, steps: int, *given: bytes) -> None:
    command = [sys.executable, "-c", KILLED, str(home), work, str(steps), *(secret.decode() for secret in given)]
    assert subprocess.run(command, check=False).returncode == -9


async def done(home: Path, work: str, *given: bytes) -> None:
    async for _ in getattr(relock, work)(home, *given):
        pass


@pytest.mark.parametrize("steps", [1, 2])
async def test_a_home_killed_while_it_is_locked_opens_and_is_locked_in_the_end(tmp_path: Path, steps: int) -> None:
    kept = await enrolled(tmp_path, None)
    killed(tmp_path, "locking", steps, NEW)
    assert await secrets(tmp_path, NEW) == kept
    await done(tmp_path, "locking", NEW)
    assert await secrets(tmp_path, NEW) == kept
    left = files(tmp_path)
    assert not [secret for secret in kept if secret in left]


@pytest.mark.parametrize("steps", [1, 2])
async def test_a_home_killed_while_it_is_unlocked_opens_and_is_open_in_the_end(tmp_path: Path, steps: int) -> None:
    kept = await enrolled(tmp_path, OLD)
    killed(tmp_path, "unlocking", steps, OLD)
    assert await secrets(tmp_path, OLD) == kept
    if steps < 2:
        await done(tmp_path, "unlocking", OLD)
    assert await secrets(tmp_path, None) == kept


@pytest.mark.parametrize("steps", [0, 1])
async def test_a_home_killed_while_its_passphrase_changes_opens_with_one_of_them(tmp_path: Path, steps: int) -> None:
    kept = await enrolled(tmp_path, OLD)
    killed(tmp_path, "changing", steps, OLD, NEW)
    opens, opens_not = (NEW, OLD) if steps else (OLD, NEW)
    assert await secrets(tmp_path, opens) == kept
    with pytest.raises(Misuse):
        await secrets(tmp_path, opens_not)


async def test_another_passphrase_changes_nothing(tmp_path: Path) -> None:
    kept = await enrolled(tmp_path, OLD)
    for work, given in (
        ("changing", (NEW, OLD)),
        ("unlocking", (NEW,)),
        ("locking", (NEW,)),
        ("changing", (OLD, b"x")),
    ):
        with pytest.raises(Misuse):
            await done(tmp_path, work, *given)
    assert await secrets(tmp_path, OLD) == kept


async def test_a_home_without_a_passphrase_has_none_to_change(tmp_path: Path) -> None:
    await enrolled(tmp_path, None)
    for work, given in (("changing", (OLD, NEW)), ("unlocking", (OLD,))):
        with pytest.raises(Misuse):
            await done(tmp_path, work, *given)


def test_the_command_takes_passphrases_from_private_files_alone(tmp_path: Path) -> None:
    home, old, new = tmp_path / "fr", tmp_path / "old", tmp_path / "new"
    for path, secret in ((old, OLD), (new, NEW)):
        path.write_bytes(secret + b"\n")
        path.chmod(0o600)

    def command(*arguments: str | Path, code: int = 0) -> str:
        said = CliRunner().invoke(main, [*map(str, arguments), "--home", str(home)])
        assert said.exit_code == code, said.output
        return said.output

    command("enrol", "FR", "--no-passphrase")
    command("passphrase", "set", "--new-passphrase-file", old)
    command("passphrase", "change", "--passphrase-file", old, "--new-passphrase-file", new)
    command("passphrase", "remove", "--passphrase-file", old, code=2)
    new.chmod(0o644)
    assert "read by others" in command("passphrase", "remove", "--passphrase-file", new, code=2)
    new.chmod(0o600)
    said = command("passphrase", "remove", "--passphrase-file", new, "--json")
    assert said.strip() == '{"event": "passphrase", "locked": false}'
    assert "give --new-passphrase-file" in command("passphrase", "set", code=2)
