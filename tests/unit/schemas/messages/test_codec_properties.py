"""Any message encodes to bytes that decode to it, that its JSON Schema takes, and that have one form."""

import json
import unicodedata
from datetime import date
from pathlib import Path
from typing import Final

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas.messages
from schemas.errors import Malformed
from schemas.identity import Address
from schemas.messages import (
    KINDS,
    Message,
    Person,
    Result,
    WhereaboutsQuery,
    WhereaboutsResponse,
    codes,
    decode,
    encode,
    kind_of,
)
from schemas.messages.countries import COUNTRIES
from schemas.messages.documents import IdentityDocument
from schemas.messages.duty import DutyCall
from schemas.messages.fields import Place
from schemas.messages.person import Charge, Mark, Name, Warrant
from schemas.messages.tips import Tip, TipDisposition
from schemas.messages.whereabouts import LastKnown, Notice

DIRECTION: Final = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
SCHEMAS: Final = Path(schemas.messages.__file__).parent / "jsonschema"


def _tidy(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()


def _list(items: st.SearchStrategy[object], limit: int) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(items, max_size=limit, unique=True).map(tuple)


CHARACTERS = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters=DIRECTION)
LINES = st.text(CHARACTERS, min_size=1, max_size=40).map(_tidy).filter(bool)
PROSE = st.text(CHARACTERS | st.just("\n"), min_size=1, max_size=80).map(_tidy).filter(bool)
COUNTRY = st.sampled_from(sorted(COUNTRIES))
REFERENCE = st.from_regex(r"\A[A-Z0-9]([A-Z0-9./-]{0,38}[A-Z0-9])?\Z")
DAYS = st.dates(min_value=date(1800, 1, 1), max_value=date(2199, 12, 31))
DATES = st.one_of(DAYS.map(str), DAYS.map(lambda day: str(day)[:7]), DAYS.map(lambda day: str(day)[:4]))
PLACES = st.builds(Place, country=COUNTRY, locality=st.none() | LINES, detail=st.none() | LINES)
NAMES = st.builds(Name, family=LINES, given=st.none() | LINES, original=st.none() | LINES)
DOCUMENTS = st.builds(
    IdentityDocument.numbered,
    st.sampled_from(codes.DocumentType),
    st.from_regex(r"\A[A-Z0-9]([A-Z0-9 ./-]{0,38}[A-Z0-9])?\Z"),
    COUNTRY,
    expires=st.none() | DATES,
)
MARKS = st.builds(Mark, kind=st.sampled_from(codes.MarkKind), where=st.none() | LINES, description=st.none() | LINES)
CHARGES = st.builds(
    Charge,
    offence=st.sampled_from(codes.Offence),
    country=st.none() | COUNTRY,
    committed=st.none() | DATES,
    facts=st.none() | PROSE,
)
WARRANTS = st.builds(
    Warrant,
    country=COUNTRY,
    reference=st.none() | REFERENCE,
    authority=st.none() | LINES,
    issued=st.none() | DATES,
    max_penalty_months=st.none() | st.integers(1, 1200),
)
ALIASES = NAMES.map(lambda name: name.model_copy(update={"given": "Other"}))
PERSONS = st.builds(
    Person,
    name=NAMES.filter(lambda name: name.given != "Other"),
    aliases=_list(ALIASES, 3),
    sex=st.none() | st.sampled_from(codes.Sex),
    birth_date=st.none() | DATES,
    birth_place=st.none() | LINES,
    birth_country=st.none() | COUNTRY,
    nationalities=_list(COUNTRY, 3),
    languages=_list(st.sampled_from(["en", "fr", "es", "ar", "tet"]), 3),
    height_cm=st.none() | st.integers(30, 280),
    weight_kg=st.none() | st.integers(1, 700),
    eyes=st.none() | st.sampled_from(codes.EyeColour),
    hair=st.none() | st.sampled_from(codes.HairColour),
    marks=_list(MARKS, 2),
    documents=_list(DOCUMENTS, 2),
    charges=_list(CHARGES, 2),
    warrants=_list(WARRANTS, 2),
)
QUERIES = st.builds(
    WhereaboutsQuery,
    asked=_list(st.sampled_from(codes.Asked), 4).filter(bool),
    person=st.none() | PERSONS,
    notice=st.none() | st.builds(Notice, colour=st.sampled_from(codes.NoticeColour), number=REFERENCE),
    case=REFERENCE,
    last_known=st.none() | st.builds(LastKnown, place=PLACES, date=st.none() | DATES),
    tags=_list(st.sampled_from(codes.CaseTag), 3),
    background=st.none() | PROSE,
    restrictions=st.none() | PROSE,
)
FOUND = st.builds(
    WhereaboutsResponse,
    finding=st.sampled_from([codes.Finding.LOCATED, codes.Finding.ARRESTED, codes.Finding.TRACE]),
    case=st.none() | REFERENCE,
    place=PLACES,
    date=DATES,
    confidence=st.sampled_from(codes.Confidence),
    source_grade=st.sampled_from(codes.SourceGrade),
    information_grade=st.sampled_from(codes.InformationGrade),
    remarks=st.none() | PROSE,
)
REFUSED = st.builds(
    WhereaboutsResponse,
    finding=st.just(codes.Finding.REFUSED),
    ground=st.sampled_from(codes.RefusalGround),
    remarks=st.none() | PROSE,
)
LATER = st.builds(
    WhereaboutsResponse,
    finding=st.just(codes.Finding.MORE_TIME),
    until=st.integers(1_000_000_000, 9_999_999_999),
)
SEIZED = st.builds(
    Result,
    result=st.just(codes.ResultKind.SEIZED),
    case=REFERENCE,
    place=PLACES,
    date=DATES,
    contributors=_list(st.sampled_from([Address("FR"), Address("KE/border-namanga")]), 2),
    seized=_list(LINES, 3).filter(bool),
    remarks=st.none() | PROSE,
)
TIPS = st.builds(
    Tip,
    number=REFERENCE,
    channel=st.sampled_from(codes.TipChannel),
    received=DAYS.map(str),
    text=PROSE,
    appeal=st.none() | REFERENCE,
    place=st.none() | PLACES,
    seen=st.none() | DATES,
    remarks=st.none() | PROSE,
)
DISPOSITIONS = st.builds(
    TipDisposition, number=REFERENCE, finding=st.sampled_from(codes.TipFinding), for_tipster=st.none() | PROSE
)
CALLS = st.builds(
    DutyCall,
    query=st.binary(min_size=32, max_size=32).map(bytes.hex),
    asker=st.sampled_from([Address("FR"), Address("KE/border-namanga")]),
    operation=st.just("infra-test"),
    due=st.integers(1_000_000_000, 9_999_999_999),
    call=st.integers(1, 1000),
)
MESSAGES = st.one_of(QUERIES, FOUND, REFUSED, LATER, SEIZED, TIPS, DISPOSITIONS, CALLS)


@given(MESSAGES)
def test_what_is_encoded_decodes_to_the_same_message(message: Message) -> None:
    content = encode(message)
    assert decode(kind_of(message), content) == message
    assert encode(decode(kind_of(message), content)) == content


@given(MESSAGES)
def test_encoding_is_sorted_utf8_without_spaces_nulls_or_empty_lists(message: Message) -> None:
    content = encode(message)
    value = json.loads(content)
    assert content == json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    stack: list[object] = [value]
    while stack:
        item = stack.pop()
        assert item not in (None, [], {})
        stack.extend(item.values() if isinstance(item, dict) else item if isinstance(item, list) else [])


@pytest.fixture(scope="module")
def validators() -> dict[str, jsonschema.Draft202012Validator]:
    files = {kind: SCHEMAS / f"{kind.replace('/', '-')}.json" for kind in KINDS}
    return {
        kind: jsonschema.Draft202012Validator(json.loads(file.read_text(encoding="utf-8")))
        for kind, file in files.items()
    }


@given(message=MESSAGES)
def test_what_is_encoded_fits_its_exported_schema(
    validators: dict[str, jsonschema.Draft202012Validator], message: Message
) -> None:
    validators[kind_of(message)].validate(json.loads(encode(message)))


@given(kind=st.sampled_from(sorted(KINDS)), content=st.binary(max_size=200))
def test_any_bytes_are_a_message_or_malformed(kind: str, content: bytes) -> None:
    with pytest.raises(Malformed):
        decode(kind, content)


@given(message=MESSAGES, position=st.integers(min_value=0), octet=st.integers(0, 255))
def test_a_changed_byte_gives_another_message_or_malformed(message: Message, position: int, octet: int) -> None:
    content = bytearray(encode(message))
    position %= len(content)
    was, content[position] = content[position], octet
    try:
        read = decode(kind_of(message), bytes(content))
    except Malformed:
        return
    assert (read == message) == (was == octet)
