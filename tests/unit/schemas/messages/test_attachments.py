"""Attachments stand behind the JSON, as it lists them, and no byte of them is anything else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Malformed, Misuse, Reason
from schemas.messages import decode, decode_whole, encode
from schemas.messages.attachments import MAX_WHOLE_BYTES, Attachment, MediaType, Shows
from schemas.messages.codec import MAX_CONTENT_BYTES
from schemas.messages.codes import NoticeColour
from schemas.messages.notice_codes import ThingKind
from schemas.messages.notices import NoticeRequest, Thing
from schemas.messages.whereabouts import WhereaboutsQuery


def request(*parts: bytes) -> NoticeRequest:
    listed = tuple(Attachment.of(part, Shows.PHOTOGRAPH, MediaType.PNG, f"no. {n}") for n, part in enumerate(parts))
    thing = Thing(kind=ThingKind.METHOD, name="Hollow bricks")
    return NoticeRequest(colour=NoticeColour.PURPLE, thing=thing, case="FR-1", attachments=listed)


def refused(content: bytes) -> Malformed:
    with pytest.raises(Malformed) as caught:
        decode_whole(NoticeRequest.KIND, content)
    return caught.value


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=5))
def test_what_is_attached_comes_out_as_it_went_in(parts: list[bytes]) -> None:
    content = encode(request(*parts), parts)
    message, found = decode_whole(NoticeRequest.KIND, content)
    assert message == request(*parts)
    assert [bytes(part) for part in found] == parts
    assert content.count(b"\0") == sum(part.count(b"\0") for part in parts) + bool(parts)


def test_attachments_are_views_of_the_content() -> None:
    content = encode(request(b"ab", b"c"), [b"ab", b"c"])
    _, found = decode_whole(NoticeRequest.KIND, content)
    assert all(part.obj is content for part in found)


@pytest.mark.parametrize("given_parts", [[], [b"one"], [b"two", b"one"], [b"one", b"two", b"three"], [b"one", b"twa"]])
def test_nothing_is_sent_with_other_attachments_than_it_lists(given_parts: list[bytes]) -> None:
    with pytest.raises(Misuse):
        encode(request(b"one", b"two"), given_parts)


WHOLE = encode(request(b"one", b"two"), [b"one", b"two"])
LISTING, _, _ = WHOLE.partition(b"\0")


@pytest.mark.parametrize(
    "content",
    [
        WHOLE[:-1],
        WHOLE + b"x",
        WHOLE[:-1] + b"x",
        LISTING + b"\0twoone",
        LISTING,
        LISTING + b"\0",
        LISTING + b"\0\0onetwo",
        encode(request()) + b"\0",
        encode(request()) + b"\0one",
    ],
)
def test_content_with_other_attachments_than_it_lists_is_malformed(content: bytes) -> None:
    error = refused(content)
    assert error.reason is Reason.CONTENT_MODEL
    assert "two" not in error.detail


def test_a_kind_without_attachments_takes_no_byte_behind_its_json() -> None:
    content = b'{"asked":["status"],"case":"FR-1"}'
    assert isinstance(decode(WhereaboutsQuery.KIND, content), WhereaboutsQuery)
    with pytest.raises(Malformed) as caught:
        decode(WhereaboutsQuery.KIND, content + b"\0one")
    assert caught.value.reason is Reason.CONTENT_NOT_JSON
    with pytest.raises(Misuse):
        encode(WhereaboutsQuery.model_validate_json(content), [b"one"])


def test_json_and_whole_have_their_bounds() -> None:
    blanks = encode(request()) + b" " * MAX_CONTENT_BYTES
    assert "1048576" in refused(blanks).detail
    assert str(MAX_WHOLE_BYTES) in refused(bytes(MAX_WHOLE_BYTES + 1)).detail
    large = bytes(MAX_WHOLE_BYTES - 100)
    with pytest.raises(Misuse, match="can be sealed"):
        encode(request(large), [large])


def test_the_list_says_what_is_shown_and_how_it_is_written() -> None:
    text, _, behind = encode(request(b"one"), [b"one"]).partition(b"\0")
    assert behind == b"one"
    assert json.loads(text)["attachments"] == [
        {
            "about": "no. 0",
            "media": "image/png",
            "sha256": "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed",
            "shows": "photograph",
            "size": 3,
        }
    ]
