"""What the models are made of: the frozen base, bounded text, lists without repeats, dates of known precision.

Rules that hold for every field of every message:

- one spelling for each value: text is NFC, with no spaces at its ends, no control and no direction-override characters;
- every text and every list has a bound;
- unknown is absent: never null, never an empty list (`schemas/messages/codec.py` keeps this on the wire);
- an error names the field and a code, and never holds the value.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, ClassVar, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    GetPydanticSchema,
    StringConstraints,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from schemas.errors import Malformed
from schemas.identity import Address
from schemas.messages.countries import COUNTRIES, ISSUERS

EARLIEST_SECOND: Final = 1_000_000_000
LATEST_SECOND: Final = 9_999_999_999

_BREAKS: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
_DIRECTION: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Model(BaseModel):
    """A part of a message: frozen, strict, and closed to unknown members; built when it is first used."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True, defer_build=True)


def _clean(text: str, *, lines: bool) -> str:
    if not unicodedata.is_normalized("NFC", text):
        raise PydanticCustomError("text_not_nfc", "text is in normal form C")
    if text != text.strip():
        raise PydanticCustomError("text_not_stripped", "text does not begin or end with a space")
    for character in text:
        if lines and character == "\n":
            continue
        if character in _DIRECTION or unicodedata.category(character) in _BREAKS:
            raise PydanticCustomError("text_control", "text holds no control character")
    return text


def _clean_line(text: str) -> str:
    return _clean(text, lines=False)


def _clean_prose(text: str) -> str:
    return _clean(text, lines=True)


def _known_country(code: str) -> str:
    if code not in COUNTRIES:
        raise PydanticCustomError("country_unknown", "a country is an assigned ISO 3166-1 alpha-2 code")
    return code


def _known_issuer(code: str) -> str:
    if code not in ISSUERS:
        raise PydanticCustomError("issuer_unknown", "an issuer is an ISO 3166-1 alpha-2 or an ICAO 9303-3 code")
    return code


def _real_date(text: str) -> str:
    year, month, day = (int(part) for part in (text + "-01-01")[:10].split("-"))
    try:
        date(year, month, day)
    except ValueError:
        raise PydanticCustomError("date_not_real", "the calendar has no such day") from None
    return text


def _address(text: str) -> Address:
    try:
        return Address.parse(text)
    except Malformed:
        raise PydanticCustomError("address", "an address is CODE or CODE/unit") from None


def date_precision(text: str) -> int:
    """How much of a partial date is known: 1 its year, 2 also its month, 3 also its day."""
    return text.count("-") + 1


@dataclass(frozen=True)
class Distinct:
    """Marks a tuple field: at most `limit` values, none twice. Absent is the one spelling of none at all."""

    limit: int

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The tuple's own schema with its bound, stopping at the first bad item, then the check for repeats."""
        inner = handler(source)
        if inner["type"] != "tuple":
            raise TypeError("Distinct marks tuples")
        bounded = core_schema.tuple_schema(
            inner["items_schema"], variadic_item_index=0, max_length=self.limit, fail_fast=True, strict=True
        )
        return core_schema.no_info_after_validator_function(_no_repeats, bounded)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The same in JSON Schema."""
        return {**handler(schema), "minItems": 1, "maxItems": self.limit, "uniqueItems": True}


def _no_repeats(values: tuple[Hashable, ...]) -> tuple[Hashable, ...]:
    if len(set(values)) != len(values):
        raise PydanticCustomError("repeated", "a list holds no value twice")
    return values


Line = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_clean_line)]
"""One line of text, at most 200 characters."""

Prose = Annotated[str, StringConstraints(min_length=1, max_length=4000), AfterValidator(_clean_prose)]
"""Text that may have several lines (line feed), at most 4,000 characters."""

Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$"), AfterValidator(_known_country)]
"""ISO 3166-1 alpha-2."""

Issuer = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,3}$"), AfterValidator(_known_issuer)]
"""Who issued a document: ISO 3166-1 alpha-2, or the ICAO 9303-3 code of one that is no country (UNO, XPO ...)."""

Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
"""ISO 639-1, or 639-3 for a language without a two-letter code."""

PartialDate = Annotated[
    str,
    StringConstraints(pattern=r"^(18|19|20|21)[0-9]{2}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?$"),
    AfterValidator(_real_date),
]
"""A Gregorian date to the precision known: `1971`, `1971-04` or `1971-04-30`."""

Seconds = Annotated[int, Field(ge=EARLIEST_SECOND, le=LATEST_SECOND)]
"""A moment: seconds since the epoch, as in the header."""

Reference = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]([A-Z0-9./-]{0,38}[A-Z0-9])?$")]
"""A bureau's or the secretariat's reference of a case or a notice: capital letters, digits, and `. / -` inside."""

AddressField = Annotated[
    Address,
    GetPydanticSchema(
        lambda _source, _handler: core_schema.no_info_after_validator_function(
            _address, core_schema.str_schema(strict=True, max_length=57)
        )
    ),
]
"""`schemas.identity.Address` as a field: text on the wire."""


class Place(Model):
    """Where something is or was, as far as known."""

    country: Country
    locality: Line | None = None
    """Town or district."""
    detail: Line | None = None
    """Street, building, prison, border crossing."""


class Message(Model):
    """A whole message: what one envelope carries."""

    KIND: ClassVar[str]
    """The kind and version, as in the header's claim: `whereabouts.query/1`."""

    restrictions: Prose | None = None
    """With handling H3: what the recipient may not do, in words."""
