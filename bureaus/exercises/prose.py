"""What people at bureaus write in words, in INTERPOL's four official languages: our own sentences, all synthetic.

A bureau writes in its country's own official language among the four where it has one, else in English, unless the
exercise's file says otherwise (`[staff] languages`). Which language and which sentence is drawn from the seed, the case
and the bureau, apart from every other choice.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import Field, TypeAdapter

from schemas.messages.fields import Prose


class Tongue(StrEnum):
    """An official language of INTERPOL's (ISO 639)."""

    ARABIC = "ar"
    ENGLISH = "en"
    FRENCH = "fr"
    SPANISH = "es"


class Occasion(StrEnum):
    """What a sentence is written about."""

    BACKGROUND = "background"
    """Of a query."""
    CROSSING = "crossing"
    """Of a query about a document that somebody shows at a border."""
    FOUND = "found"
    TRACE = "trace"
    NOTHING = "nothing"
    MORE_TIME = "more-time"
    REFUSED = "refused"
    FURTHER = "further"
    """Closes a case after a trace."""
    CORRECTED = "corrected"
    RESTRICTIONS = "restrictions"


Sentences = Annotated[tuple[Prose, ...], Field(min_length=1)]
_READ: Final = TypeAdapter(dict[Occasion, dict[Tongue, Sentences]])


@cache
def sentences() -> Mapping[Occasion, Mapping[Tongue, Sentences]]:
    """Every sentence by occasion and language."""
    text = files("bureaus.exercises").joinpath("phrases.toml").read_text(encoding="utf-8")
    return MappingProxyType(_READ.validate_python(tomllib.loads(text)))


@cache
def _tongues() -> Mapping[str, Tongue]:
    return {text: tongue for by in sentences().values() for tongue, several in by.items() for text in several}


def tongue_of(text: str) -> Tongue | None:
    """The language of one of our sentences; None for any other text."""
    return _tongues().get(text)


def official(languages: Iterable[str]) -> tuple[Tongue, ...]:
    """Those of a country's languages that are among the four; English where none is."""
    return tuple(Tongue(one) for one in languages if one in set(Tongue)) or (Tongue.ENGLISH,)


class Writer:
    """Somebody at one bureau who writes about one case."""

    def __init__(self, working: tuple[Tongue, ...], seed: int, case: str, bureau: str) -> None:
        """`working` are the bureau's languages, of which one is drawn for the case."""
        self._rng = random.Random(f"{seed} {case} {bureau} words")  # nothing secret comes of it
        self.tongue = self._rng.choice(working)

    def write(self, occasion: Occasion) -> str:
        """A sentence."""
        return self._rng.choice(sentences()[occasion][self.tongue])

    def perhaps(self, occasion: Occasion, share: float) -> str | None:
        """A sentence, in this share of cases."""
        return self.write(occasion) if self._rng.random() < share else None


def only(occasion: Occasion, tongue: Tongue) -> str:
    """The first sentence of an occasion."""
    return sentences()[occasion][tongue][0]
