"""Properties that the driver cannot decode never reach it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pamqp.frame
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from gateway.adapters.rabbitmq.guard import GuardedReader
from gateway.adapters.rabbitmq.properties import plain_header

FIXED = bytes.fromhex("003c 0000 0000000000000005")
"""Class basic, weight 0, a body of five bytes."""


def short(text: bytes) -> bytes:
    return bytes([len(text)]) + text


def decoded(payload: bytes) -> Basic.Properties:
    header = ContentHeader()
    header.unmarshal(payload)
    return header.properties


def full_header() -> bytes:
    properties = Basic.Properties(
        content_type="application/cbor",
        content_encoding="none",
        headers={"x": 1, "deep": {"y": [1, 2]}},
        delivery_mode=2,
        priority=3,
        correlation_id="c",
        reply_to="r",
        expiration="1000",
        message_id="an id",
        timestamp=datetime(2020, 1, 1, tzinfo=UTC),
        message_type="envelope",
        user_id="KE/border-namanga",
        app_id="a",
        cluster_id="",
    )
    return ContentHeader(body_size=5, properties=properties).marshal()


def test_what_we_read_stays_and_the_rest_goes() -> None:
    kept = decoded(plain_header(full_header()))
    assert (kept.message_id, kept.message_type, kept.user_id) == ("an id", "envelope", "KE/border-namanga")
    assert (kept.headers, kept.timestamp, kept.expiration, kept.content_type) == (None, None, None, None)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(FIXED + b"\x00\x40" + (2**63).to_bytes(8), id="a time stamp past the year 9999"),
        pytest.param(FIXED + b"\x20\x00" + b"\0\0\0\4\1x??", id="a header of an unknown type"),
        pytest.param(FIXED + b"\x20\x00" + b"\0\0\0\3\1\xffV", id="a header's name that is not UTF-8"),
    ],
)
def test_what_the_driver_cannot_decode_is_taken_out(payload: bytes) -> None:
    with pytest.raises((ValueError, OverflowError)):
        decoded(payload)
    assert decoded(plain_header(payload)).message_id is None


def test_text_that_is_not_utf_8_is_taken_out_and_the_others_stay() -> None:
    payload = FIXED + b"\x00\xb0" + short(b"id") + short(b"\xff\xfe") + short(b"FR")
    kept = decoded(plain_header(payload))
    assert (kept.message_id, kept.message_type, kept.user_id) == ("id", None, "FR")


@given(st.binary(max_size=200))
def test_whatever_comes_the_driver_can_decode_what_is_passed_on(tail: bytes) -> None:
    payload = plain_header(FIXED + tail)
    assert payload.startswith(FIXED)
    decoded(payload)


async def test_frames_pass_in_order_and_only_content_headers_change() -> None:
    deliver = pamqp.frame.marshal(
        Basic.Deliver("tag", 1, redelivered=False, exchange="submit.FR", routing_key="routine"), 1
    )
    payload = full_header()
    header = b"\x02\x00\x01" + len(payload).to_bytes(4) + payload + b"\xce"
    body = pamqp.frame.marshal(ContentBody(b"hello"), 1)
    source = asyncio.StreamReader()
    source.feed_data(deliver + header + body)
    source.feed_eof()
    reader = GuardedReader(source)

    async def frame() -> bytes:
        head = await reader.readexactly(1) + await reader.readexactly(6)
        return head + await reader.readexactly(int.from_bytes(head[3:7]) + 1)

    assert await frame() == deliver
    plain = await frame()
    assert plain[7:-1] == plain_header(payload)
    assert await frame() == body
    assert reader.at_eof()
    with pytest.raises(asyncio.IncompleteReadError):
        await reader.readexactly(1)
