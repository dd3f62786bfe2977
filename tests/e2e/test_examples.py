"""The examples that the documents show run, and print what the documents say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_first_query_is_answered_and_proven() -> None:
    done = subprocess.run(
        [sys.executable, "examples/first_query.py"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=180
    )
    assert done.returncode == 0, done.stderr
    expected = (
        r"accepted as entry \d+ of the ledger\n"
        r"BR answers NO_TRACE\n"
        r"proven under a signed checkpoint of \d+ entries or more\n"
    )
    assert re.fullmatch(expected, done.stdout), done.stdout


def test_the_readme_shows_the_examples_own_words() -> None:
    readme = (ROOT / "README.md").read_text()
    shown = re.findall(r"```python\n# from (examples/\w+\.py)\n(.*?)```", readme, re.DOTALL)
    assert {name for name, _ in shown} == {"examples/first_query.py", "examples/test_five_countries.py"}
    for name, code in shown:
        example = (ROOT / name).read_text()
        lines = [line.strip() for line in code.splitlines() if line.strip()]
        missing = [line for line in lines if line not in example]
        assert not missing, missing
