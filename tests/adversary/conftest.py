"""The scene, all plays run in it once, and the table of what came of them."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from schemas.receipts import Acceptance
from tests.adversary.plays import (
    brokers,
    console,
    construction,
    deciding,
    drift,
    encoding,
    enrolling,
    floods,
    homes,
    issuers,
    lies,
    links,
    people,
    refusing,
    replays,
    revoking,
    rights,
    sealing,
    signatures,
    witnessing,
)  # isort: skip
from tests.adversary.scene import Scene, eventually
from tests.adversary.table import ATTACKS, LEDGER, LOG, PLAYS, Attack, Handed, Result, Seen

REPORT: Final = "BUREAUNET_ADVERSARY_REPORT"
"""Environment variable: the file for the table, in JSON."""
SLOW: Final = frozenset({"replay-after-window", "late-first-delivery", "forged-receipt", "receipt-by-another-use"})
"""Plays that wait: they run beside each other, before the others."""
_MODULES: Final = (
    *(brokers, console, construction, deciding, drift, encoding, enrolling, floods, homes, issuers, lies, links),
    *(people, refusing, replays, revoking, rights, sealing, signatures, witnessing),
)
BESIDE: Final = frozenset(
    name for name in PLAYS if getattr(PLAYS[name], "__module__", "") in {drift.__name__, homes.__name__}
)
"""Plays that wait for other programs and ask nothing of the gateway: they run beside all the others."""
BESIDE_SECONDS: Final = 240
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
    beside = {name: asyncio.create_task(_run(scene, name, BESIDE_SECONDS)) for name in names if name in BESIDE}
    slow = [name for name in names if name in SLOW]
    results.update(zip(slow, await asyncio.gather(*(_run(scene, name) for name in slow)), strict=True))
    for name in names:
        if name not in SLOW | BESIDE:
            results[name] = await _run(scene, name)
    for name, task in beside.items():
        results[name] = await task
    looked = await _look_up(scene, results)
    _REPORTED.update({name: seen for name, seen in looked.items() if isinstance(seen, Seen)})
    return Played(looked, scene)


async def _run(scene: Scene, name: str, seconds: float = 120) -> Result | BaseException:
    try:
        async with asyncio.timeout(seconds):
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
        word = "refused" if (row["got"], row["recorded"]) == _expected(attack) else "DIFFERS"
        terminalreporter.line(f"{row['attack']:<32} {word:<8} {row['got']:<22} {row['recorded']}")
    if drift.PRINTED:
        terminalreporter.section("bureaunet-gateway broker check")
        for line in drift.PRINTED:
            terminalreporter.line(line)
    terminalreporter.section("totals")
    held = [row for row in table if (row["got"], row["recorded"]) == _expected(expected[row["attack"]])]
    places = Counter(row["recorded"] for row in table)
    terminalreporter.line(", ".join(f"{place} {count}" for place, count in sorted(places.items())))
    terminalreporter.line(f"{len(held)} of {len(ATTACKS)} attacks ended as expected; {path}")


def _expected(attack: Attack) -> tuple[str, str]:
    return str(attack.expected), attack.recorded
