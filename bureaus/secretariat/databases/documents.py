"""Documents as they are compared: number, type and issuer, exact once written the same way.

ICAO Doc 9303-3 writes a number in the zone in capitals and digits; what else is printed (spaces, dashes, dots) becomes
filler there, and readers differ in whether they give it back. So separators are left out on both sides. The letter O
and the digit 0 stay apart: the standard allows both in a number, and its check digit tells them apart.

All passports are of one letter in the zone, P: an officer who reads one and says `passport` means a diplomatic one too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bureaus.secretariat.databases.keys import key
from schemas.messages.codes import DocumentType
from schemas.messages.databases import DatabaseRecord, DocumentQuestion
from schemas.messages.documents import IdentityDocument
from schemas.messages.search_codes import MatchReason

_SEPARATORS: Final = str.maketrans("", "", " ./-<")
_PASSPORTS: Final = frozenset(
    {
        DocumentType.PASSPORT,
        DocumentType.DIPLOMATIC_PASSPORT,
        DocumentType.SERVICE_PASSPORT,
        DocumentType.EMERGENCY_PASSPORT,
    }
)


def plain(number: str) -> str:
    """The number as it is compared: capitals and digits alone."""
    return number.upper().translate(_SEPARATORS)


def number_key(number: str) -> int:
    """What records with this number are found by."""
    return key(1, "document", plain(number))


def documents(record: DatabaseRecord) -> Iterator[IdentityDocument]:
    """The documents that a record is found by: the listed one, or those of the person."""
    if record.document is not None:
        yield record.document.document
    if record.person is not None:
        yield from record.person.documents


def match(question: DocumentQuestion, there: IdentityDocument) -> tuple[MatchReason, ...]:
    """Why the document is the one asked for; empty where it is another."""
    if plain(question.number) != plain(there.number):
        return ()
    reasons = [MatchReason.NUMBER if question.number == there.number else MatchReason.NUMBER_SPELLING]
    if question.issuer is not None and there.issuer is not None:
        if question.issuer != there.issuer:
            return ()
        reasons.append(MatchReason.ISSUER)
    if question.type is not None:
        if _zone_type(question.type) != _zone_type(there.type):
            return ()
        reasons.append(MatchReason.DOCUMENT_TYPE)
    return tuple(reasons)


def _zone_type(kind: DocumentType) -> DocumentType:
    return DocumentType.PASSPORT if kind in _PASSPORTS else kind
