"""Another passphrase for a gateway's and the authority's keys: they open wherever the process is killed."""

from __future__ import annotations

import subprocess
import sys
from collections import deque
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway import keyfiles, relock
from gateway.__main__ import main
from schemas.errors import Misuse
from schemas.vault import unlock

OLD, NEW = b"the first passphrase", b"the second passphrase"
KILLED = """
import os, signal, sys
from pathlib import Path
from gateway import relock
left = int(sys.argv[3])
for _ in getattr(relock, sys.argv[2])(Path(sys.argv[1]), *(text.encode() for text in sys.argv[4:])):
    left -= 1
    if not left:
        break
os.kill(os.getpid(), signal.SIGKILL)
"""
"""Ends itself after so many steps, as a power cut would. The secrets are the test's own."""


def made(folder: Path, secret: bytes | None) -> list[bytes]:
    """A folder with one key of each kind: their secrets."""
    vault = keyfiles.new_vault(folder, secret)
    keyfiles.new_signing_key(folder / "acceptance.pem", vault)
    keyfiles.new_note_key(folder / "log.pem", "log.test", vault)
    keyfiles.new_tls_key(folder / "tls.pem", vault)
    return secrets(folder, secret)


def secrets(folder: Path, secret: bytes | None) -> list[bytes]:
    """Open a folder, with the passphrase where it has a vault: the secrets of its keys."""
    path = folder / keyfiles.VAULT_FILE
    vault = unlock(path.read_bytes(), secret or b"") if path.exists() else None
    tls = keyfiles.load_tls_key(folder / "tls.pem", vault).private_numbers().private_value.to_bytes(32)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    signing = keyfiles.load_signing_key(folder / "acceptance.pem", vault).seed
    return [signing, keyfiles.load_note_key(folder / "log.pem", "log.test", vault).seed, tls]


def killed(folder: Path, work: str, steps: int, *given: bytes) -> None:
    command = [sys.executable, "-c", KILLED, str(folder), work, str(steps), *(secret.decode() for secret in given)]
    assert subprocess.run(command, check=False).returncode == -9


def encrypted(folder: Path) -> int:
    return sum(path.read_bytes().startswith(b"-----BEGIN ENCRYPTED") for path in folder.glob("*.pem"))


@pytest.mark.parametrize("steps", [1, 2])
def test_keys_killed_while_they_are_locked_open_and_are_locked_in_the_end(tmp_path: Path, steps: int) -> None:
    kept = made(tmp_path, None)
    killed(tmp_path, "locking", steps, NEW)
    assert encrypted(tmp_path) == steps - 1
    assert secrets(tmp_path, NEW) == kept
    deque(relock.locking(tmp_path, NEW), maxlen=0)
    assert secrets(tmp_path, NEW) == kept
    assert encrypted(tmp_path) == 3


@pytest.mark.parametrize("steps", [1, 3])
def test_keys_killed_while_they_are_unlocked_open_and_are_open_in_the_end(tmp_path: Path, steps: int) -> None:
    kept = made(tmp_path, OLD)
    killed(tmp_path, "unlocking", steps, OLD)
    assert encrypted(tmp_path) == max(0, 3 - steps)
    assert secrets(tmp_path, OLD) == kept
    deque(relock.unlocking(tmp_path, OLD), maxlen=0)
    assert not (tmp_path / keyfiles.VAULT_FILE).exists()
    assert secrets(tmp_path, None) == kept


def test_keys_killed_after_the_change_open_with_the_new_passphrase_alone(tmp_path: Path) -> None:
    kept = made(tmp_path, OLD)
    killed(tmp_path, "changing", 1, OLD, NEW)
    assert secrets(tmp_path, NEW) == kept
    with pytest.raises(Misuse):
        secrets(tmp_path, OLD)


def test_a_file_that_was_cut_off_is_written_again(tmp_path: Path) -> None:
    kept = made(tmp_path, OLD)
    (tmp_path / f".{keyfiles.VAULT_FILE}.new").write_bytes(b"half")
    (tmp_path / f".{keyfiles.VAULT_FILE}.new").chmod(0o600)
    deque(relock.changing(tmp_path, OLD, NEW), maxlen=0)
    assert secrets(tmp_path, NEW) == kept


def test_another_passphrase_changes_nothing(tmp_path: Path) -> None:
    kept = made(tmp_path, OLD)
    for steps in (
        relock.changing(tmp_path, NEW, OLD),
        relock.changing(tmp_path, OLD, b"x"),
        relock.locking(tmp_path, NEW),
        relock.locking(tmp_path / "nowhere", NEW),
    ):
        with pytest.raises(Misuse):
            deque(steps, maxlen=0)
    assert secrets(tmp_path, OLD) == kept


def test_the_command_takes_passphrases_from_private_files_alone(tmp_path: Path) -> None:
    home, old, new = tmp_path / "gw", tmp_path / "old", tmp_path / "new"
    for path, secret in ((old, OLD), (new, NEW)):
        path.write_bytes(secret + b"\n")
        path.chmod(0o600)
    kept = made(home / "keys", None)

    def command(*arguments: str | Path, code: int = 0) -> str:
        said = CliRunner().invoke(main, ["passphrase", *map(str, arguments), "--home", str(home)])
        assert said.exit_code == code, said.output
        return said.output

    command("set", "--new-passphrase-file", old)
    command("change", "--passphrase-file", old, "--new-passphrase-file", new)
    assert secrets(home / "keys", NEW) == kept
    command("remove", "--passphrase-file", old, code=2)
    old.chmod(0o640)
    assert "read by others" in command("set", "--new-passphrase-file", old, code=2)
    assert command("remove", "--passphrase-file", new, "--json").strip() == '{"locked": false}'
    assert secrets(home / "keys", None) == kept
