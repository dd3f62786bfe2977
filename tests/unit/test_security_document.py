"""docs/security.md and the tests say the same: each row names tests that exist, and each attack stands in a row."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.adversary.table import ATTACKS

ROOT: Final = Path(__file__).resolve().parents[2]
TEST_ID: Final = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rows() -> list[tuple[str, str]]:
    """(what is tried, what shows it) of every row of every table."""
    found = []
    for line in (ROOT / "docs" / "security.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if len(cells) == 3 and cells[2] != "shown by" and set(cells[0]) != {"-"}:
            found.append((cells[0], cells[2]))
    return found


def attacks(shown: str) -> list[str]:
    """The attacks that a cell names."""
    named = TEST_ID.sub("", shown)
    return [] if "attack " not in named else re.findall(r"[a-z]+(?:-[a-z]+)*", named.partition("attack ")[2])


@cache
def functions(path: str) -> frozenset[str]:
    """The functions of a file of tests."""
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_there_are_rows_for_every_party() -> None:
    text = (ROOT / "docs" / "security.md").read_text("utf-8")
    parties = ("A bureau", "A stranger on the network", "The broker's administrator", "A reader of the database")
    for party in (*parties, "The gateway's operator"):
        assert f"\n## {party}\n" in text
    assert len(rows()) > 40


@pytest.mark.parametrize(("tried", "shown"), rows(), ids=range(len(rows())))
def test_each_row_names_tests_that_exist(tried: str, shown: str) -> None:
    ids, named = TEST_ID.findall(shown), attacks(shown)
    assert ids or named, tried
    for path, function in ids:
        assert function in functions(path), f"{path}::{function}"
    assert set(named) <= {attack.name for attack in ATTACKS}


def test_each_attack_stands_in_a_row() -> None:
    named = {name for _, shown in rows() for name in attacks(shown)}
    assert {attack.name for attack in ATTACKS} == named
