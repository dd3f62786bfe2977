"""The INFRA operations, the countries and the organisations of this folder's TOML files, checked as they are read.

The figures are published; which countries took part is not. `participants` chooses them by area, always the same ones,
and `Operation.choice` says in a sentence how, for whoever shows an exercise to people.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from functools import cache
from importlib.resources import files
from itertools import zip_longest
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Self

from pydantic import Field, TypeAdapter, model_validator

from bureaus.exercises.data import Data
from bureaus.exercises.prose import Tongue, official
from bureaus.exercises.reading import line_of, read
from bureaus.exercises.script import LASTING, Asking, Disturbance, Gateway, Habits, Line, Time
from bureaus.exercises.services import Services
from bureaus.exercises.staff import Staff, StaffOf
from schemas.errors import Malformed, Misuse
from schemas.identity import Address, parse_operation_id
from schemas.messages.codes import Offence
from schemas.messages.countries import COUNTRIES
from schemas.messages.fields import Language, PartialDate

SECRETARIAT: Final = Address("IPSG")


class Area(StrEnum):
    """Parts of the world, for choosing participants. Ours."""

    SOUTH_AMERICA = "south-america"
    CENTRAL_AMERICA = "central-america"
    NORTH_AMERICA = "north-america"
    CARIBBEAN = "caribbean"
    EUROPE = "europe"
    MIDDLE_EAST = "middle-east"
    CENTRAL_ASIA = "central-asia"
    SOUTH_ASIA = "south-asia"
    SOUTHEAST_ASIA = "southeast-asia"
    EAST_ASIA = "east-asia"
    OCEANIA = "oceania"
    NORTH_AFRICA = "north-africa"
    AFRICA = "africa"


class Organisation(Data):
    """An international organisation: a participant with narrower rights."""

    code: str
    name: str
    utc: Annotated[int, Field(ge=-720, le=840)]
    """Minutes from UTC at its seat."""


class Country(Data):
    """A member country, whose national central bureau has its code."""

    code: str
    name: str
    area: Area
    languages: Annotated[tuple[Language, ...], Field(min_length=1)]
    utc: Annotated[int, Field(ge=-720, le=840)]
    """Minutes from UTC in its capital, approximately."""

    @model_validator(mode="after")
    def _is_a_country(self) -> Self:
        if self.code not in COUNTRIES:
            raise ValueError(f"{self.code} is not an ISO 3166-1 alpha-2 code")
        return self


class Claim(Data):
    """What a source says, and when it said so."""

    says: str
    source: str
    published: PartialDate


class Total(Data):
    """What all operations together led to, as one source counted."""

    arrested: int
    located: int
    source: str
    published: PartialDate


class Kind(StrEnum):
    """What an exercise is after."""

    INFRA = "infra"
    """An operation that was, with its published figures."""
    BORDER = "border"
    CRISIS = "crisis"


class Operation(Data):
    """One exercise: an INFRA operation's published figures or one of our own, and how it chooses its participants."""

    id: str
    name: str
    kind: Kind = Kind.INFRA
    year: Annotated[int, Field(ge=2009, le=2099)]
    focus: tuple[str, ...] = ()
    """In the source's words; empty where it names none."""
    area: str
    """In the source's words."""
    targets: Annotated[int, Field(gt=0)]
    participants: Annotated[int, Field(gt=0)]
    """How many countries took part."""
    organisations: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    """Units of participants, such as KE/border-namanga, that ask about their bureaus' cases over links of their own."""
    offences: Annotated[tuple[Offence, ...], Field(min_length=1)]
    """What the synthetic targets are accused of: ours, after the focus."""
    whole: tuple[Area, ...] = ()
    """Areas taken one after the other, each whole."""
    spread: tuple[Area, ...] = ()
    """Areas taken from in turn until there are enough."""
    choice: str
    """How an exercise chooses the participants, in a sentence."""
    claims: tuple[Claim, ...] = ()
    habits: Habits = Habits()
    asking: Asking = Asking()
    time: Time = Time()
    staff: Staff = Staff()
    staff_of: tuple[StaffOf, ...] = ()
    lines: tuple[Line, ...] = ()
    gateway: Gateway = Gateway()
    services: Services = Services()
    disturbances: tuple[Disturbance, ...] = ()

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        try:
            parse_operation_id(self.id)
        except Malformed as error:
            raise ValueError(error.detail) from None
        if not self.claims and self.kind is Kind.INFRA:
            raise ValueError("an INFRA operation names its sources: claims")
        return self


def _text(*path: str) -> str:
    return files("bureaus.exercises").joinpath(*path).read_text(encoding="utf-8")


def _with_codes(name: str) -> dict[str, dict[str, object]]:
    return {code: {"code": code} | value for code, value in tomllib.loads(_text(name)).items()}


@cache
def countries() -> Mapping[str, Country]:
    """The member countries by code."""
    return MappingProxyType(TypeAdapter(dict[str, Country]).validate_python(_with_codes("countries.toml")))


@cache
def organisations() -> Mapping[str, Organisation]:
    """The organisations by code."""
    read = TypeAdapter(dict[str, Organisation]).validate_python(_with_codes("organisations.toml"))
    return MappingProxyType(read)


@cache
def exercises() -> Mapping[str, Operation]:
    """All exercises by id, in order of year and name."""
    texts = [(file.name, file.read_text(encoding="utf-8")) for file in (files("bureaus.exercises") / "files").iterdir()]
    found = sorted((_read(text, name) for name, text in texts if name.endswith(".toml")), key=_by_year)
    return MappingProxyType({operation.id: operation for operation in found})


@cache
def operations() -> Mapping[str, Operation]:
    """The eight INFRA operations by id, in order of year and name."""
    return MappingProxyType({name: one for name, one in exercises().items() if one.kind is Kind.INFRA})


def _read(text: str, name: str) -> Operation:
    operation = read(Operation, text, name)
    unknown = set(operation.organisations) - organisations().keys()
    if unknown:
        raise Misuse(f"{name}: {operation.id} names unknown organisations: {sorted(unknown)}")
    bureaus = {str(code) for code in participants(operation)}
    taking = bureaus | set(operation.units)
    disturbed = [one for one in operation.disturbances if one.bureau is not None]
    named = (
        ("disturbances", {str(one.bureau) for one in disturbed if one.what in LASTING}, taking),
        ("disturbances", {str(one.bureau) for one in disturbed if one.what not in LASTING}, bureaus),
        ("staff_of", {code for one in operation.staff_of for code in one.bureaus}, bureaus),
        ("lines", {code for one in operation.lines for code in one.bureaus}, taking),
    )
    _check_units(operation, bureaus, f"{name}:{line_of(text, 'units')}: units")
    for key, codes, there in named:
        if away := codes - there:
            raise Misuse(f"{name}:{line_of(text, key)}: {key} names {sorted(away)}, which do not take part")
    if strange := {area for one in operation.staff_of for area in one.areas} - set(Area):
        raise Misuse(f"{name}:{line_of(text, 'staff_of')}: staff_of names {sorted(strange)}, which are no areas")
    return operation


def _check_units(operation: Operation, bureaus: Collection[str], where: str) -> None:
    try:
        units = [Address.parse(unit) for unit in operation.units]
    except Malformed as error:
        raise Misuse(f"{where}: {error.detail}") from None
    if len(set(units)) != len(units) or any(unit.unit is None for unit in units):
        raise Misuse(f"{where} are addresses CODE/unit, each once")
    if away := sorted({str(unit) for unit in units if unit.bureau not in bureaus}):
        raise Misuse(f"{where} names {away}, whose bureaus do not take part")


def staff_at(operation: Operation, code: str) -> Staff:
    """How this bureau's people work: the operation's staff, with all that is different there, the last word last."""
    staff = operation.staff
    for one in operation.staff_of:
        if code in one.bureaus or countries()[code].area in one.areas:
            staff = one.over(staff)
    return staff


def working_languages(operation: Operation, code: str) -> tuple[Tongue, ...]:
    """In which languages this bureau's people write: what the exercise says, or its country's official ones."""
    return staff_at(operation, code).languages or official(countries()[code].languages)


@cache
def totals() -> tuple[Total, ...]:
    """The published totals over all operations."""
    return TypeAdapter(tuple[Total, ...]).validate_python(tomllib.loads(_text("totals.toml"))["totals"])


def operation(identifier: str) -> Operation:
    """The exercise of that id, or of the file at that path, which ends in `.toml`.

    Raises:
        Misuse: there is none, or its file is wrong, with the line.
    """
    if identifier.endswith(".toml"):
        try:
            return _read(Path(identifier).read_text("utf-8"), identifier)
        except (OSError, UnicodeDecodeError) as error:
            raise Misuse(f"cannot read {identifier}: {error}") from None
    found = exercises().get(identifier)
    if found is None:
        raise Misuse(f"no such exercise; there are {', '.join(exercises())}, or a path that ends in .toml")
    return found


def participants(operation: Operation) -> list[Address]:
    """The bureaus of the countries that take part in an exercise of this operation, always the same in the same order.

    Organisations (`Operation.organisations`) and the secretariat come on top of them.

    Raises:
        Misuse: the operation's areas have too few countries.
    """
    chosen = [code for area in operation.whole for code in _area(area)]
    rows = zip_longest(*(_mixed(operation.id, _area(area)) for area in operation.spread))
    chosen += [code for row in rows for code in row if code is not None and code not in chosen]
    if len(chosen) < operation.participants:
        raise Misuse(f"the areas of {operation.id} have {len(chosen)} countries, not {operation.participants}")
    return [Address.parse(code) for code in chosen[: operation.participants]]


def _area(area: Area) -> list[str]:
    return sorted(country.code for country in countries().values() if country.area is area)


def _mixed(operation_id: str, codes: Sequence[str]) -> list[str]:
    """The same codes in an order that differs between operations, so that not always the same countries take part."""
    return sorted(codes, key=lambda code: hashlib.sha256(f"{operation_id} {code}".encode()).digest())


def _by_year(operation: Operation) -> tuple[int, str]:
    return operation.year, operation.id
