"""Synthetic persons. None of them exists; every family name ends in `-Ex` (or that in its script) to say so.

Names are strung together from syllables, in the Latin, Cyrillic, Greek, Arabic or Han script as the country writes, and
what a real file often lacks is left out here too: parts of dates, documents, measures. The same generator state gives
the same person again.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from pydantic import BaseModel, ConfigDict, TypeAdapter

from bureaus.exercises.catalogue import Country
from schemas.messages.codes import DocumentType, EyeColour, HairColour, MarkKind, Offence, Sex
from schemas.messages.documents import IdentityDocument
from schemas.messages.fields import Place
from schemas.messages.person import Charge, Mark, Name, Person, Warrant

REFERENCE_YEAR: Final = 2011
"""The year that ages are counted from unless another is given."""


class _Script(BaseModel):
    """Syllables in Latin letters and as written, and the ending that marks a synthetic family name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    syllables: dict[str, str]
    ending: str
    languages: tuple[str, ...]
    short: bool
    """One or two syllables a name, the family's first."""


@cache
def _scripts() -> Mapping[str, _Script]:
    """Scripts by language; every other language is written in Latin letters, as files for other countries are."""
    text = files("bureaus.exercises").joinpath("syllables.toml").read_text(encoding="utf-8")
    read = TypeAdapter(dict[str, _Script]).validate_python(tomllib.loads(text))
    return MappingProxyType(
        {"": read["latin"]} | {tongue: script for script in read.values() for tongue in script.languages}
    )


_BODY_PARTS: Final = ("left forearm", "right forearm", "neck", "left hand", "right cheek", "back", "left shin")
_MARKS: Final[Mapping[MarkKind, Sequence[str]]] = MappingProxyType(
    {
        MarkKind.SCAR: ("3 cm, straight", "burn, palm-sized", "two parallel lines"),
        MarkKind.TATTOO: ("anchor", "three stars", "compass rose", "the word EXERCISE"),
        MarkKind.BIRTHMARK: ("brown, coin-sized", "red, oval"),
        MarkKind.PIERCING: ("healed", "ring"),
    }
)
_DOCUMENTS: Final = (DocumentType.PASSPORT, DocumentType.PASSPORT, DocumentType.IDENTITY_CARD)
_DOCUMENT_SIGNS: Final = "ABCDEFGHKLMNPRSTUVWXYZ0123456789"


def synthetic_person(
    rng: random.Random,
    country: Country,
    *,
    offences: Sequence[Offence] = (Offence.OTHER,),
    year: int = REFERENCE_YEAR,
) -> Person:
    """A person wanted by a country: a name, at least one charge and one warrant, and a part of everything else.

    Args:
        rng: where every choice comes from.
        country: who seeks the person, and whose languages and script the name has.
        offences: what the charges are taken from.
        year: the person is at most 75 years old then, and was at least 18 when accused of something.
    """
    accused = rng.randint(year - 12, year - 2)
    name = _name(rng, country.languages)
    known_at_home = rng.random() < 0.8
    born = _some_day(rng, year - 75, accused - 19)
    return Person(
        name=name,
        aliases=_aliases(rng, name, country.languages),
        sex=rng.choices((Sex.M, Sex.F, Sex.U), (80, 17, 3))[0],
        birth_date=_as_known(rng, born),
        birth_place=synthetic_town(rng) if rng.random() < 0.5 else None,
        birth_country=country.code if known_at_home else None,
        nationalities=(country.code,) if known_at_home else (),
        languages=tuple(country.languages) if rng.random() < 0.6 else (),
        height_cm=rng.randint(150, 200) if rng.random() < 0.6 else None,
        weight_kg=rng.randint(48, 120) if rng.random() < 0.4 else None,
        eyes=rng.choice(tuple(EyeColour)[:6]) if rng.random() < 0.6 else None,
        hair=rng.choice((HairColour.BLACK, HairColour.BROWN, HairColour.GREY, HairColour.BALD)),
        marks=_marks(rng),
        documents=_documents(rng, country.code, year),
        charges=_charges(rng, country.code, offences, accused),
        warrants=(_warrant(rng, country.code, accused + 1),),
    )


def synthetic_town(rng: random.Random) -> str:
    """A town that is on no map, `-Ex` at its end."""
    return _latin(_draw(rng, _scripts()[""], 2)) + "ville-Ex"


def synthetic_place(rng: random.Random, country: str) -> Place:
    """A place in a country, by its ISO 3166-1 alpha-2 code."""
    detail = rng.choice(("police station", "border crossing", "hostel", "harbour", "bus station", None))
    return Place(country=country, locality=synthetic_town(rng), detail=detail)


def synthetic_day(rng: random.Random, first_year: int, last_year: int) -> str:
    """A full date in those years, both included."""
    return _some_day(rng, first_year, last_year).isoformat()


def synthetic_document(rng: random.Random, issuer: str, year: int) -> IdentityDocument:
    """A document of a country with its right check digit; one that has an expiry date may be over."""
    number = "".join(rng.choice(_DOCUMENT_SIGNS) for _ in range(9))
    expires = synthetic_day(rng, year - 3, year + 7) if rng.random() < 0.5 else None
    return IdentityDocument.numbered(rng.choice(_DOCUMENTS), number, issuer, expires=expires)


def _draw(rng: random.Random, script: _Script, count: int) -> list[tuple[str, str]]:
    return rng.sample(list(script.syllables.items()), count)


def _latin(drawn: list[tuple[str, str]]) -> str:
    return "".join(latin for latin, _ in drawn).title()


def _written(drawn: list[tuple[str, str]]) -> str:
    return "".join(native for _, native in drawn).title()


def _name(rng: random.Random, languages: Sequence[str]) -> Name:
    script = _scripts().get(languages[0], _scripts()[""])
    family = _draw(rng, script, 1 if script.short else rng.choice((2, 3)))
    given = _draw(rng, script, rng.choice((1, 2)) if script.short else 2)
    last, first = _written(family) + script.ending, _written(given)
    original = f"{last}{first}" if script.short else f"{first} {last}"
    return Name(
        family=_latin(family) + "-Ex",
        given=_latin(given),
        original=original if script.languages else None,
    )


def _aliases(rng: random.Random, name: Name, languages: Sequence[str]) -> tuple[Name, ...]:
    count = rng.choices((0, 1, 2), (60, 30, 10))[0]
    drawn = dict.fromkeys(_name(rng, languages) for _ in range(count))
    return tuple(alias for alias in drawn if alias != name)


def _some_day(rng: random.Random, first_year: int, last_year: int) -> date:
    first, last = date(first_year, 1, 1), date(last_year, 12, 31)
    return first + timedelta(days=rng.randint(0, (last - first).days))


def _as_known(rng: random.Random, day: date) -> str | None:
    """A date to the precision that a file has: in full, its month, its year, or not at all."""
    return rng.choices((day.isoformat(), f"{day:%Y-%m}", f"{day:%Y}", None), (70, 8, 17, 5))[0]


def _marks(rng: random.Random) -> tuple[Mark, ...]:
    if rng.random() < 0.6:
        return ()
    kind = rng.choice(tuple(_MARKS))
    return (Mark(kind=kind, where=rng.choice(_BODY_PARTS), description=rng.choice(_MARKS[kind])),)


def _documents(rng: random.Random, issuer: str, year: int) -> tuple[IdentityDocument, ...]:
    count = rng.choices((0, 1, 2), (35, 50, 15))[0]
    return tuple(dict.fromkeys(synthetic_document(rng, issuer, year) for _ in range(count)))


def _charges(rng: random.Random, country: str, offences: Sequence[Offence], year: int) -> tuple[Charge, ...]:
    kinds = rng.sample(list(offences), min(len(offences), rng.choice((1, 1, 2))))
    return tuple(
        Charge(offence=kind, country=country, committed=_as_known(rng, _some_day(rng, year, year))) for kind in kinds
    )


def _warrant(rng: random.Random, country: str, year: int) -> Warrant:
    issued = _some_day(rng, year, year)
    return Warrant(
        country=country,
        reference=f"{country}-W-{issued:%Y}-{rng.randint(1, 99999):05}",
        authority=f"Court of {synthetic_town(rng)}",
        issued=issued.isoformat(),
        max_penalty_months=rng.choice((60, 120, 180, 240, None)),
    )
