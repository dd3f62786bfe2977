"""A fixed number of executions of each target in the test suite; `make fuzz` goes on for as long as one likes."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from schemas import built
from schemas.errors import BureaunetError
from tests.fuzz import corpus
from tests.fuzz.targets import TARGETS, readers, run

RUNS: Final = 20_000


@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris has wheels for Linux on x86-64, Python 3.11 to 3.13"
)
@pytest.mark.timeout(300)
def test_so_many_executions_find_nothing(tmp_path: Path) -> None:
    options = ["--runs", str(RUNS), "--corpus", str(tmp_path / "corpus"), "--json"]
    command = [sys.executable, "-m", "tests.fuzz", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    sys.stdout.write(done.stdout)
    assert {row["target"] for row in rows} == set(TARGETS), done.stderr
    for row in rows:
        assert row["failed"] is None, row["failed"]
        assert row["executions"] >= RUNS
        if not built.compiled():  # Python alone can be instrumented: of compiled modules nothing is seen
            assert row["coverage"] > 300, "what is fuzzed is instrumented"
            assert row["corpus"] > 50, "the corpus grows from the vectors"
    assert done.returncode == 0


def test_what_is_no_refusal_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(_data: bytes) -> object:
        raise IndexError

    monkeypatch.setattr("tests.fuzz.targets.readers", lambda _target: (faulty,))
    with pytest.raises(IndexError):
        run("decode", b"\x00x")


@pytest.mark.parametrize("target", TARGETS)
def test_every_reader_refuses_garbage(target: str) -> None:
    for at in range(len(readers(target))):
        for garbage in (b"", b"\xff", b"\x00" * 64, b"\x9b" + b"\xff" * 8, b"[" * 5000):
            run(target, bytes((at,)) + garbage)


def test_the_first_corpus_reaches_behind_the_signatures_of_operators() -> None:
    taken = 0
    for seed in corpus.operators():
        for reader in readers("verify"):
            try:
                reader(seed)
            except BureaunetError:
                continue
            taken += 1
    assert taken >= 4, "two cards, a list and a request, each by its own reader"
