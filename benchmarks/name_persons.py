"""Persons in six scripts, and the ways in which they are asked for: the cases of bench_names.py. All are synthetic.

A name is strung together from syllables that stand beside their writing and the Latin spellings that are in use for
it. A record has the name in Latin letters, in its script, or both, as files do. A question differs from its record in
one way (`KINDS`), which is known, so that recall is told by kind.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from schemas.messages.codes import Sex
from schemas.messages.databases import NameQuestion
from schemas.messages.person import Name, Person

_TABLE: Final = tomllib.loads(Path(__file__).with_name("name_syllables.toml").read_text("utf-8"))
SCRIPTS: Final[Mapping[str, Mapping[str, str]]] = {script: row["syllables"] for script, row in _TABLE.items()}
"""Syllables: spellings in Latin letters, the usual one first, and as written."""
_SHORT: Final = frozenset(script for script, row in _TABLE.items() if row["short"])


@dataclass(frozen=True, slots=True)
class Known:
    """A person: its record, and every part's syllables."""

    script: str
    family: Sequence[str]
    given: Sequence[str]
    person: Person


def person(rng: random.Random) -> Known:
    """Somebody."""
    script = rng.choice(tuple(SCRIPTS))
    syllables = tuple(SCRIPTS[script])
    family = rng.sample(syllables, rng.choice((1, 2)) if script in _SHORT else rng.choice((2, 3)))
    given = rng.sample(syllables, 2)
    names = _names(rng, script, family, given)
    aliases: tuple[Name, ...] = ()
    if rng.random() < 0.3:  # a share
        aliases = (_names(rng, script, rng.sample(syllables, 2), rng.sample(syllables, 2)),)
    born = f"{rng.randint(1940, 2004)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
    known = Person(
        name=names,
        aliases=aliases,
        sex=rng.choice((Sex.M, Sex.F)),
        birth_date=born if rng.random() < 0.9 else born[:4],  # a share
        nationalities=(_TABLE[script]["country"],),
    )
    return Known(script, family, given, known)


def _names(rng: random.Random, script: str, family: Sequence[str], given: Sequence[str]) -> Name:
    """In Latin letters, in the script, or both."""
    if script == "latin":
        return Name(family=_spelled(family), given=_spelled(given))
    both = rng.random()
    latin, written = both < 0.75, both >= 0.25  # shares
    one, other = _written(script, family), _written(script, given)
    original = (one + other if script in _SHORT else f"{other} {one}") if written else None
    return Name(family=_spelled(family) if latin else None, given=_spelled(given) if latin else None, original=original)


def _spelled(syllables: Sequence[str], choose: Callable[[Sequence[str]], str] = lambda ways: ways[0]) -> str:
    return "".join(choose(syllable.split("/")) for syllable in syllables).title()


def _written(script: str, syllables: Sequence[str]) -> str:
    return "".join(SCRIPTS[script][syllable] for syllable in syllables)


# ---------------------------------------------------------------------------------------------------- questions


def _exact(_rng: random.Random, known: Known) -> NameQuestion:
    return NameQuestion(name=known.person.name, birth_date=known.person.birth_date)


def _transliteration(rng: random.Random, known: Known) -> NameQuestion:
    """Another spelling in Latin letters, whatever the record has."""
    named = Name(family=_spelled(known.family, rng.choice), given=_spelled(known.given, rng.choice))
    return NameQuestion(name=named, birth_date=known.person.birth_date)


def _order(_rng: random.Random, known: Known) -> NameQuestion:
    return NameQuestion(
        name=Name(family=_spelled(known.given), given=_spelled(known.family)), birth_date=known.person.birth_date
    )


def _typing(rng: random.Random, known: Known) -> NameQuestion:
    family, given = _spelled(known.family), _spelled(known.given)
    if rng.random() < 0.5:  # a share
        family = slip(rng, family)
    else:
        given = slip(rng, given)
    return NameQuestion(name=Name(family=family, given=given), birth_date=known.person.birth_date)


def _missing(rng: random.Random, known: Known) -> NameQuestion:
    one = Name(family=_spelled(known.family)) if rng.random() < 0.7 else Name(given=_spelled(known.given))  # a share
    return NameQuestion(name=one, birth_date=known.person.birth_date)


def _partial(_rng: random.Random, known: Known) -> NameQuestion:
    born = known.person.birth_date
    return NameQuestion(
        name=Name(family=_spelled(known.family), given=_spelled(known.given)), birth_date=born[:4] if born else None
    )


def _swapped(_rng: random.Random, known: Known) -> NameQuestion:
    """Day and month in the other order, where both are months."""
    born = known.person.birth_date
    if born is not None and len(born) == len("1971-04-12") and int(born[8:]) <= 12:  # months
        born = f"{born[:4]}-{born[8:]}-{born[5:7]}"
    return NameQuestion(name=Name(family=_spelled(known.family), given=_spelled(known.given)), birth_date=born)


def _dateless(_rng: random.Random, known: Known) -> NameQuestion:
    return NameQuestion(name=Name(family=_spelled(known.family), given=_spelled(known.given)))


def _several(rng: random.Random, known: Known) -> NameQuestion:
    """Another spelling, a slip, and the year alone."""
    family, given = _spelled(known.family, rng.choice), slip(rng, _spelled(known.given, rng.choice))
    born = known.person.birth_date
    return NameQuestion(name=Name(family=family, given=given), birth_date=born[:4] if born else None)


KINDS: Final[Mapping[str, Callable[[random.Random, Known], NameQuestion]]] = {
    "as recorded": _exact,
    "transliteration": _transliteration,
    "order": _order,
    "typing": _typing,
    "missing part": _missing,
    "partial date": _partial,
    "swapped date": _swapped,
    "no date": _dateless,
    "several": _several,
}


def slip(rng: random.Random, text: str) -> str:
    """One letter left out, changed, doubled, or swapped with its neighbour."""
    at = rng.randrange(len(text) - 1)
    way = rng.randrange(4)
    if way == 0:
        return text[:at] + text[at + 1 :]
    if way == 1:
        return text[:at] + rng.choice("abcdefghijklmnopqrstuvwxyz") + text[at + 1 :]
    if way == 2:  # one of four
        return text[:at] + text[at] + text[at:]
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
