"""docs/domain.md and the tests say the same: each of the ten rules names tests that exist. And two that show more."""

from __future__ import annotations

import ast
import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from bureaus.secretariat.notices.rules import Weight, screen
from schemas.messages.codes import NoticeColour, RefusalGround
from schemas.messages.notice_codes import NoticeGround
from schemas.messages.notices import NoticeBody
from tests.integration.secretariat.cases import WANTED

ROOT: Final = Path(__file__).resolve().parents[2]
DOCUMENT: Final = ROOT / "docs" / "domain.md"
TEST_ID: Final = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
NAMES: Final = (
    *("Blind routing", "Owner control", "Purpose", "Handling", "Operation scope"),
    *("Neutrality", "National delegation", "Review and erasure", "Article 3", "Audit"),
)
"""By number, from 1."""


def rows() -> list[tuple[int, str, list[tuple[str, str]]]]:
    """(number, the rule's words, the tests that show it) of every row."""
    found = []
    for line in DOCUMENT.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if len(cells) == 4 and cells[0].isdigit():
            found.append((int(cells[0]), cells[1], TEST_ID.findall(cells[3])))
    return found


@cache
def functions(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_the_rules_stand_there_by_their_numbers() -> None:
    assert [number for number, *_ in rows()] == list(range(1, 11))
    for name, (_, words, _) in zip(NAMES, rows(), strict=True):
        assert words.startswith(f"**{name}.**")


@pytest.mark.parametrize("number", range(1, 11))
def test_each_rule_names_tests_that_exist(number: int) -> None:
    shown = rows()[number - 1][2]
    assert len(shown) >= 2
    for path, function in shown:
        assert function.startswith("test_")
        assert function in functions(path), f"{path}::{function}"


def imports(path: Path) -> set[str]:
    """Every module that a file imports, and every name that it takes from one, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_rule_1_the_gateway_opens_nothing() -> None:
    """Nothing of it opens a sealed part, holds a sealing key or reads a message; it knows the names of kinds alone."""
    opening = {"schemas.envelope.open_sealed", "schemas.envelope.Opened", "schemas.identity.Opener"}
    reading = {"schemas.messages.decode", "schemas.messages.decode_whole", "schemas.messages.codec.decode"}
    taken: set[str] = set()
    files = sorted((ROOT / "gateway").rglob("*.py"))
    assert len(files) > 50
    for path in files:
        found = imports(path)
        assert not found & (opening | reading | {"schemas.keys.SealingKey"}), path
        assert "open_sealed" not in path.read_text("utf-8"), path
        taken |= {name for name in found if name.startswith("schemas.messages")}
    assert taken <= {"schemas.messages", "schemas.messages.KINDS"}


def test_rule_9_no_code_refuses_for_neutrality() -> None:
    """The ground `neutrality` is a person's: no program of ours chooses it; a flag decides nothing."""
    chosen = [
        path
        for package in ("bureaus", "gateway", "schemas")
        for path in sorted((ROOT / package).rglob("*.py"))
        if re.search(r"(NoticeGround|RefusalGround)\.NEUTRALITY", path.read_text("utf-8"))
    ]
    assert chosen == []
    assert {NoticeGround.NEUTRALITY.value, RefusalGround.NEUTRALITY.value} == {"neutrality"}
    facts = "He led the opposition party and preached against the military government."
    notice = NoticeBody(colour=NoticeColour.RED, person=WANTED, facts=facts)
    today = date(2026, 11, 22)
    flagged = [found for found in screen(notice, "FR", today) if found.rule == 12]
    assert flagged
    assert {found.weight for found in flagged} == {Weight.FLAG}
