"""Identity documents, and the check digit of the machine readable zone (ICAO Doc 9303-3, section 4.9).

The check digit finds a slip of the pen: digits count as they are, letters A to Z as 10 to 35, filler as 0; the values
are weighted 7, 3, 1, 7, 3, 1 ... and summed; the digit is the sum modulo 10. It belongs to the number as the zone shows
it: characters that the zone cannot show become filler there.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from itertools import cycle
from types import MappingProxyType
from typing import Annotated, Final, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from schemas.errors import Misuse
from schemas.messages.codes import DocumentType
from schemas.messages.fields import Issuer, Model, PartialDate

_VALUES: Final[Mapping[str, int]] = MappingProxyType(
    {"<": 0} | {sign: value for value, sign in enumerate(string.digits + string.ascii_uppercase)}
)
_WEIGHTS: Final = (7, 3, 1)

DocumentNumber = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]([A-Z0-9 ./-]{0,38}[A-Z0-9])?$")]
"""A document's number as printed, in capitals: at most 40 characters."""


def check_digit(field: str) -> int:
    """The check digit of one field of a machine readable zone, filler written `<`.

    Raises:
        Misuse: the field holds a character that the zone does not have.
    """
    try:
        return sum(_VALUES[sign] * weight for sign, weight in zip(field, cycle(_WEIGHTS), strict=False)) % 10
    except KeyError:
        raise Misuse("a machine readable zone has the characters 0-9, A-Z and <") from None


def zone_spelling(number: str) -> str:
    """A document number as the machine readable zone shows it: what the zone does not have becomes filler."""
    return "".join(sign if sign in _VALUES else "<" for sign in number)


class IdentityDocument(Model):
    """A passport, card or other document that says who someone is."""

    type: DocumentType
    number: DocumentNumber
    issuer: Issuer | None = None
    check_digit: Annotated[int, Field(ge=0, le=9)] | None = None
    """The digit after the number in the machine readable zone, where it is known; a wrong one is refused."""
    expires: PartialDate | None = None

    @classmethod
    def numbered(cls, kind: DocumentType, number: str, issuer: str, *, expires: str | None = None) -> Self:
        """A document with its check digit computed.

        Raises:
            pydantic.ValidationError: the number or the issuer is not of the form.
        """
        digit = check_digit(zone_spelling(number))
        return cls(type=kind, number=number, issuer=issuer, check_digit=digit, expires=expires)

    @model_validator(mode="after")
    def _check_digit_holds(self) -> Self:
        if self.check_digit is not None and self.check_digit != check_digit(zone_spelling(self.number)):
            raise PydanticCustomError("check_digit", "the check digit does not belong to the number")
        return self
