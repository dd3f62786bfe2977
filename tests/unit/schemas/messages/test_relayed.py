"""Enclosing a message in another, the terms of a relay, groups, and results corrected: what the models take."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from schemas.codes import Answer
from schemas.errors import Malformed, Misuse
from schemas.identity import Address
from schemas.messages import KINDS, Message, WhereaboutsQuery, WhereaboutsResponse, decode, encode
from schemas.messages.codes import Asked, Finding, RefusalGround, RelayGround, ResultKind
from schemas.messages.fields import Place
from schemas.messages.group import NetworkGroup
from schemas.messages.person import Name, Person
from schemas.messages.relay import RELAYED, Enclosed, RelayAnswer, RelayConsent, RelayDelivery, RelayRequest
from schemas.messages.relayed import answer_to, enclose, open_enclosed, with_case
from schemas.messages.result import Corrected, ResultCorrection

QUERY = WhereaboutsQuery(asked=(Asked.STATUS,), person=Person(name=Name(family='Ex "quoted" \\')), case="FR-1")
DELIVERY = RelayDelivery(reference="R-1", enclosed=enclose(QUERY))
KENYA = Place(country="KE")


def test_every_kind_that_is_relayed_is_a_kind_and_is_read_as_it_was_written() -> None:
    assert set(RELAYED) | frozenset().union(*RELAYED.values()) <= set(KINDS)
    for carrier in (RelayRequest(to=Address("KE"), enclosed=enclose(QUERY)), DELIVERY):
        again = decode(carrier.KIND, encode(carrier))
        assert again == carrier
        assert isinstance(again, RelayRequest | RelayDelivery)
        assert open_enclosed(again.enclosed) == QUERY


def test_what_is_enclosed_is_decoded_as_strictly_as_any_message() -> None:
    for content in ("{}", "[]", '{"asked":["status"],"case":null}', '{"asked":["status"],"case":"A","more":1}', "{1}"):
        with pytest.raises(Malformed):
            open_enclosed(Enclosed(kind=WhereaboutsQuery.KIND, content=content))


@pytest.mark.parametrize(
    ("said", "code", "until"),
    [
        (WhereaboutsResponse(finding=Finding.NO_TRACE), Answer.FINAL, None),
        (WhereaboutsResponse(finding=Finding.MORE_TIME, until=1_800_000_000), Answer.MORE_TIME, 1_800_000_000),
        (WhereaboutsResponse(finding=Finding.REFUSED, ground=RefusalGround.INVESTIGATION), Answer.REFUSED, None),
    ],
)
def test_an_answers_code_is_that_of_what_it_encloses(said: Message, code: Answer, until: int | None) -> None:
    made, found = answer_to(DELIVERY, said)
    assert (made.reference, made.until, found) == ("R-1", until, code)
    with pytest.raises(Misuse, match="does not answer"):
        answer_to(DELIVERY, QUERY)


def test_a_reference_is_put_in_place_of_another_and_nothing_else_changes() -> None:
    shown = with_case(QUERY, "R-1")
    assert shown == QUERY.model_copy(update={"case": "R-1"})
    with pytest.raises(ValidationError):
        with_case(WhereaboutsQuery(asked=(Asked.STATUS,), case="FR-1"), None)


def test_an_answer_says_one_thing_and_who_does_not_agree_says_no_more() -> None:
    with pytest.raises(ValidationError, match="says why there is none"):
        RelayAnswer()
    with pytest.raises(ValidationError, match="says why there is none"):
        RelayAnswer(ground=RelayGround.SCOPE, enclosed=enclose(WhereaboutsResponse(finding=Finding.NO_TRACE)))
    with pytest.raises(ValidationError, match="nothing more"):
        RelayConsent(agrees=False, unnamed=True)
    assert decode(RelayConsent.KIND, encode(RelayConsent(agrees=False))) == RelayConsent(agrees=False)


@pytest.mark.parametrize("name", ["ISON", "-ison", "ison-", "i--s", "is on", "", "i" * 33])
def test_a_groups_name_is_small_letters_and_digits(name: str) -> None:
    with pytest.raises(ValidationError):
        NetworkGroup(name=name, version=1, title="A group")


def test_a_correction_says_what_is_so_or_that_nothing_is() -> None:
    whole = Corrected(result=ResultKind.RESCUED, place=KENYA, date="2026", rescued=3)
    for corrected in (whole, None):
        said = ResultCorrection(case="FR-1", why="counted anew", corrected=corrected)
        assert decode(said.KIND, encode(said)) == said
    with pytest.raises(ValidationError, match="number of people"):
        Corrected(result=ResultKind.RESCUED, place=KENYA, date="2026")
    with pytest.raises(ValidationError, match="what was taken"):
        Corrected(result=ResultKind.ARRESTED, place=KENYA, date="2026", seized=("a car",))
