"""The gateway's and the authority's private keys on disk: encrypted unless someone said otherwise.

The command line runs as a process of its own, as operators run it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import keyfiles, passphrase
from gateway.service import make_service, open_service, pinned_network
from schemas.errors import Misuse

PASSPHRASE = b"a passphrase for tests"
NOW = 1_800_000_000


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.write_bytes(PASSPHRASE + b"\n")
    path.chmod(0o600)
    return path


def command(*arguments: str | Path, descriptor: int | None = None) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path.cwd())}
    return subprocess.run(
        [sys.executable, "-m", "gateway", *map(str, arguments)],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        pass_fds=() if descriptor is None else (descriptor,),
    )


def begin(tmp_path: Path, *how: str | Path) -> subprocess.CompletedProcess[str]:
    return command("init", "--home", tmp_path / "gw", "--origin", "log.test", *how)


def test_without_a_passphrase_and_without_a_word_no_key_is_made(tmp_path: Path) -> None:
    said = begin(tmp_path)
    assert said.returncode == 2
    assert "--no-passphrase" in said.stderr
    assert not (tmp_path / "gw" / "keys").exists()


def test_unencrypted_keys_are_made_when_asked_for_and_it_is_said(tmp_path: Path) -> None:
    said = begin(tmp_path, "--no-passphrase")
    assert said.returncode == 0
    assert "NOT encrypted" in said.stderr
    assert (tmp_path / "gw" / "keys" / "log.pem").read_bytes().startswith(b"-----BEGIN PRIVATE KEY")


def test_a_network_is_made_and_opened_under_passphrases(tmp_path: Path, secret: Path) -> None:
    gateway, authority = tmp_path / "gw", tmp_path / "authority"
    how = ("--passphrase-file", secret)
    assert begin(tmp_path, *how).returncode == 0
    service = ("--service", gateway / "service-request.cbor", "--name", "Test")
    made = command("authority", "init", "--home", authority, *service, *how)
    assert made.returncode == 0, made.stderr
    for path in [*(gateway / "keys").glob("*.pem"), *(authority / "keys").glob("*.pem")]:
        assert path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY"), path
    given = ("--certificate", authority / "certificates" / "gateway.pem", "--ca", authority / "ca.pem")
    complete = ("init", "--home", gateway, "--network", authority / "network.bn", *given)
    assert command(*complete).returncode == 2
    reader, writer = os.pipe()
    os.write(writer, PASSPHRASE + b"\n")
    os.close(writer)
    done = command(*complete, "--passphrase-fd", str(reader), descriptor=reader)
    os.close(reader)
    assert done.returncode == 0, done.stderr
    passphrase.choose(file=secret)
    opened = open_service(gateway)
    assert opened.tls_password is not None
    assert opened.tls_password.decode() not in repr(opened)
    assert pinned_network(gateway).id == opened.network.id
    for output in (made, done):
        assert PASSPHRASE.decode() not in output.stdout + output.stderr


def test_another_passphrase_opens_nothing(tmp_path: Path, secret: Path) -> None:
    make_service(tmp_path / "gw", "log.test", [], NOW, PASSPHRASE)
    secret.write_bytes(b"another passphrase\n")
    passphrase.choose(file=secret)
    with pytest.raises(Misuse, match="another passphrase"):
        keyfiles.open_vault(tmp_path / "gw" / "keys", "the gateway")


def test_a_passphrase_that_others_can_read_is_refused(secret: Path) -> None:
    secret.chmod(0o640)
    with pytest.raises(Misuse, match="chmod 600"):
        passphrase.read_file(secret)


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\nsecond line"])
def test_an_empty_passphrase_is_refused(secret: Path, content: bytes) -> None:
    secret.write_bytes(content)
    with pytest.raises(Misuse):
        passphrase.read_file(secret)


def test_an_encrypted_key_without_its_vault_is_refused(tmp_path: Path) -> None:
    make_service(tmp_path / "gw", "log.test", [], NOW, PASSPHRASE)
    with pytest.raises(Misuse, match=r"vault\.cbor"):
        keyfiles.load_signing_key(tmp_path / "gw" / "keys" / "acceptance.pem")


def test_several_workers_read_the_passphrase_from_a_file(tmp_path: Path) -> None:
    make_service(tmp_path / "gw", "log.test", [], NOW, PASSPHRASE)
    said = command(
        "serve", "--home", tmp_path / "gw", "--workers", "2", "--database", "postgresql+asyncpg://u@127.0.0.1/x"
    )
    assert said.returncode == 2
    assert "--passphrase-file" in said.stderr
