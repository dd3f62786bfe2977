"""The integrators' guide: its code is the examples' own, which run; its table has every reason; its commands exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from bureaus.__main__ import main
from schemas.errors import Reason

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "integrators.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
COMMANDS = re.findall(r"^bureaunet [^\n#]+|(?<=`)bureaunet [^`\n]+(?=`)", GUIDE, re.MULTILINE)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[1].strip()[:40])
def test_a_block_of_code_is_a_piece_of_an_example_that_runs(block: str) -> None:
    first, _, code = block.partition("\n")
    named = re.fullmatch(
        r"# from (examples/(?:first_query|test_guide)\.py|tests/integration/secretariat/test_relay\.py)", first
    )
    assert named is not None, first
    assert code in (ROOT / named[1]).read_text("utf-8")


@pytest.mark.timeout(400)
def test_the_examples_of_the_guide_run() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "bureaus.testing", "examples/test_guide.py"]
    command += ["examples/test_five_countries.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=380)
    assert done.returncode == 0, done.stdout
    assert re.search(r"^5 passed in", done.stdout, re.MULTILINE), done.stdout


def test_the_table_says_of_each_reason_once_what_to_do() -> None:
    table = GUIDE.partition("### What to do about each reason")[2].partition("\n## ")[0]
    rows = [line.split("|")[1:-1] for line in table.splitlines() if line.startswith("| `")]
    told = [code for codes, *_ in rows for code in re.findall(r"`([^`]+)`", codes)]
    assert sorted(told) == sorted(map(str, Reason))
    assert all(what.strip() and do.strip() for _, what, do in rows)


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_guide_exists_with_its_options(line: str) -> None:
    _, *words = shlex.split(line)
    command: click.Command | None = main
    while isinstance(command, click.Group):
        command = command.get_command(click.Context(command), words.pop(0))
    assert command is not None, line
    known = {option for one in command.params for option in one.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_the_guide_has_commands_and_code_to_hold_to() -> None:
    assert len(BLOCKS) >= 5
    assert len(COMMANDS) >= 5
