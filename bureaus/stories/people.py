"""Who is in the story of a notice: a synthetic person, with a picture that shows nobody. No text is of any case."""

from __future__ import annotations

import struct
import zlib
from typing import Final

from schemas.messages.attachments import Attachment, MediaType, Shows
from schemas.messages.codes import DocumentType, NoticeColour, Offence, Sex
from schemas.messages.documents import IdentityDocument
from schemas.messages.notice_codes import Pursued
from schemas.messages.notices import Assurance, NoticeRequest, Penalty
from schemas.messages.person import Charge, Name, Person, Warrant

PASSPORT: Final = "99ZZ54321"
CASE: Final = "FR-2026/STORY-1"
ARREST: Final = "KE-2026/STORY-7"
EXTRADITION: Final = "FR-2026/STORY-1X"
COLOUR: Final = NoticeColour.RED
DENIED: Final = "AR"
"""The country that the owner does not show the notice to."""
WARRANT: Final = Warrant(
    country="FR", reference="FR-W/2025-118", authority="Synthetic court of Lyon", issued="2025-11-03"
)
CHARGES: Final = (
    Charge(
        offence=Offence.ENVIRONMENTAL,
        country="FR",
        committed="2025",
        facts="Traded in what may not be traded, as this synthetic case has it.",
    ),
)
PERSON: Final = Person(
    name=Name(family="Exemplaire", given="Camille"),
    aliases=(Name(family="Sample", given="Kamil"),),
    sex=Sex.U,
    birth_date="1981-06",
    nationalities=("FR",),
    height_cm=174,
    documents=(IdentityDocument.numbered(DocumentType.PASSPORT, PASSPORT, "FR"),),
    charges=CHARGES,
    warrants=(WARRANT,),
)
"""Nobody: the names mean `example`."""
_SIDE: Final = 96


def picture() -> bytes:
    """A PNG of a grey gradient: 96 by 96, one byte a pixel."""
    rows = b"".join(b"\x00" + bytes((x + y) % 256 for x in range(_SIDE)) for y in range(_SIDE))
    header = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def request(face: bytes, *, complete: bool) -> NoticeRequest:
    """The request; without the assurance that extradition will be asked for it is not complete."""
    return NoticeRequest(
        colour=COLOUR,
        person=PERSON,
        penalty=Penalty(pursued=Pursued.PROSECUTION, months=84),
        extradition=Assurance(authority="Synthetic ministry of justice") if complete else None,
        facts="In 2025 Camille Exemplaire, whom nobody invented as a real person, traded in what may not be traded.",
        case=CASE,
        denied=(DENIED,),
        attachments=(Attachment.of(face, Shows.FACE, MediaType.PNG),),
    )
