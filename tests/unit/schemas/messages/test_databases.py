"""What the databases' messages may say, and what their answers are to the answer clock."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.codes import Answer
from schemas.directory import ParticipantKind
from schemas.messages import Message, Person, decode, encode, kind_of
from schemas.messages.codes import DocumentType, Visibility
from schemas.messages.databases import (
    DatabaseAlert,
    DatabaseAnswer,
    DatabaseQuery,
    DatabaseRecord,
    DatabaseRecorded,
    DocumentQuestion,
    Found,
    NameQuestion,
    RecordDocument,
)
from schemas.messages.documents import IdentityDocument
from schemas.messages.hits import HitConfirmation, HitConfirmed
from schemas.messages.person import Name
from schemas.messages.search_codes import (
    DocumentStatus,
    HitAction,
    MatchReason,
    RecordAct,
    RecordKind,
    RecordOutcome,
    Search,
    Validity,
)
from schemas.rights import may_send

PERSON: Final = Person(name=Name(family="Brukel-Ex"))
LOST: Final = RecordDocument(
    document=IdentityDocument.numbered(DocumentType.PASSPORT, "X1", "BR"), status=DocumentStatus.LOST
)
NUMBER: Final = DocumentQuestion(number="X1")
TIMES: Final = st.integers(1_000_000_000, 9_999_999_999)
REASONS: Final = st.lists(st.sampled_from(MatchReason), min_size=1, max_size=5, unique=True).map(tuple)
SCORES: Final = st.integers(0, 100)
FOUND: Final = st.one_of(
    st.builds(
        Found,
        record=st.integers(1, 999).map("DB-{}".format),
        kind=st.sampled_from(RecordKind),
        owner=st.just("BR"),
        score=SCORES,
        reasons=REASONS,
        person=st.just(PERSON),
        actions=st.just((HitAction.ARREST,)),
    ),
    st.builds(
        Found,
        record=st.integers(1000, 9999).map("DB-{}".format),
        kind=st.sampled_from(RecordKind),
        owner=st.just("BR"),
        score=SCORES,
        reasons=REASONS,
        visibility=st.just(Visibility.AGENCY_ONLY),
    ),
)
MESSAGES: Final = st.one_of(
    st.builds(
        DatabaseRecord,
        act=st.sampled_from((RecordAct.ADD, RecordAct.UPDATE)),
        reference=st.just("BR-1"),
        document=st.just(LOST),
        visibility=st.sampled_from(Visibility),
        denied=st.lists(st.sampled_from(("FR", "KE", "UNMIK")), unique=True).map(tuple),
        review=st.none() | TIMES,
    ),
    st.builds(DatabaseQuery, document=st.just(NUMBER)),
    st.builds(DatabaseQuery, person=st.just(NameQuestion(name=Name(given="Dovmir"), birth_date="1971"))),
    st.lists(FOUND, min_size=1, max_size=10, unique=True).map(
        lambda found: DatabaseAnswer(result=Search.CANDIDATES, found=tuple(found))
    ),
    st.builds(
        DatabaseAlert,
        record=st.just("DB-1"),
        reference=st.just("BR-1"),
        kind=st.sampled_from(RecordKind),
        asker=st.just("KE/border-north"),
        time=TIMES,
        score=SCORES,
        reasons=REASONS,
        visibility=st.just(Visibility.SILENT),
        document=st.just(NUMBER),
    ),
    st.builds(
        HitConfirmation,
        record=st.just("DB-1"),
        kind=st.sampled_from(RecordKind),
        asker=st.just("KE"),
        time=TIMES,
        document=st.just(NUMBER),
    ),
    st.builds(HitConfirmed, validity=st.just(Validity.IN_PROCESS), record=st.just("DB-1"), until=TIMES),
)


@given(MESSAGES)
def test_what_is_said_is_read_as_it_was(message: Message) -> None:
    assert decode(kind_of(message), encode(message)) == message


FOUND_ONE: Final = {"record": "DB-1", "kind": RecordKind.WANTED_PERSON, "owner": "BR", "score": 90}
WHY: Final = {"reasons": (MatchReason.NAME,)}
RECORDED: Final = {"act": RecordAct.ADD, "reference": "BR-1"}


@pytest.mark.parametrize(
    ("model", "fields", "rule"),
    [
        (DatabaseRecord, RECORDED, "record_subject"),
        (DatabaseRecord, RECORDED | {"person": PERSON, "document": LOST}, "record_subject"),
        (DatabaseRecord, RECORDED | {"person": PERSON, "reason": "found"}, "record_reason"),
        (DatabaseRecord, RECORDED | {"act": RecordAct.DELETE, "person": PERSON}, "record_deleted"),
        (DatabaseRecord, RECORDED | {"act": RecordAct.DELETE, "visibility": Visibility.SILENT}, "record_deleted"),
        (DatabaseRecorded, RECORDED | {"outcome": RecordOutcome.RECORDED, "record": "DB-1"}, "recorded_review"),
        (DatabaseRecorded, RECORDED | {"outcome": RecordOutcome.EXISTS, "record": "DB-1"}, "recorded_number"),
        (DatabaseRecorded, RECORDED | {"outcome": RecordOutcome.ERASED, "record": "DB-1"}, "recorded_act"),
        (DatabaseQuery, {}, "query_subject"),
        (DatabaseQuery, {"document": NUMBER, "person": NameQuestion(name=PERSON.name)}, "query_subject"),
        (DatabaseAnswer, {"result": Search.HIT}, "answer_found"),
        (Found, FOUND_ONE | WHY, "found_subject"),
        (Found, FOUND_ONE | {"reasons": (), "person": PERSON}, "found_unexplained"),
        (Found, FOUND_ONE | WHY | {"visibility": Visibility.SILENT}, "found_silent"),
        (Found, FOUND_ONE | WHY | {"visibility": Visibility.AGENCY_ONLY, "person": PERSON}, "found_agency_only"),
        (HitConfirmed, {"validity": Validity.IN_PROCESS, "record": "DB-1"}, "until"),
        (HitConfirmed, {"validity": Validity.CONFIRMED, "record": "DB-1", "until": 2_000_000_000}, "until"),
        (HitConfirmed, {"validity": Validity.NOT_VALID, "record": "DB-1", "conditions": "x"}, "conditions"),
    ],
)
def test_what_contradicts_itself_is_refused(model: type[Message], fields: dict[str, object], rule: str) -> None:
    with pytest.raises(ValidationError) as raised:
        model.model_validate(fields)
    assert raised.value.errors()[0]["type"] == rule


def test_the_answer_clock_learns_no_more_than_how_it_ends() -> None:
    recorded = DatabaseRecorded(
        act=RecordAct.ADD, reference="A", outcome=RecordOutcome.RECORDED, record="DB-1", review=2_000_000_000
    )
    exists = DatabaseRecorded(act=RecordAct.ADD, reference="A", outcome=RecordOutcome.EXISTS)
    assert (recorded.answer, exists.answer) == (Answer.FINAL, Answer.REFUSED)
    assert DatabaseAnswer(result=Search.NO_HIT).answer is Answer.FINAL
    words = [HitConfirmed(validity=one, record="DB-1").answer for one in (Validity.CONFIRMED, Validity.NOT_VALID)]
    assert words == [Answer.FINAL, Answer.FINAL]
    assert HitConfirmed(validity=Validity.IN_PROCESS, record="DB-1", until=2_000_000_000).answer is Answer.MORE_TIME


def test_a_unit_may_ask_and_may_put_nothing_in() -> None:
    assert may_send(ParticipantKind.UNIT, DatabaseQuery.KIND)
    assert not may_send(ParticipantKind.UNIT, DatabaseRecord.KIND)
    assert not may_send(ParticipantKind.ORGANISATION, DatabaseQuery.KIND)
