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
SHOWN: Final = (
    *(
        "tests/unit/schemas/test_vault.py",
        "tests/unit/schemas/test_void.py",
        "tests/unit/schemas/test_record_rights.py",
    ),
    *("tests/unit/gateway/test_keys_at_rest.py", "tests/unit/gateway/test_ceremony.py"),
    *("tests/unit/gateway/test_changes.py", "tests/unit/gateway/test_drift.py", "tests/unit/gateway/test_rights.py"),
    *("tests/unit/gateway/test_two_people.py", "tests/unit/gateway/test_refusals.py"),
    *("tests/unit/bureaus/test_keys_at_rest.py", "tests/unit/bureaus/test_token.py"),
    *("tests/unit/bureaus/test_keeper.py", "tests/unit/bureaus/test_rotation.py"),
    *("tests/unit/bureaus/test_refusals.py", "tests/unit/bureaus/test_false_copies.py"),
    *("tests/integration/test_rotation.py", "tests/integration/test_broker_check.py"),
    "tests/fuzz/test_fuzz.py",
)
"""Files of tests of what is promised: each stands in a row at least."""
TABLE: Final = frozenset(
    {
        "test_attack",
        "test_the_table_and_the_plays_are_the_same",
        "test_the_report_has_a_row_for_each_attack_that_ran",
    }
)
"""Tests of the table of attacks itself."""
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
    more = ("A thief of a bureau's folder, or of its keys", "Those who hold the authority's keys")
    for party in (*parties, *more, "One operator where two are needed", "The gateway's operator"):
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


@pytest.mark.parametrize("path", SHOWN)
def test_each_file_of_tests_of_what_is_promised_stands_in_a_row(path: str) -> None:
    assert path in {named for _, shown in rows() for named, _ in TEST_ID.findall(shown)}


def test_each_test_beside_the_table_of_attacks_stands_in_a_row() -> None:
    named = {function for _, shown in rows() for path, function in TEST_ID.findall(shown) if "/adversary/" in path}
    paths = (path.relative_to(ROOT).as_posix() for path in (ROOT / "tests" / "adversary").glob("test_*.py"))
    tests = {name for path in paths for name in functions(path) if name.startswith("test_")}
    assert tests - TABLE == named
