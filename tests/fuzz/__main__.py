"""Fuzz: `python -m tests.fuzz [TARGET ...] [--runs N | --seconds N] [--corpus DIR] [--json]`.

Order of work: the vectors' bytes become the first corpus; each target runs in a process of its own (libFuzzer ends the
process that it runs in), two at one time; what it found is read from what it printed. Without --runs and --seconds it
goes round until Ctrl-C, a minute for each target in turn. An input that crashes, hangs for five seconds or takes
more memory than its bound is kept in `build/fuzz/findings`, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from tests.fuzz import corpus
from tests.fuzz.targets import TARGETS, run

HANG_SECONDS: Final = 5
MEMORY_MIB: Final = 768
MAX_INPUT: Final = 65_536
ROUND_SECONDS: Final = 60
_DONE: Final = re.compile(r"#(\d+)\s+DONE\s+cov: (\d+) ft: (\d+) corp: (\d+)/")
_RATE: Final = re.compile(r"stat::peak_rss_mb:\s+(\d+)")


def fuzz(target: str, folder: Path, limits: list[str]) -> dict[str, object]:
    """One target in a process of its own: what it did."""
    findings = folder.parent / "findings"
    findings.mkdir(parents=True, exist_ok=True)
    (folder / target).mkdir(parents=True, exist_ok=True)
    arguments = [
        *limits,
        f"-timeout={HANG_SECONDS}",
        f"-rss_limit_mb={MEMORY_MIB}",
        f"-max_len={MAX_INPUT}",
        f"-artifact_prefix={findings}/{target}-",
        "-print_final_stats=1",
        "-use_value_profile=1",
        str(folder / target),
    ]
    command = [sys.executable, "-m", "tests.fuzz.inside", target, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    found, memory = _DONE.search(done.stderr), _RATE.search(done.stderr)
    counts = [int(group) for group in found.groups()] if found else [0, 0, 0, 0]
    names = ("executions", "coverage", "features", "corpus")
    row: dict[str, object] = {"target": target, **dict(zip(names, counts, strict=True))}
    row["memory_mib"] = int(memory[1]) if memory else 0
    row["failed"] = None if done.returncode == 0 and found else done.stdout[-2000:] + done.stderr[-1000:]
    return row


def again(path: Path) -> None:
    """Run one kept input by itself: its name begins with its target's."""
    run(path.name.partition("-")[0], path.read_bytes())


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.partition("\n")[0])
    parser.add_argument("targets", nargs="*", default=list(TARGETS))
    parser.add_argument("--runs", type=int, help="executions of each target")
    parser.add_argument("--seconds", type=int, help="in all, shared among the targets")
    parser.add_argument("--corpus", type=Path, default=Path("build/fuzz/corpus"))
    parser.add_argument("--again", type=Path, help="run one kept input")
    parser.add_argument("--json", action="store_true", help="one JSON object a target")
    given = parser.parse_args()
    if given.again:
        again(given.again)
        return 0
    seeds = corpus.write(given.corpus)
    sys.stderr.write(f"{seeds} inputs from the vectors\n")
    rounds = 0
    while True:
        rows = _round(given)
        rounds += 1
        _show(rows, as_json=given.json)
        if any(row["failed"] for row in rows):
            return 1
        if given.runs or given.seconds:
            return 0


def _round(given: argparse.Namespace) -> list[dict[str, object]]:
    if given.runs:
        limits = [f"-runs={given.runs}", "-seed=1"]
    else:
        each = ROUND_SECONDS if not given.seconds else max(1, 2 * given.seconds // max(2, len(given.targets)))
        limits = [f"-max_total_time={each}"]
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda target: fuzz(target, given.corpus, limits), given.targets))


def _show(rows: list[dict[str, object]], *, as_json: bool) -> None:
    for row in rows:
        if as_json:
            sys.stdout.write(json.dumps(row) + "\n")
            continue
        words = f"{row['executions']} executions, corpus {row['corpus']}, coverage {row['coverage']} edges"
        sys.stdout.write(f"{row['target']:<10} {words} ({row['features']} features), {row['memory_mib']} MiB\n")
        if row["failed"]:
            sys.stdout.write(f"{row['failed']}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
