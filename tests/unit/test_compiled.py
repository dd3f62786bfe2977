"""What may be compiled: the list is one of modules that exist, and a build without it is plain Python."""

import ast
import subprocess
import sys

from schemas import built, cbor
from tools.repo_files import ROOT

LISTED = [
    line.partition("#")[0].strip()
    for line in (ROOT / "compiled-modules.txt").read_text("utf-8").splitlines()
    if line.partition("#")[0].strip()
]

SELDOM = {"gateway/app/looking.py:hearing", "gateway/app/looking.py:hearing_taken", "gateway/ledger.py:_recorder"}
"""Functions of the gateway with one inside that are called once, or for a proof."""


def test_the_list_names_each_module_once_and_all_are_there() -> None:
    assert len(set(LISTED)) == len(LISTED) > 0
    assert [name for name in LISTED if not (ROOT / name).is_file()] == []


def test_what_is_compiled_is_the_wire_and_the_gateway_and_never_a_command() -> None:
    allowed = ("schemas/", "gateway/")
    assert [name for name in LISTED if not name.startswith(allowed) or "/commands/" in name] == []


def test_compiled_says_what_the_modules_are() -> None:
    assert built.compiled() == (not str(cbor.__file__).endswith(".py"))


def test_both_command_lines_tell_how_they_were_built() -> None:
    for package in ("gateway", "bureaus"):
        done = subprocess.run(
            [sys.executable, "-m", package, "--version"], capture_output=True, text=True, check=True, timeout=60
        )
        assert done.stdout.rstrip().endswith(", compiled") == built.compiled()


def test_no_function_of_a_message_s_way_has_one_inside() -> None:
    """Compiled, it and what it closes over hold each other: all it knows stays until the next full collection."""
    found = set()
    for name in (one for one in LISTED if one.startswith("gateway/")):
        for node in ast.walk(ast.parse((ROOT / name).read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                inside = (one for one in ast.walk(node) if one is not node)
                if any(isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) for one in inside):
                    found.add(f"{name}:{node.name}")
    assert found == SELDOM
