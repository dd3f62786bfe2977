"""Each rule of screening finds what it is for, says what would mend it, and decides nothing."""

from __future__ import annotations

from datetime import date

import pytest

from bureaus.secretariat.notices import rules
from bureaus.secretariat.notices.rules import Weight, people_needed, reasons_needed, screen
from bureaus.secretariat.notices.words import Matter, found
from schemas.messages.codes import DocumentType, NoticeColour, Offence
from schemas.messages.documents import IdentityDocument
from schemas.messages.notice_codes import Pursued, ThingKind
from schemas.messages.notices import NoticeBody, NoticeRequest, Penalty, Thing
from schemas.messages.person import Charge, Name, Person, Warrant
from tests.integration.secretariat.cases import BODY, RED, WANTED

TODAY = date(2026, 11, 22)


def person(**changes: object) -> NoticeRequest:
    return RED.model_copy(update={"person": WANTED.model_copy(update=changes)})


def weighed(notice: NoticeBody) -> set[tuple[int, Weight]]:
    return {(finding.rule, finding.weight) for finding in screen(notice, "FR", TODAY)}


def test_a_complete_red_notice_has_nothing_but_good_advice() -> None:
    findings = screen(RED, "FR", TODAY)
    assert [(one.rule, one.weight) for one in findings] == [(5, Weight.HINT)]
    assert not reasons_needed(findings)
    assert people_needed(RED, findings) == 2


@pytest.mark.parametrize(
    ("rule", "notice"),
    [
        (1, person(name=Name(family="Marolet-Ex"), birth_date=None).model_copy(update={"attachments": ()})),
        (1, person(sex=None).model_copy(update={"attachments": ()})),
        (2, person(charges=())),
        (3, person(charges=(Charge(offence=Offence.FRAUD),)).model_copy(update={"facts": None})),
        (4, RED.model_copy(update={"penalty": None})),
        (4, RED.model_copy(update={"penalty": Penalty(pursued=Pursued.PROSECUTION, months=23)})),
        (4, RED.model_copy(update={"penalty": Penalty(pursued=Pursued.SENTENCE, months=5)})),
        (5, person(warrants=())),
        (5, person(warrants=(Warrant(country="FR"),))),
        (6, RED.model_copy(update={"extradition": None})),
        (7, BODY.model_copy(update={"attachments": ()})),
        (8, person(birth_date="2027")),
        (8, person(birth_date="1890")),
        (8, person(birth_date="2010-05")),
        (8, person(charges=(Charge(offence=Offence.FRAUD, committed="2027-01"),))),
        (8, person(warrants=(Warrant(country="FR", reference="A", issued="2018-12"),))),
        (8, person(warrants=(Warrant(country="FR", reference="A", issued="2026-11-23"),))),
        (8, BODY.model_copy(update={"thing": Thing(kind=ThingKind.BODY, name="Body", date="2026-12")})),
        (11, RED.model_copy(update={"denied": ("FR",)})),
    ],
)
def test_what_lacks_is_found_by_its_rule(rule: int, notice: NoticeRequest) -> None:
    assert (rule, Weight.LACKS) in weighed(notice)
    (finding, *_) = [one for one in screen(notice, "FR", TODAY) if (one.rule, one.weight) == (rule, Weight.LACKS)]
    told = finding.told()
    assert told.found
    assert told.mend
    assert reasons_needed((finding,))


@pytest.mark.parametrize(
    "notice",
    [
        RED.model_copy(update={"penalty": Penalty(pursued=Pursued.PROSECUTION, months=24)}),
        RED.model_copy(update={"penalty": Penalty(pursued=Pursued.SENTENCE, months=6)}),
        RED.model_copy(update={"penalty": Penalty(pursued=Pursued.SENTENCE)}),
        person(warrants=(Warrant(country="FR", reference="A", issued="2019"),)),
        person(birth_date="2008", charges=(Charge(offence=Offence.FRAUD, committed="2020"),)),
    ],
)
def test_what_is_just_enough_is_enough(notice: NoticeRequest) -> None:
    assert not {one for one in weighed(notice) if one[1] is Weight.LACKS}


@pytest.mark.parametrize(
    ("rule", "notice"),
    [
        (4, person(warrants=(Warrant(country="FR", reference="A", max_penalty_months=60),))),
        (7, RED.model_copy(update={"attachments": ()})),
        (9, person(documents=(IdentityDocument(type=DocumentType.PASSPORT, number="X1", issuer="FR"),))),
        (9, person(documents=(IdentityDocument(type=DocumentType.DRIVING_LICENCE, number="X1"),))),
        (10, RED.model_copy(update={"colour": NoticeColour.YELLOW})),
    ],
)
def test_good_advice_needs_no_reason(rule: int, notice: NoticeRequest) -> None:
    assert (rule, Weight.HINT) in weighed(notice)


def test_a_driving_licence_needs_no_check_digit() -> None:
    licence = IdentityDocument(type=DocumentType.DRIVING_LICENCE, number="X1", issuer="FR")
    assert (9, Weight.HINT) not in weighed(person(documents=(licence,)))


@pytest.mark.parametrize(
    ("text", "matter"),
    [
        ("He took part in a political meeting.", Matter.POLITICAL),
        ("Accusé d'atteinte à la sûreté et de TRAHISON.", Matter.POLITICAL),
        ("Se trata de un disidente.", Matter.POLITICAL),
        ("اتهم في قضية سياسية", Matter.POLITICAL),
        ("والتجنيد في الجيش", Matter.MILITARY),
        ("Déserteur depuis 2019", Matter.MILITARY),
        ("charged with blasphemy", Matter.RELIGIOUS),
        ("Apostasía y otros cargos", Matter.RELIGIOUS),
        ("tension ethnique", Matter.RACIAL),
        ("عنصرية", Matter.RACIAL),
    ],
)
def test_words_of_article_3_are_flagged_for_a_person_in_four_languages(text: str, matter: Matter) -> None:
    assert matter in found(text)
    notice = BODY.model_copy(update={"facts": text})
    findings = screen(notice, "FR", TODAY)
    (flag,) = [one for one in findings if one.rule == 12]
    assert flag.weight is Weight.FLAG
    assert flag.found.startswith(f"{matter}: ")
    assert reasons_needed(findings)
    assert people_needed(notice, findings) == 2


def test_private_matters_are_flagged_in_red_notices_alone() -> None:
    assert (13, Weight.FLAG) in weighed(RED.model_copy(update={"facts": "He left debts and a divorce."}))
    assert (13, Weight.FLAG) not in weighed(BODY.model_copy(update={"facts": "Debts were found."}))


@pytest.mark.parametrize(
    "text",
    [
        "Sentenced by the tribunal de grande instance.",
        "Two people were injured; he was held in custody and fled.",
        "Coups et blessures volontaires.",
        "The car was found in the Sahara.",
    ],
)
def test_words_of_every_day_are_not_flagged(text: str) -> None:
    assert found(text) == {}


def test_every_place_where_a_bureau_writes_is_read() -> None:
    said = "an ethnic matter"
    thing = Thing(kind=ThingKind.BODY, name="Body", description=said)
    for notice in (
        BODY.model_copy(update={"facts": said}),
        BODY.model_copy(update={"restrictions": said}),
        BODY.model_copy(update={"thing": thing}),
        person(charges=(Charge(offence=Offence.OTHER, facts=said),)),
        RED.model_copy(update={"attachments": (RED.attachments[0].model_copy(update={"about": said}),)}),
    ):
        assert (12, Weight.FLAG) in weighed(notice)


def test_rules_are_in_the_order_of_their_numbers_and_none_raises_on_the_least_notice() -> None:
    least = NoticeRequest(colour=NoticeColour.RED, person=Person(name=Name(original="x")), case="A")
    numbers = [one.rule for one in screen(least, "FR", TODAY)]
    assert numbers == sorted(numbers)
    assert len(rules.RULES) == 13
    assert {1, 2, 3, 4, 5, 6, 7} <= set(numbers)
