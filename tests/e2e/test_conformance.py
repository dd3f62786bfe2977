"""The conformance kit on our SDK and on the Node client: both conform; with one check taken away, each is caught."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from bureaus.conformance.dialogue import Stage, stage, talk_live
from bureaus.conformance.findings import Finding, Verdict
from bureaus.conformance.kit import offline
from bureaus.conformance.peer import CommandPeer
from schemas.directory import Link

ROOT: Final = Path(__file__).parents[2]
PEERS: Final = ROOT / "tests" / "peers"
NODE: Final = ROOT / ".venv-peers" / "bin" / "node"
OURS: Final = f"{sys.executable} -m bureaus.conformance.driver"
MARK: Final = re.compile(r" // check: ([a-z-]+)$", re.MULTILINE)

needs_node = pytest.mark.skipif(
    not (NODE.exists() and (PEERS / "node_modules" / "hpke").exists()),
    reason="Node's hpke is not installed: run make peers",
)

BY_VECTORS: Final = {
    "accepted": "4",
    "acceptance-digest": "4",
    "addressed": "4",
    "algorithm": "1",
    "checkpoint": "5.2",
    "claim-unknown": "1.2",
    "commitment": "1.3",
    "consistency": "5.2",
    "content-model": "1.3",
    "current-time": "2.4",
    "current-version": "2.4",
    "duplicate-name": "1.3",
    "envelope-network": "4",
    "id-reused": "4",
    "inclusion": "5.2",
    "key-order": "1.1",
    "labels": "1",
    "network": "5.4",
    "operation": "4",
    "padding": "1.3",
    "sealed-hash": "1.3",
    "sealing-key": "2.1",
    "sender-key": "4",
    "shortest": "1.1",
    "signature": "5.4",
    "signature-r": "5.4",
    "signing-key": "2.1",
    "size": "1.4",
    "threshold": "2.2",
    "trailing": "1.1",
    "typ": "1.5",
    "unprotected": "1",
    "version-order": "2.3",
    "wraps": "1.3",
}
"""Checks of the Node client, and the section of the vectors that notice when one is gone."""
LIVE: Final = {
    "alarm": ("5.6", "fork"),
    "attestation": ("5.7", "silence-forged"),
    "directory-entry": ("2.3", "directory-unproven"),
    "durable": ("4", "duplicate-restarted"),
    "duplicate": ("4", "duplicate"),
    "proof": ("5.4", "proof-another"),
    "receipt-digest": ("5.4", "receipt-another"),
    "refresh": ("2.6", "rotated"),
    "retry-after": ("6", "retry-after"),
}
"""The same of the dialogue: the section, and the test that notices."""
OUR_FAULTS: Final = {"commitment": "1.3", "inclusion": "5.2", "padding": "1.3", "signature": "5.4"}


def node_copy(folder: Path, without: str = "") -> str:
    """The command of a copy of the client; `without` is the check whose lines are taken away."""
    copy = shutil.copytree(ROOT / "examples" / "node", folder / "node", ignore=shutil.ignore_patterns("node_modules"))
    (copy / "node_modules").symlink_to(PEERS / "node_modules")
    taken = 0
    for path in copy.glob("*.js"):
        lines = path.read_text("utf-8").splitlines()
        kept = [line for line in lines if not line.endswith(f" // check: {without}")]
        taken += len(lines) - len(kept)
        path.write_text("\n".join(kept) + "\n", "utf-8")
    assert taken == bool(without)
    return shlex.join([str(NODE), str(copy / "driver.js")])


def wrong(findings: list[Finding]) -> list[str]:
    """What came out otherwise than it should, in words."""
    failed = [one for one in findings if one.verdict in (Verdict.WRONG, Verdict.NOT_RUN)]
    return [f"§ {one.test.section} {one.test.id}: expected {one.expected}; got {one.got}" for one in failed]


async def by_vectors(command: str, only: str = "") -> list[Finding]:
    async with CommandPeer(command) as peer:
        return [finding async for finding in offline(peer, only)]


async def live(command: str, made: Stage, only: str = "") -> list[Finding]:
    async with CommandPeer(command) as peer:
        return [finding async for finding in talk_live(peer, made, only)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def made() -> AsyncIterator[Stage]:
    """One network for all programs of this file, a seat for each."""
    async with stage(Link.HTTP, seats=30) as one:
        yield one


# ---------------------------------------------------------------------------------------- what conforms


async def test_our_driver_says_of_every_vector_what_it_says() -> None:
    findings = await by_vectors(OURS)
    assert wrong(findings) == []
    assert {one.verdict for one in findings} == {Verdict.RIGHT}


@needs_node
async def test_the_node_client_says_of_every_vector_of_its_level_what_it_says(tmp_path: Path) -> None:
    findings = await by_vectors(node_copy(tmp_path))
    assert wrong(findings) == []
    assert {one.test.level for one in findings if one.verdict is Verdict.UNSUPPORTED} == {"full"}


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_our_driver_passes_the_dialogue(made: Stage) -> None:
    assert wrong(await live(OURS, made)) == []


@needs_node
@pytest.mark.asyncio(loop_scope="module")
async def test_the_node_client_passes_the_dialogue(made: Stage, tmp_path: Path) -> None:
    assert wrong(await live(node_copy(tmp_path), made)) == []


@pytest.mark.broker
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_command_passes_our_driver_over_the_broker(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bureaus", "conformance", "--link", "amqp", "--json"]
    command += ["--command", OURS, "--out", str(tmp_path / "report.html")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=380)
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert (said["passed"], said["level"], said["links"]) == (True, "core", ["amqp"])
    assert "talking over amqp" in done.stderr
    assert "<h2>§ 5.4 Receipts</h2>" in (tmp_path / "report.html").read_text("utf-8")


# ---------------------------------------------------------------------------------------- what does not


def test_every_check_that_is_marked_is_taken_away_once() -> None:
    texts = [path.read_text("utf-8") for path in (ROOT / "examples" / "node").glob("*.js")]
    marks = [mark for text in texts for mark in MARK.findall(text)]
    assert sorted(marks) == sorted([*BY_VECTORS, *LIVE])


@needs_node
@pytest.mark.parametrize("check", BY_VECTORS)
async def test_vectors_notice_that_the_node_client_lacks_a_check(check: str, tmp_path: Path) -> None:
    findings = await by_vectors(node_copy(tmp_path, check), BY_VECTORS[check])
    assert wrong(findings)


@needs_node
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("check", LIVE)
async def test_the_dialogue_notices_that_the_node_client_lacks_a_check(check: str, made: Stage, tmp_path: Path) -> None:
    section, test = LIVE[check]
    said = wrong(await live(node_copy(tmp_path, check), made, section))
    assert any(line.startswith(f"§ {section} live-http/{test}:") for line in said), said


@needs_node
@pytest.mark.asyncio(loop_scope="module")
async def test_the_dialogue_notices_a_client_that_takes_any_server(made: Stage, tmp_path: Path) -> None:
    command = f"env NODE_TLS_REJECT_UNAUTHORIZED=0 {node_copy(tmp_path)}"
    said = wrong(await live(command, made, "6"))
    assert any(line.startswith("§ 6 live-http/server:") for line in said), said


@pytest.mark.parametrize("fault", OUR_FAULTS)
async def test_vectors_notice_a_fault_of_our_driver(fault: str) -> None:
    findings = await by_vectors(f"{sys.executable} -m tests.broken_driver {fault}", OUR_FAULTS[fault])
    assert wrong(findings)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_dialogue_notices_that_our_driver_seals_after_an_alarm(made: Stage) -> None:
    said = wrong(await live(f"{sys.executable} -m tests.broken_driver alarm", made, "5.6"))
    assert any(line.startswith("§ 5.6 live-http/fork:") for line in said), said
