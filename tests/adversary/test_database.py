"""What a reader of the gateway's database and files finds, and what a writer of it cannot hide."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from schemas.errors import Unavailable
from schemas.wire import encode_submission
from tests.adversary.forging import honest
from tests.adversary.scene import Scene

pytestmark = [pytest.mark.broker, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(400)]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def test_a_reader_of_the_database_and_the_log_finds_no_content_and_no_bureaus_key(scene: Scene) -> None:
    case = f"CASE-{uuid4().hex}"
    envelope = honest(scene, "FR", "BR", content=b'{"asked":["status"],"case":"%b"}' % case.encode())
    assert (await scene.submit("FR", encode_submission(envelope))).accepted
    held = files(scene.home)
    assert any(envelope.digest in data for data in held.values()), "it is there, sealed"
    secrets = [case.encode(), *(one.signing.seed for one in scene.parties.values())]
    secrets += [one.sealing.seed for one in scene.parties.values()]
    for name, data in [*held.items(), ("log", scene.log.read_bytes())]:
        assert not [secret for secret in secrets if secret in data], name


async def test_a_changed_database_does_not_verify(scene: Scene, tmp_path: Path) -> None:
    """Whoever writes to the database can change what it says, and `ledger verify` says that it was changed."""
    assert (await scene.submit("FR", encode_submission(honest(scene, "FR", "BR")))).accepted
    copy = tmp_path / "gw"
    shutil.copytree(scene.home, copy, ignore=shutil.ignore_patterns("ledger.db*", ".high-water.*"))
    with (
        closing(sqlite3.connect(scene.home / "ledger.db")) as there,
        closing(sqlite3.connect(copy / "ledger.db")) as here,
    ):
        there.backup(here)
    await scene.command("ledger", "verify", "--home", copy)
    with closing(sqlite3.connect(copy / "ledger.db")) as here, here:
        here.execute("UPDATE leaf SET entry = replace(entry, CAST('FR' AS BLOB), CAST('BR' AS BLOB)) WHERE idx < 5")
        here.execute("UPDATE leaf SET entry = CAST(entry || x'00' AS BLOB) WHERE idx = 1")
    with pytest.raises(Unavailable, match="exited with code 1"):
        await scene.command("ledger", "verify", "--home", copy)
