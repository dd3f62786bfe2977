"""Requests for notices about synthetic persons, and the pictures that go with them, for tests."""

from __future__ import annotations

import random

from schemas.messages.attachments import Attachment, MediaType, Shows
from schemas.messages.codes import DocumentType, NoticeColour, Offence, Sex
from schemas.messages.documents import IdentityDocument
from schemas.messages.notice_codes import Pursued, ThingKind
from schemas.messages.notices import Assurance, NoticeRequest, Penalty, Thing
from schemas.messages.person import Charge, Name, Person, Warrant

PICTURE = random.Random(7).randbytes(20_000)  # noqa: S311  # a picture that any run makes again
LISTED = Attachment.of(PICTURE, Shows.FACE, MediaType.JPEG)

WANTED = Person(
    name=Name(family="Marolet-Ex", given="Tibo"),
    sex=Sex.M,
    birth_date="1974-03",
    height_cm=181,
    nationalities=("FR",),
    documents=(IdentityDocument.numbered(DocumentType.PASSPORT, "12AB34567", "FR"),),
    charges=(Charge(offence=Offence.DRUGS, country="FR", committed="2019", facts="Sold what may not be sold."),),
    warrants=(Warrant(country="FR", reference="TGI-2020/17", authority="Court of Lyon", issued="2020-02-01"),),
)
"""Nobody: the name says so."""
RED = NoticeRequest(
    colour=NoticeColour.RED,
    person=WANTED,
    penalty=Penalty(pursued=Pursued.PROSECUTION, months=120),
    extradition=Assurance(authority="Ministry of Justice"),
    facts="Between 2018 and 2019 he sold what may not be sold.",
    case="FR-2026/1",
    attachments=(LISTED,),
)
BODY = NoticeRequest(
    colour=NoticeColour.BLACK,
    thing=Thing(kind=ThingKind.BODY, name="Body 4 of the harbour", sex=Sex.F, height_cm=165, date="2026-01"),
    case="FR-2026/2",
    attachments=(LISTED,),
)
