"""Content that is no message is refused with its reason, and the refusal repeats none of it."""

import pytest

from schemas.errors import Malformed, Misuse, Reason
from schemas.messages import Person, WhereaboutsQuery, decode, encode
from schemas.messages.codec import MAX_CONTENT_BYTES, MAX_DEPTH
from schemas.messages.codes import Asked
from schemas.messages.person import Name

QUERY = "whereabouts.query/1"
GOOD = b'{"asked":["status"],"case":"FR-1"}'


def _refusal(content: bytes, kind: str = QUERY) -> Malformed:
    with pytest.raises(Malformed) as caught:
        decode(kind, content)
    return caught.value


def test_the_good_case_is_good() -> None:
    assert decode(QUERY, GOOD) == WhereaboutsQuery(asked=(Asked.STATUS,), case="FR-1")


def test_spacing_and_order_are_free() -> None:
    assert decode(QUERY, b' { "case" : "FR-1" ,\n "asked":["status"]} ') == decode(QUERY, GOOD)


@pytest.mark.parametrize("kind", ["", "whereabouts.query", "whereabouts.query/2", "WHEREABOUTS.QUERY/1", "rumour/1"])
def test_an_unknown_kind(kind: str) -> None:
    assert _refusal(GOOD, kind).reason is Reason.KIND_UNKNOWN


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        GOOD[:-1],
        GOOD + b"x",
        GOOD + GOOD,
        b"\xef\xbb\xbf" + GOOD,
        GOOD.replace(b"FR-1", b"FR\xff1"),
        GOOD.decode().encode("utf-16"),
        b"{'asked':['status']}",
        b'{"asked":["status"],"case":"FR-1",}',
        b'{"asked":["status"],"case":"FR\n1"}',
        b'{"asked":["status"],"case":"FR-1","background":"\\ud800"}',
        b'{"asked":["status"],"case":"FR-1" /* */}',
        b'{"a":01}',
    ],
)
def test_what_is_not_json_in_utf8(content: bytes) -> None:
    assert _refusal(content).reason is Reason.CONTENT_NOT_JSON


@pytest.mark.parametrize(
    "content",
    [
        b'{"asked":["status"],"case":"FR-1","case":"FR-1"}',
        b'{"asked":["status"],"case":"FR-1","c\\u0061se":"FR-2"}',
        b'{"asked":["status"],"person":{"name":{"family":"A","family":"B"}}}',
        b'{"unknown":[{"a":1,"a":1}]}',
    ],
)
def test_a_name_twice_in_one_object(content: bytes) -> None:
    assert _refusal(content).reason is Reason.CONTENT_DUPLICATE_NAME


@pytest.mark.parametrize(
    "number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"9" * 5000, b"0." + b"1" * 99]
)
def test_a_number_that_is_none(number: bytes) -> None:
    assert _refusal(b'{"asked":["status"],"case":' + number + b"}").reason is Reason.CONTENT_NUMBER


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b'{"asked":["status"]}',
        b'{"asked":[],"case":"FR-1"}',
        b'{"asked":["status"],"case":null}',
        b'{"asked":["status"],"case":"FR-1","tags":[]}',
        b'{"asked":["status"],"case":"FR-1","person":{}}',
        b'{"asked":["status","status"],"case":"FR-1"}',
        b'{"asked":["everything"],"case":"FR-1"}',
        b'{"asked":"status","case":"FR-1"}',
        b'{"asked":["status"],"case":1}',
        b'{"asked":["status"],"case":"FR-1","extra":1}',
        b'{"asked":["status"],"case":"FR-1","person":{"name":{"family":"A"},"height_cm":180.0}}',
        b'{"asked":["status"],"case":"FR-1","person":{"name":{"family":"A"},"height_cm":"180"}}',
        b'{"asked":["status"],"case":"FR-1","person":{"name":{"family":"A"},"height_cm":true}}',
    ],
)
def test_json_that_is_no_message_of_the_kind(content: bytes) -> None:
    assert _refusal(content).reason is Reason.CONTENT_MODEL


@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 100_000])
@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_too_deep(levels: int, opening: bytes) -> None:
    assert _refusal(opening * levels).detail == f"more than {MAX_DEPTH} levels deep"


def test_brackets_in_text_are_no_depth() -> None:
    content = b'{"asked":["status"],"background":"\\"' + b"[{" * 100 + b'","case":"FR-1"}'
    assert decode(QUERY, content).model_dump()["background"] == '"' + "[{" * 100


def test_too_large() -> None:
    padded = GOOD + b" " * (MAX_CONTENT_BYTES - len(GOOD))
    assert decode(QUERY, padded) == decode(QUERY, GOOD)
    assert _refusal(padded + b" ").reason is Reason.CONTENT_MODEL


def test_a_refusal_repeats_nothing_of_the_content() -> None:
    name = "Zanora"
    for content in (
        f'{{"asked":["{name}"],"case":"FR-1"}}',
        f'{{"asked":["status"],"{name}":1,"case":"FR-1"}}',
        f'{{"asked":["status"],"{name}":1,"{name}":1}}',
        f'{{"asked":["status"],"person":{{"name":{{"family":"{name}\\u0000"}}}}}}',
        f'{{"asked":["status"],"case":"FR-1" {name}}}',
    ):
        refusal = _refusal(content.encode())
        chained = [str(error) for error in (refusal, refusal.__cause__, refusal.__context__) if error is not None]
        assert not any(name in text for text in chained)


def test_a_message_made_past_its_checks_is_not_encoded() -> None:
    good = WhereaboutsQuery(asked=(Asked.STATUS,), person=Person(name=Name(family="Zan-Ex")))
    for update in ({"person": None}, {"asked": ()}, {"case": "not a reference"}, {"background": "\ud800"}):
        with pytest.raises(Misuse):
            encode(good.model_copy(update=update))
