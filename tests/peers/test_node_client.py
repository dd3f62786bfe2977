"""The client in JavaScript asks a bureau of ours over a real gateway, and sees what is forged."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bureaus.testing import Countries, Gateway, assert_record_verifies
from schemas.messages import WhereaboutsResponse
from schemas.messages.codes import Finding

ROOT = Path(__file__).parents[2]
PEERS = ROOT / "tests" / "peers"
NODE = ROOT / ".venv-peers" / "bin" / "node"

pytestmark = [
    pytest.mark.peers,
    pytest.mark.bureaunet("BR", "FR"),
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not (NODE.exists() and (PEERS / "node_modules" / "hpke").exists()),
        reason="Node's hpke is not installed: run make peers",
    ),
]


@pytest.fixture
def client(tmp_path: Path) -> Path:
    """The client's folder, with the packages that it names."""
    folder = shutil.copytree(ROOT / "examples" / "node", tmp_path / "node")
    (folder / "node_modules").symlink_to(PEERS / "node_modules")
    return folder


async def _enrolled(bureaus: Countries, gateway: Gateway, home: Path) -> Path:
    """AR, enrolled on the network that runs: its home, with what the authority gave."""
    authority = bureaus.site.network_file.parent
    script = [sys.executable, str(ROOT / "examples" / "node" / "enrol.py"), "AR", str(home)]
    done = await asyncio.to_thread(
        subprocess.run, script, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    request = done.stdout.strip()
    await bureaus.site.command("authority", "approve", "--home", authority, request)
    await gateway.command("participant", "load", authority / "directory.cbor")
    shutil.copy(authority / "certificates" / "AR.pem", home / "link.pem")
    shutil.copy(authority / "ca.pem", home / "ca.pem")
    return home


async def _run(client: Path, *arguments: object) -> tuple[int, list[dict[str, object]], str]:
    """The client's exit code, the lines that it printed, and what it complained of."""
    command = [str(NODE), str(client / "ask.js"), *map(str, arguments)]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, [json.loads(line) for line in out.splitlines()], err.decode()


async def test_it_asks_opens_the_answer_and_checks_the_receipt(
    bureaus: Countries, gateway: Gateway, client: Path, tmp_path: Path
) -> None:
    home = await _enrolled(bureaus, gateway, tmp_path / "ar")
    await bureaus.open_operation("node", "AR", "BR")
    bureaus.answer("BR", WhereaboutsResponse(finding=Finding.NO_TRACE, case="AR-1"))
    network = bureaus.site.network_file
    code, said, complaint = await _run(client, home, network, gateway.url, "BR", "node", "AR-1")
    assert code == 0, complaint
    assert said[0]["accepted"] is True
    assert isinstance(said[0]["index"], int)
    assert said[1] == {"from": "BR", "code": "final", "finding": "NO_TRACE", "case": "AR-1"}
    await assert_record_verifies(bureaus, "node")

    code, said, _ = await _run(client, home, network, gateway.url, "FR", "node", "AR-1")
    assert (code, said[0]["accepted"], said[0]["reason"]) == (1, False, "recipient-not-member")

    forged = tmp_path / "forged.bn"
    forged.write_bytes(network.read_bytes().replace(b"sandbox.bureaunet", b"sandbox.bureaunot"))
    code, said, complaint = await _run(client, home, forged, gateway.url, "BR", "node", "AR-1")
    assert (code, said) == (1, [])
    assert "reason: 'signature'" in complaint


def test_it_names_the_packages_that_the_tests_install() -> None:
    ours, theirs = (json.loads((folder / "package.json").read_text()) for folder in (ROOT / "examples/node", PEERS))
    assert ours["dependencies"].items() <= theirs["dependencies"].items()
