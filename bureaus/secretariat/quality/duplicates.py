"""Which persons and documents are there twice. Pure.

Two of one sort are compared only where they share a key: a document's number, or a name's skeleton with the year of
birth; then the databases' own matcher says how alike they are. Rule: this finds pairs for a person to look at; two
bureaus may rightly seek the same man, and nothing is merged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from bureaus.secretariat.databases import documents, names
from bureaus.secretariat.databases.keys import WEIGHTS
from bureaus.secretariat.databases.matcher import Known, match
from schemas.messages.documents import IdentityDocument
from schemas.messages.person import Person

ALIKE: Final = 90
"""The score from which two persons are shown as a pair."""
NAME: Final = 85
"""The least that the names alone must come to."""
MOST_IN_A_BLOCK: Final = 200
"""A key that more share says nothing: it is passed over."""
_TELLING: Final = 5
"""The least weight of a name's key that makes a block."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is compared of one record or notice."""

    name: str
    """How it is called: `FR FR-1`, or a notice's number."""
    owner: str
    person: Person | None = None
    documents: tuple[IdentityDocument, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """Two that may be one."""

    one: str
    other: str
    why: str
    score: int


def pairs(entries: Iterable[Entry]) -> list[Pair]:
    """Every pair, by name."""
    blocks: defaultdict[int, list[Entry]] = defaultdict(list)
    for entry in entries:
        for key in _keys(entry):
            blocks[key].append(entry)
    found: dict[tuple[str, str], Pair] = {}
    for block in blocks.values():
        if len(block) > MOST_IN_A_BLOCK:
            continue
        for one, other in combinations(block, 2):
            names_ = (one.name, other.name) if one.name < other.name else (other.name, one.name)
            if one.name != other.name and names_ not in found and (pair := _compare(one, other, names_)) is not None:
                found[names_] = pair
    return sorted(found.values())


def _keys(entry: Entry) -> set[int]:
    keys = {documents.number_key(document.number) for document in entry.documents}
    if entry.person is not None:
        keys |= {key for key in names.record_keys(entry.person) if key & WEIGHTS >= _TELLING}
    return keys


def _compare(one: Entry, other: Entry, called: tuple[str, str]) -> Pair | None:
    same = {_spelled(document) for document in one.documents} & {_spelled(document) for document in other.documents}
    if same:
        return Pair(*called, "the same document", 100)
    if one.person is None or other.person is None:
        return None
    found = match(Known.of(one.person), Known.of(other.person))
    if found.score < ALIKE or found.name < NAME:
        return None
    return Pair(*called, "the same person by name and data", found.score)


def _spelled(document: IdentityDocument) -> tuple[str, str, str | None]:
    return document.type, documents.plain(document.number), document.issuer
