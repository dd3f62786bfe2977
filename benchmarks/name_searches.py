"""The searches that bench_names.py compares, over the same persons: ours, plain trigrams, rapidfuzz alone.

Ours is the secretariat's: a registry in SQLite, asked as a bureau's question is, without its row in the log. The
trigram search is SQLite's FTS5 with its trigram tokenizer over every name, best by bm25. rapidfuzz alone compares the
question's name with every name (token_sort_ratio). Both get names transliterated as ours are, which is more than
plain; neither looks at dates.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from rapidfuzz import fuzz, process

from bureaus.secretariat.databases.matcher import Known
from bureaus.secretariat.databases.names import all_forms, forms, record_keys
from bureaus.secretariat.databases.search import Answered, Searching
from bureaus.secretariat.registry import Registry
from bureaus.secretariat.settings import DEFAULT
from schemas.identity import Address
from schemas.messages.databases import MOST_FOUND, DatabaseQuery, NameQuestion
from schemas.messages.person import Person

_ASKER: Final = Address("KE")
_REVIEW: Final = 4_000_000_000
_RECORD: Final = (
    "INSERT INTO record (id, owner, reference, contact, kind, visibility, denied, content, names, changed, review)"
    " VALUES (?, 'BR', ?, 'BR', 'wanted-person', 'open', '', ?, ?, 1700000000, ?)"
)


class Searches:
    """The persons, loaded into all three; each search gives numbers of records, best first, from 1."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.registry_file = folder / "persons.db"
        self._trigrams = sqlite3.connect(folder / "trigrams.db", isolation_level=None)
        self._names: list[str] = []
        self._owners: list[int] = []
        self._count = 0
        self.registry: Registry | None = None
        self._searching: Searching | None = None

    async def open(self, persons: Iterable[Person]) -> None:
        """Load everybody."""
        registry = await Registry.open(f"sqlite+aiosqlite:///{self.registry_file}")
        await registry.aclose()
        self._load(persons)
        self.registry = await Registry.open(f"sqlite+aiosqlite:///{self.registry_file}")
        self._searching = Searching(self.registry, DEFAULT)

    async def aclose(self) -> None:
        """Close both databases."""
        self._trigrams.close()
        if self.registry is not None:
            await self.registry.aclose()

    def _load(self, persons: Iterable[Person]) -> None:
        ours = sqlite3.connect(self.registry_file, isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-400000", "temp_store=MEMORY"):
            ours.execute(f"PRAGMA {pragma}")
        ours.execute("CREATE TEMP TABLE keyed (key INTEGER, record INTEGER)")
        ours.execute("BEGIN")
        self._trigrams.execute("CREATE VIRTUAL TABLE named USING fts5(name, owner UNINDEXED, tokenize='trigram')")
        self._trigrams.execute("BEGIN")
        for person in persons:
            self._one(ours, person)
        ours.execute("INSERT INTO record_found SELECT key, record FROM keyed ORDER BY key, record")
        ours.execute("COMMIT")
        ours.execute("PRAGMA journal_mode=WAL")
        ours.close()
        rows = zip(self._names, self._owners, strict=True)
        self._trigrams.executemany("INSERT INTO named (name, owner) VALUES (?, ?)", rows)
        self._trigrams.execute("COMMIT")

    def _one(self, ours: sqlite3.Connection, person: Person) -> None:
        self._count += 1
        reference = f"BR-{self._count:07}"
        said = person.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        content = json.dumps({"act": "add", "person": said, "reference": reference}, ensure_ascii=False).encode()
        row = (self._count, reference, content, Known.of(person).encode(), _REVIEW)
        ours.execute(_RECORD, row)
        ours.executemany("INSERT INTO keyed VALUES (?, ?)", [(key, self._count) for key in record_keys(person)])
        for form in all_forms(person):
            self._names.append(" ".join(form.tokens))
            self._owners.append(self._count)

    async def ours(self, question: NameQuestion) -> Answered:
        """The secretariat's answer."""
        if self._searching is None:
            raise RuntimeError("nobody is loaded")
        return await self._searching.answer(_ASKER, DatabaseQuery(person=question))

    def trigrams(self, question: NameQuestion) -> list[int]:
        """Ten records whose names share most trigrams with the question's, by bm25."""
        parts = {name[at : at + 3] for name in _names(question) for at in range(len(name) - 2)}
        if not parts:
            return []
        wanted = " OR ".join(f'"{part}"' for part in sorted(parts))
        query = "SELECT owner FROM named WHERE named MATCH ? ORDER BY rank LIMIT ?"
        return _first(int(owner) for (owner,) in self._trigrams.execute(query, (wanted, 3 * MOST_FOUND)))

    def rapidfuzz(self, question: NameQuestion) -> list[int]:
        """Ten records whose names are most like the question's."""
        best: list[tuple[float, int]] = []
        for name in _names(question):
            found = process.extract(name, self._names, scorer=fuzz.token_sort_ratio, limit=3 * MOST_FOUND)
            best += [(score, self._owners[at]) for _, score, at in found]
        best.sort(key=lambda one: -one[0])
        return _first(owner for _, owner in best)


def ranked(answered: Answered) -> list[int]:
    """The numbers of an answer's records."""
    return [int(one.record.removeprefix("DB-")) for one in answered.answer.found]


async def at_once(searches: Searches, questions: Sequence[NameQuestion], askers: int) -> None:
    """Ask ours, so many at a time."""
    left = iter(questions)

    async def asker() -> None:
        for question in left:
            await searches.ours(question)

    await asyncio.gather(*(asker() for _ in range(askers)))


def _names(question: NameQuestion) -> list[str]:
    return [" ".join(form.tokens) for form in forms(question.name)]


def _first(owners: Iterable[int]) -> list[int]:
    """None twice, ten at most."""
    return list(dict.fromkeys(owners))[:MOST_FOUND]
