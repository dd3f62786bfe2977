"""What one record or notice lacks."""

from __future__ import annotations

from datetime import date

from bureaus.secretariat.quality.scores import score_notice, score_record
from schemas.messages.codes import DocumentType, NoticeColour, Sex
from schemas.messages.databases import DatabaseRecord, RecordDocument
from schemas.messages.documents import IdentityDocument
from schemas.messages.notices import NoticeBody
from schemas.messages.person import Name, Person
from schemas.messages.search_codes import DocumentStatus, HitAction, RecordAct
from tests.integration.secretariat.cases import BODY, RED, WANTED

TODAY = date(2026, 11, 22)


def record(person: Person | None = None, *actions: HitAction, document: RecordDocument | None = None) -> DatabaseRecord:
    return DatabaseRecord(act=RecordAct.ADD, reference="FR-1", person=person, document=document, actions=actions)


def test_a_whole_record_is_complete_and_says_what_could_still_be_added() -> None:
    found = score_record(record(WANTED, HitAction.ARREST), "FR", TODAY)
    assert found.complete
    assert found.lacking == ()
    assert set(found.missing) == {"conditions", "day of birth", "place of birth", "description", "languages"}
    assert 0.5 < found.share < 1


def test_a_bare_name_lacks_what_tells_one_person_from_another_and_charges_only_where_wanted() -> None:
    bare = Person(name=Name(family="Example"))
    sought = score_record(record(bare, HitAction.LOCATE), "FR", TODAY)
    wanted = score_record(record(bare, HitAction.ARREST), "FR", TODAY)
    assert sought.lacking == ("whole name", "year of birth", "sex", "nationality")
    assert wanted.lacking == (*sought.lacking, "charge", "warrant")
    assert not sought.complete
    assert "action" in score_record(record(bare), "FR", TODAY).lacking


def test_more_is_never_scored_less() -> None:
    bare = Person(name=Name(family="Example"))
    shares = [
        score_record(record(person, HitAction.LOCATE), "FR", TODAY).points
        for person in (bare, bare.model_copy(update={"sex": Sex.F}), WANTED)
    ]
    assert shares == sorted(shares)
    assert len(set(shares)) == 3


def test_what_contradicts_itself_is_wrong_whatever_it_has() -> None:
    unborn = WANTED.model_copy(update={"birth_date": "2030"})
    found = score_record(record(unborn, HitAction.ARREST), "FR", TODAY)
    assert "born in the future" in found.wrong
    assert not found.complete


def test_a_document_needs_its_issuer() -> None:
    bare = IdentityDocument(type=DocumentType.PASSPORT, number="12AB34567")
    whole = IdentityDocument.numbered(DocumentType.PASSPORT, "12AB34567", "FR", expires="2030")
    seize = HitAction.SEIZE_DOCUMENT
    poor = record(None, seize, document=RecordDocument(document=bare, status=DocumentStatus.LOST))
    rich = record(None, seize, document=RecordDocument(document=whole, status=DocumentStatus.LOST, since="2026"))
    assert score_record(poor, "FR", TODAY).lacking == ("issuer",)
    assert score_record(rich, "FR", TODAY).missing == ("conditions",)


def test_a_notice_lacks_what_screening_says_that_it_lacks() -> None:
    assert score_notice(RED, "FR", TODAY).complete
    assert score_notice(BODY, "FR", TODAY).lacking == ("description",)
    bare = NoticeBody(colour=NoticeColour.RED, person=WANTED)
    assert {"facts", "penalty", "assurance"} & set(score_notice(bare, "FR", TODAY).lacking) == {"penalty", "assurance"}
