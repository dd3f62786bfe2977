"""Provisional arrest and extradition: which fields follow from which word, and what the header says of it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from schemas.codes import Answer
from schemas.messages import decode, encode
from schemas.messages.arrest_codes import Extradition, ExtraditionGround, Identified, ReleaseGround, Sought
from schemas.messages.arrests import ArrestAnswer, ArrestProvisional, ExtraditionAnswer, ExtraditionRequest
from schemas.messages.attachments import Attachment, MediaType, Shows
from schemas.messages.codes import NoticeColour, Offence
from schemas.messages.fields import Message, Place
from schemas.messages.person import Charge, Name, Person, Warrant
from schemas.messages.whereabouts import Notice

PERSON = Person(name=Name(family="Example", given="Sam"))
WARRANT = Warrant(country="FR", reference="W-1")
CHARGES = (Charge(offence=Offence.FRAUD, country="FR"),)
FIELDS: dict[str, object] = {
    "until": 1_700_000_000,
    "warrant": WARRANT,
    "charges": CHARGES,
    "request": "X-1",
    "date": "2026-11-22",
    "ground": ExtraditionGround.OWN_NATIONAL,
    "release": ReleaseGround.NO_PAPERS,
}
SOUGHT = {
    Sought.PAPERS_FOLLOW: ({"until", "warrant", "charges"}, Answer.MORE_TIME),
    Sought.PAPERS_SENT: ({"request"}, Answer.FINAL),
    Sought.NOT_SOUGHT: (set(), Answer.FINAL),
    Sought.NOTED: (set(), Answer.FINAL),
}
OUTCOMES = {
    Extradition.IN_PROCESS: ({"until"}, Answer.MORE_TIME),
    Extradition.SURRENDERED: ({"date"}, Answer.FINAL),
    Extradition.REFUSED: ({"ground"}, Answer.REFUSED),
    Extradition.RELEASED: ({"date", "release"}, Answer.FINAL),
}


def arrest(**changed: object) -> ArrestProvisional:
    fields: dict[str, object] = {
        "case": "KE-7",
        "notice": Notice(colour=NoticeColour.RED, number="R-1/2026"),
        "person": PERSON,
        "identified": (Identified.DOCUMENT,),
        "arrested": 1_700_000_000,
        "place": Place(country="KE", locality="Namanga"),
    }
    return ArrestProvisional.model_validate(fields | changed)


def same(message: Message, attached: tuple[bytes, ...] = ()) -> None:
    assert decode(message.KIND, encode(message, attached)) == message


def test_an_arrest_says_on_what_and_by_what() -> None:
    same(arrest())
    same(arrest(notice=None, record="DB-9", papers_by=1_700_000_001, law="Extradition Act"))
    with pytest.raises(ValidationError, match="arrest_basis"):
        arrest(notice=None)
    with pytest.raises(ValidationError, match="identified"):
        arrest(identified=())


@pytest.mark.parametrize("word", Sought)
def test_what_the_owner_says_follows_its_word(word: Sought) -> None:
    needed, code = SOUGHT[word]
    names = ("until", "warrant", "charges", "request")
    said = ArrestAnswer.model_validate({"word": word, "case": "KE-7"} | {name: FIELDS[name] for name in needed})
    assert said.answer is code
    same(said)
    for name in names:
        fields = needed ^ {name}
        with pytest.raises(ValidationError):
            ArrestAnswer.model_validate({"word": word, "case": "KE-7"} | {each: FIELDS[each] for each in fields})


@pytest.mark.parametrize("word", Extradition)
def test_what_became_of_it_follows_its_word(word: Extradition) -> None:
    needed, code = OUTCOMES[word]
    given = {"word": word, "request": "X-1"}
    said = ExtraditionAnswer.model_validate(given | {name: FIELDS[name] for name in needed})
    assert said.answer is code
    same(said)
    for name in ("until", "date", "ground", "release"):
        fields = needed ^ {name}
        with pytest.raises(ValidationError, match="outcome"):
            ExtraditionAnswer.model_validate(given | {each: FIELDS[each] for each in fields})


def test_only_a_release_may_be_of_no_request_and_names_the_case_then() -> None:
    released = {"word": Extradition.RELEASED, "date": "2026", "release": ReleaseGround.NO_PAPERS}
    same(ExtraditionAnswer.model_validate(released | {"case": "KE-7"}))
    for wrong in (released, {"word": Extradition.SURRENDERED, "date": "2026", "case": "KE-7"}):
        with pytest.raises(ValidationError, match="request"):
            ExtraditionAnswer.model_validate(wrong)


def test_the_papers_travel_with_the_request() -> None:
    paper = b"%PDF-1.7 a warrant"
    request = ExtraditionRequest(
        request="X-1",
        person=PERSON,
        warrant=WARRANT,
        charges=CHARGES,
        authority="Ministry of Justice",
        attachments=(Attachment.of(paper, Shows.WARRANT, MediaType.PDF),),
    )
    same(request, (paper,))
    with pytest.raises(ValidationError, match="charges"):
        ExtraditionRequest(request="X-1", person=PERSON, warrant=WARRANT, charges=(), authority="Ministry")
