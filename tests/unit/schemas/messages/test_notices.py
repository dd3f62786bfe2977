"""Notices and diffusions: one form on the wire, what a colour may be about, and fields that follow from a decision."""

from __future__ import annotations

import json
from collections.abc import Mapping

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codes import Answer
from schemas.errors import Malformed, Reason
from schemas.identity import Address
from schemas.messages import Message, decode, encode, kind_of
from schemas.messages.attachments import Attaching
from schemas.messages.codes import NoticeColour, Sex
from schemas.messages.notice_codes import PERSONS as ABOUT_PERSONS
from schemas.messages.notice_codes import THINGS, Decision, Ending, Issue, NoticeGround, Pursued, ThingKind
from schemas.messages.notices import (
    Assurance,
    DiffusionEnding,
    DiffusionPublication,
    NoticeDecision,
    NoticeEnding,
    NoticeInformation,
    NoticePublication,
    NoticeRequest,
    NoticeReview,
    NoticeUpdate,
    NoticeWithdrawal,
    Penalty,
    RuleFinding,
    Thing,
)
from tests.unit.schemas.messages.test_codec_properties import (
    COUNTRY,
    DATES,
    LINES,
    MARKS,
    PERSONS,
    PLACES,
    PROSE,
    REFERENCE,
    SCHEMAS,
)

COUNTRIES = st.lists(COUNTRY, max_size=3, unique=True).map(tuple)
SECONDS = st.integers(1_000_000_000, 9_999_999_999)
VERSIONS = st.integers(2, 10_000)
BODIES = st.builds(
    Thing,
    kind=st.just(ThingKind.BODY),
    name=LINES,
    description=st.none() | PROSE,
    place=st.none() | PLACES,
    date=st.none() | DATES,
    sex=st.none() | st.sampled_from(Sex),
    height_cm=st.none() | st.integers(30, 280),
    marks=st.lists(MARKS, max_size=2, unique=True).map(tuple),
)
RED_FIELDS: Mapping[str, st.SearchStrategy[object]] = {
    "colour": st.sampled_from(sorted(ABOUT_PERSONS)),
    "person": PERSONS,
    "penalty": st.none()
    | st.builds(Penalty, pursued=st.sampled_from(Pursued), months=st.none() | st.integers(1, 1200)),
    "extradition": st.none() | st.builds(Assurance, authority=LINES, countries=COUNTRIES),
    "facts": st.none() | PROSE,
    "last_known": st.none() | PLACES,
}
BLACK_FIELDS: Mapping[str, st.SearchStrategy[object]] = {"colour": st.just(NoticeColour.BLACK), "thing": BODIES}
OWNER = st.sampled_from([Address("FR"), Address("KE")])
LATER = st.sampled_from([Issue.UPDATED, Issue.ADDENDUM])
FINDINGS = st.builds(RuleFinding, rule=st.integers(1, 99), name=LINES, found=LINES, mend=LINES)
DECISIONS = st.one_of(
    st.builds(NoticeDecision, decision=st.just(Decision.WITHDRAWN), number=REFERENCE),
    st.builds(NoticeDecision, decision=st.just(Decision.PUBLISHED), case=REFERENCE, number=REFERENCE, version=VERSIONS),
    st.builds(NoticeDecision, decision=st.just(Decision.REFUSED), ground=st.sampled_from(NoticeGround)),
    st.builds(
        NoticeDecision,
        decision=st.just(Decision.MORE_INFORMATION),
        case=REFERENCE,
        findings=st.lists(FINDINGS, min_size=1, max_size=2, unique=True).map(tuple),
    ),
)
ENDINGS = st.sampled_from(Ending)
MESSAGES = st.one_of(
    st.builds(NoticeRequest, case=REFERENCE, denied=COUNTRIES, **RED_FIELDS),
    st.builds(NoticeInformation, case=REFERENCE, denied=COUNTRIES, note=st.none() | PROSE, **BLACK_FIELDS),
    st.builds(NoticeUpdate, number=REFERENCE, issue=LATER, case=REFERENCE, note=st.none() | PROSE, **RED_FIELDS),
    st.builds(
        NoticePublication,
        number=REFERENCE,
        version=VERSIONS,
        issue=LATER,
        owner=OWNER,
        published=SECONDS,
        review=SECONDS,
        **BLACK_FIELDS,
    ),
    st.builds(DiffusionPublication, case=REFERENCE, version=st.just(1), issue=st.just(Issue.NEW), **RED_FIELDS),
    DECISIONS,
    st.builds(NoticeReview, number=REFERENCE, version=VERSIONS, review=SECONDS),
    st.builds(NoticeWithdrawal, number=REFERENCE, reason=st.none() | PROSE),
    st.builds(NoticeEnding, number=REFERENCE, ending=ENDINGS, ended=SECONDS, reason=st.none() | PROSE),
    st.builds(DiffusionEnding, owner=OWNER, case=REFERENCE, ending=ENDINGS, reason=st.none() | PROSE),
)
METHOD = Thing(kind=ThingKind.METHOD, name="Hollow bricks")


@settings(max_examples=60)
@given(MESSAGES)
def test_what_is_said_of_notices_has_one_form_and_fits_its_schema(message: Message) -> None:
    content = encode(message)
    assert decode(kind_of(message), content) == message
    schema = json.loads((SCHEMAS / f"{kind_of(message).replace('/', '-')}.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(json.loads(content))


def refused(model: type[Message], **fields: object) -> str:
    with pytest.raises(Malformed) as caught:
        decode(model.KIND, json.dumps(fields).encode())
    assert caught.value.reason is Reason.CONTENT_MODEL
    return caught.value.detail


@pytest.mark.parametrize("colour", NoticeColour)
def test_a_colour_is_about_what_it_is_for(colour: NoticeColour) -> None:
    person = {"name": {"family": "Marolet-Ex"}}
    taken = set()
    for kind in ThingKind:
        fields = {"colour": colour, "case": "A", "thing": {"kind": kind, "name": "It"}}
        try:
            decode(NoticeRequest.KIND, json.dumps(fields).encode())
        except Malformed as error:
            assert "colour_thing" in error.detail  # noqa: PT017  # which of them are taken is what is asked
        else:
            taken.add(kind)
    assert taken == set(THINGS.get(colour, ()))
    about = {"colour": colour, "case": "A", "person": person}
    if colour in ABOUT_PERSONS:
        decode(NoticeRequest.KIND, json.dumps(about).encode())
    else:
        assert "colour_person" in refused(NoticeRequest, **about)
    assert "one_subject" in refused(NoticeRequest, colour=colour, case="A")


def test_every_colour_is_about_something() -> None:
    assert set(NoticeColour) == ABOUT_PERSONS | set(THINGS)


def test_a_notice_of_a_person_and_a_thing_is_none() -> None:
    both = {"person": {"name": {"family": "A"}}, "thing": {"kind": "event", "name": "B"}}
    assert "one_subject" in refused(NoticeRequest, colour="orange", case="A", **both)


def test_sex_height_and_marks_are_of_a_body() -> None:
    thing = {"kind": "method", "name": "A", "height_cm": 160}
    assert "not_a_body" in refused(NoticeRequest, colour="purple", case="A", thing=thing)


@pytest.mark.parametrize(
    ("decision", "answer"),
    [
        (NoticeDecision(decision=Decision.MORE_INFORMATION, case="A", questions="Who?"), Answer.INTERIM),
        (NoticeDecision(decision=Decision.REFUSED, ground=NoticeGround.PENALTY), Answer.REFUSED),
        (NoticeDecision(decision=Decision.PUBLISHED, case="A", number="R-1/2026", version=1), Answer.FINAL),
        (NoticeDecision(decision=Decision.WITHDRAWN, number="R-1/2026"), Answer.FINAL),
    ],
)
def test_the_header_says_of_a_decision_whether_more_comes(decision: NoticeDecision, answer: Answer) -> None:
    assert decision.answer is answer


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"decision": "REFUSED"}, "decision_field"),
        ({"decision": "REFUSED", "ground": "penalty", "number": "R-1"}, "decision_field"),
        ({"decision": "PUBLISHED", "case": "A", "number": "R-1"}, "decision_field"),
        ({"decision": "PUBLISHED", "number": "R-1", "version": 1}, "decision_case"),
        ({"decision": "WITHDRAWN"}, "decision_field"),
        ({"decision": "WITHDRAWN", "number": "R-1", "ground": "penalty"}, "decision_field"),
        ({"decision": "MORE_INFORMATION", "case": "A"}, "asks_nothing"),
        ({"decision": "MORE_INFORMATION", "questions": "Who?"}, "decision_case"),
    ],
)
def test_other_fields_than_follow_from_a_decision_are_refused(fields: dict[str, object], fault: str) -> None:
    assert fault in refused(NoticeDecision, **fields)


def test_the_first_version_is_new_and_no_other() -> None:
    thing = {"kind": "method", "name": "A"}
    said = {"colour": "purple", "thing": thing, "case": "A"}
    assert "first_version" in refused(DiffusionPublication, version=1, issue="updated", **said)
    assert "first_version" in refused(DiffusionPublication, version=2, issue="new", **said)
    assert "update_new" in refused(NoticeUpdate, number="P-1", issue="new", **said)


def test_what_shows_a_person_or_a_thing_may_have_attachments_and_nothing_else() -> None:
    models = (NoticeRequest, NoticeInformation, NoticeUpdate, NoticePublication, DiffusionPublication)
    assert all(issubclass(model, Attaching) for model in models)
    others = (NoticeDecision, NoticeReview, NoticeWithdrawal, NoticeEnding, DiffusionEnding)
    assert not any(issubclass(model, Attaching) for model in others)
