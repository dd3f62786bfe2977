"""Names as they are compared and found: tokens in Latin letters, and the keys that candidates come from.

A name becomes tokens of a to z: every script is transliterated (anyascii), accents and punctuation are dropped, and a
name written without spaces is split where its script's characters begin. Each token has a skeleton: its consonants in
the classes that transcriptions confuse (b p, f v, k g q, s z sh ch, d t th ...), without vowels. Transcriptions of one
name share their skeleton nearly always, and a slip of one consonant leaves skeletons that share all but one.

Keys of a record, and of a question: two skeletons together in either order, also with one consonant left out; one
skeleton, or two neighbours run together, with the year of birth, or alone; the whole name run together, for scripts
that do not part it; the whole date of birth. Rules: a key tells nothing by itself, it only brings a record before the
matcher; the same text gives the same keys for ever.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, pairwise
from typing import Final

from anyascii import anyascii

from bureaus.secretariat.databases.keys import key
from schemas.messages.databases import NameQuestion
from schemas.messages.person import Name, Person

MOST_TOKENS: Final = 6
"""Of one name; what is beyond is compared but makes no keys."""
MOST_COMPARED: Final = 12
"""Tokens of one name; what is beyond is not looked at. A comparison costs their square: a text of two hundred single
letters as a name would hold up everybody's questions."""
MOST_LETTERS: Final = 40
"""Of one token: one character of a foreign script may stand for a sentence in Latin letters."""
_WORD: Final = re.compile(r"[a-z]+")
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_UNSPACED: Final = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]")
"""Scripts whose names are written without a space: each character is transliterated by itself, with a capital."""
_GREEK: Final = (
    ("\u03bf\u03c5", "ou"),
    ("\u039f\u03c5", "Ou"),
    ("\u039f\u03a5", "OU"),
    ("\u03bc\u03c0", "b"),
    ("\u039c\u03c0", "B"),
    ("\u03b2", "v"),
    ("\u0392", "V"),
)
"""Where the common Latin spelling (ELOT 743) is another than letter by letter: omicron upsilon, mu pi, beta."""
_DIGRAPHS: Final = (
    ("shch", "s"),
    ("sch", "s"),
    ("tch", "s"),
    ("dzh", "s"),
    ("zh", "s"),
    ("sh", "s"),
    ("ch", "s"),
    ("cz", "s"),
    ("dj", "s"),
    ("ts", "s"),
    ("tz", "s"),
    ("x", "ks"),
    ("kh", "k"),
    ("gh", "k"),
    ("ph", "f"),
    ("th", "t"),
)
_SINGLE: Final = str.maketrans("bcdgjpqvz", "pktkspkfs", "aeiouhwy")
_REPEATED: Final = re.compile(r"(.)\1+")
_SOFT_C: Final = re.compile(r"c(?=[eiy])")
_MISSING: Final = "-"
"""In place of the year where a record has none."""


def latin(text: str) -> str:
    """A name in a to z and spaces, small."""
    return " ".join(_latin(text))


@lru_cache(maxsize=65_536)
def _latin(text: str) -> tuple[str, ...]:
    for greek, letters in _GREEK:
        text = text.replace(greek, letters)
    plain = anyascii(text)
    if _UNSPACED.search(text):
        plain = _CAMEL.sub(" ", plain)
    plain = plain.replace("'", "").replace("`", "")
    return tuple(word[:MOST_LETTERS] for word in _WORD.findall(plain.lower()))


@lru_cache(maxsize=65_536)
def skeleton(token: str) -> str:
    """The consonants of a token in classes; `a` for a token that has none."""
    text = _SOFT_C.sub("s", token)
    for letters, sound in _DIGRAPHS:
        if letters in text:
            text = text.replace(letters, sound)
    return _REPEATED.sub(r"\1", text.translate(_SINGLE)) or "a"


@dataclass(frozen=True, slots=True)
class Form:
    """One way in which a person is named: its tokens in Latin letters, family first where it is told apart."""

    tokens: tuple[str, ...]
    original: bool = False
    """Transliterated from the original script."""
    alias: bool = False


def forms(name: Name, *, alias: bool = False) -> Iterator[Form]:
    """A name as written in Latin letters, and as transliterated, where there is either."""
    if tokens := _latin(name.family or "")[: MOST_COMPARED // 2] + _latin(name.given or "")[: MOST_COMPARED // 2]:
        yield Form(tokens, alias=alias)
    if name.original is not None and (original := _latin(name.original)[:MOST_COMPARED]):
        yield Form(original, original=True, alias=alias)


def all_forms(person: Person) -> list[Form]:
    """Of the name and of every alias."""
    named = [*forms(person.name), *(form for name in person.aliases for form in forms(name, alias=True))]
    return list(dict.fromkeys(named))


def record_keys(person: Person) -> set[int]:
    """What a person's record is found by."""
    year = person.birth_date[:4] if person.birth_date else _MISSING
    keyed = {found for form in all_forms(person) for found in _keys(form.tokens, (year,), alone=True)}
    return keyed | {key(2, "born", born) for born in _born(person.birth_date)[:1]}


def question_keys(question: NameQuestion) -> set[int]:
    """What to look for. A part by itself is looked for only where no year of birth is known, or there is no other."""
    years = (question.birth_date[:4], _MISSING) if question.birth_date else ()
    keyed = {
        found
        for form in forms(question.name)
        for found in _keys(form.tokens, years, alone=not years or len(form.tokens) < 2)
    }
    return keyed | {key(2, "born", born) for born in _born(question.birth_date)}


def bones(question: NameQuestion) -> set[str]:
    """The skeletons of a question's parts, by which persons are counted that bear them."""
    return {skeleton(token) for form in forms(question.name) for token in form.tokens[:MOST_TOKENS]}


def bearers_key(bone: str) -> int:
    """The key that each record has that bears a skeleton."""
    return key(2, "one", bone)


def _keys(tokens: Sequence[str], years: Iterable[str], *, alone: bool) -> Iterator[int]:
    bones = [skeleton(token) for token in tokens[:MOST_TOKENS]]
    yield key(6, "whole", "".join(bones))
    yield key(6, "whole", "".join(bones[1:] + bones[:1]))
    yield key(6, "whole", "".join(bones[-1:] + bones[:-1]))
    for one, other in combinations(sorted(bones), 2):
        yield key(5, "pair", one, other)
        for less in _less(one):
            yield key(1, "near", less, other)
        for less in _less(other):
            yield key(1, "near", less, one)
    for bone in dict.fromkeys((*bones, *map("".join, pairwise(bones)))):
        for year in years:
            yield key(3, "year", bone, year)
        if alone:
            yield bearers_key(bone)


def _born(date: str | None) -> Sequence[str]:
    """A whole date, and the same with day and month in the other order."""
    year, *rest = (date or "").split("-")
    return (f"{year}-{rest[0]}-{rest[1]}", f"{year}-{rest[1]}-{rest[0]}") if len(rest) == 2 else ()


def _less(bone: str) -> set[str]:
    """The skeleton itself, and with each one of its consonants left out."""
    return {bone, *(bone[:at] + bone[at + 1 :] for at in range(len(bone)))} - {""}
