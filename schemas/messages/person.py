"""The person block: who is sought or found, as far as known.

Every field but one name may be absent, and absent means unknown. Nothing is guessed: a date has the precision that is
known, a height is given in whole centimetres or not at all.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.messages.codes import EyeColour, HairColour, MarkKind, Offence, Sex
from schemas.messages.documents import IdentityDocument
from schemas.messages.fields import Country, Distinct, Language, Line, Model, PartialDate, Prose, Reference

Height = Annotated[int, Field(ge=30, le=280)]
"""Centimetres."""

Weight = Annotated[int, Field(ge=1, le=700)]
"""Kilograms."""


class Name(Model):
    """One name of a person: in Latin letters, in the original script, or both. At least one part is there."""

    family: Line | None = None
    given: Line | None = None
    original: Line | None = None
    """The whole name in the script that it is written in at home."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.family is None and self.given is None and self.original is None:
            raise PydanticCustomError("name_empty", "a name has at least one part")
        return self


class Mark(Model):
    """A scar, a tattoo, or what else tells a body from another."""

    kind: MarkKind
    where: Line | None = None
    """The part of the body."""
    description: Line | None = None


class Charge(Model):
    """What the person is accused of, or sentenced for."""

    offence: Offence
    country: Country | None = None
    """Where it is prosecuted."""
    committed: PartialDate | None = None
    facts: Prose | None = None


class Warrant(Model):
    """An arrest warrant or an enforceable sentence."""

    country: Country
    """Who issued it."""
    reference: Reference | None = None
    authority: Line | None = None
    """The court or prosecutor."""
    issued: PartialDate | None = None
    max_penalty_months: Annotated[int, Field(ge=1, le=1200)] | None = None
    """The most that the law allows; absent also where it is life."""


class Person(Model):
    """A person, with one name at least."""

    name: Name
    aliases: Annotated[tuple[Name, ...], Distinct(20)] = ()
    sex: Sex | None = None
    birth_date: PartialDate | None = None
    birth_place: Line | None = None
    birth_country: Country | None = None
    nationalities: Annotated[tuple[Country, ...], Distinct(10)] = ()
    languages: Annotated[tuple[Language, ...], Distinct(20)] = ()
    height_cm: Height | None = None
    weight_kg: Weight | None = None
    eyes: EyeColour | None = None
    hair: HairColour | None = None
    marks: Annotated[tuple[Mark, ...], Distinct(30)] = ()
    documents: Annotated[tuple[IdentityDocument, ...], Distinct(20)] = ()
    charges: Annotated[tuple[Charge, ...], Distinct(20)] = ()
    warrants: Annotated[tuple[Warrant, ...], Distinct(20)] = ()

    @model_validator(mode="after")
    def _aliases_differ(self) -> Self:
        if self.name in self.aliases:
            raise PydanticCustomError("alias_is_name", "an alias differs from the name")
        return self
