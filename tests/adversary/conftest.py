"""The scene, all plays run in it once, and the table of what came of them."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from schemas.receipts import Acceptance
from tests.adversary.plays import (
    brokers,
    construction,
    encoding,
    enrolling,
    floods,
    lies,
    links,
    replays,
    sealing,
    signatures,
)  # isort: skip
from tests.adversary.scene import Scene, eventually
from tests.adversary.table import ATTACKS, LEDGER, LOG, PLAYS, Handed, Result, Seen

REPORT: Final = "BUREAUNET_ADVERSARY_REPORT"
"""Environment variable: the file for the table, in JSON."""
SLOW: Final = frozenset({"replay-after-window", "late-first-delivery", "forged-receipt"})
"""Plays that wait: they run beside each other, before the others."""
_MODULES: Final = (brokers, construction, encoding, enrolling, floods, lies, links, replays, sealing, signatures)
_REPORTED: Final[dict[str, Seen]] = {}


@dataclass
class Played:
    """What came of every attack, or the error that its play ended with."""

    results: Mapping[str, Seen | BaseException]
    scene: Scene


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with Scene(tmp_path_factory.mktemp("adversary")) as made:
        yield made


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def played(scene: Scene, request: pytest.FixtureRequest) -> Played:
    """Run the plays of the attacks that were collected, then look up where the ledger and the log have them."""
    wanted = {item.name for item in request.session.items}
    names = [attack.name for attack in ATTACKS if f"test_attack[{attack.name}]" in wanted]
    results: dict[str, Result | BaseException] = {}
    slow = [name for name in names if name in SLOW]
    results.update(zip(slow, await asyncio.gather(*(_run(scene, name) for name in slow)), strict=True))
    for name in names:
        if name not in SLOW:
            results[name] = await _run(scene, name)
    looked = await _look_up(scene, results)
    _REPORTED.update({name: seen for name, seen in looked.items() if isinstance(seen, Seen)})
    return Played(looked, scene)


async def _run(scene: Scene, name: str) -> Result | BaseException:
    try:
        async with asyncio.timeout(40):
            return await PLAYS[name](scene)
    except Exception as error:  # noqa: BLE001  # the attack's own test raises it again
        return error


async def _look_up(scene: Scene, results: Mapping[str, Result | BaseException]) -> dict[str, Seen | BaseException]:
    handed = {result.digest.hex() for result in results.values() if isinstance(result, Handed)}

    async def refused_by_all() -> list[dict[str, object]]:
        entries = await scene.entries()
        failed = {entry.get("digest") for entry in entries if entry["event"] == "ContentHandoverFailure"}
        return entries if handed <= failed else []

    try:
        entries = await eventually(refused_by_all)
    except TimeoutError:
        entries = await scene.entries()
    lines = scene.lines()
    return {name: _seen(result, entries, lines) for name, result in results.items()}


def _seen(
    result: Result | BaseException, entries: list[dict[str, object]], lines: list[dict[str, object]]
) -> Seen | BaseException:
    match result:
        case Handed(digest, party):
            wanted = {"event": "ContentHandoverFailure", "digest": digest.hex(), "party": party}
            for entry in entries:
                if wanted.items() <= entry.items():
                    return Seen(str(entry["reason"]), LEDGER)
            return Seen("handed over", "nowhere")
        case Acceptance(index=None) as refused:
            said = {"event": "refused", "digest": refused.digest.hex(), "reason": refused.reason}
            logged = [line for line in lines if said.items() <= line.items() and int(str(line["step"])) <= 7]
            wrong = {"event": "SubmissionRejection", "digest": refused.digest.hex()}
            in_ledger = any(wrong.items() <= entry.items() for entry in entries)
            return Seen(str(refused.reason), LOG if logged and not in_ledger else "nowhere")
        case Acceptance() as decided:
            if decided.accepted:
                return Seen("accepted", LEDGER)
            entry = entries[decided.index or 0]
            said = {"event": "SubmissionRejection", "digest": decided.digest.hex(), "reason": decided.reason}
            return Seen(str(decided.reason), LEDGER if said.items() <= entry.items() else "nowhere")
    return result


def rows() -> list[dict[str, str]]:
    """The table, of the attacks that ran."""
    return [
        {"attack": attack.name, "expected": str(attack.expected), "got": str(seen.got), "recorded": seen.recorded}
        for attack in ATTACKS
        if (seen := _REPORTED.get(attack.name)) is not None
    ]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """With the variable set: print the table, and write it."""
    path = os.environ.get(REPORT)
    if not path:
        return
    table = rows()
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(json.dumps(table, indent=1) + "\n", "utf-8")
    expected = {attack.name: attack for attack in ATTACKS}
    terminalreporter.section("attacks")
    for row in table:
        attack = expected[row["attack"]]
        held = (row["got"], row["recorded"]) == (attack.expected, attack.recorded)
        word = "refused" if held else "DIFFERS"
        terminalreporter.line(f"{row['attack']:<32} {word:<8} {row['got']:<22} {row['recorded']}")
    terminalreporter.line(f"{len(table)} of {len(ATTACKS)} attacks; {path}")
