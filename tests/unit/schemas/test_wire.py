"""The two framings, and the names on the broker."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import cbor, wire
from schemas.codes import Urgency
from schemas.envelope import MAX_SEALED, MAX_STATEMENT, Envelope
from schemas.errors import Malformed, Misuse, Reason
from schemas.identity import Address
from schemas.wire import InboxItem, ItemType

ITEMS = st.builds(
    InboxItem,
    st.integers(0, 2**63),
    st.sampled_from(ItemType),
    st.binary(max_size=50),
    st.binary(max_size=50),
    st.none() | st.binary(max_size=50),
)


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_a_submission_comes_back(statement: bytes, sealed: bytes) -> None:
    sent = Envelope(statement, sealed)
    assert wire.decode_submission(wire.encode_submission(sent)) == sent


@given(st.lists(ITEMS, max_size=5))
def test_inbox_items_come_back_alone_and_in_sequence(items: list[InboxItem]) -> None:
    assert wire.decode_items(b"".join(item.encode() for item in items)) == items
    assert [wire.decode_item(item.encode()) for item in items] == items


@given(ITEMS)
def test_a_message_on_the_broker_holds_one_item(item: InboxItem) -> None:
    assert wire.decode_message(item.encode()) == [item]


@given(st.lists(ITEMS.map(lambda item: replace(item, type=ItemType.RECEIPT)), min_size=1, max_size=wire.MAX_ITEMS))
def test_receipts_come_together(items: list[InboxItem]) -> None:
    assert wire.decode_message(b"".join(item.encode() for item in items)) == items


RECEIPT = InboxItem(7, ItemType.RECEIPT, b"receipt", b"", None)


@pytest.mark.parametrize(
    "items",
    [
        [],
        [RECEIPT, replace(RECEIPT, type=ItemType.ENVELOPE)],
        [replace(RECEIPT, type=ItemType.ENVELOPE)] * 2,
        [RECEIPT] * (wire.MAX_ITEMS + 1),
    ],
    ids=["none", "an envelope among them", "envelopes", "too many"],
)
def test_a_message_of_another_form_is_refused_whole(items: list[InboxItem]) -> None:
    with pytest.raises(Malformed) as caught:
        wire.decode_message(b"".join(item.encode() for item in items))
    assert caught.value.reason is Reason.STRUCTURE


@pytest.mark.parametrize("value", [[], [b""], [b"", None], [b"", b"", b""], {}, ["", b""]])
def test_another_form_of_a_submission_is_refused(value: cbor.Value) -> None:
    with pytest.raises(Malformed) as caught:
        wire.decode_submission(cbor.encode(value))
    assert caught.value.reason is Reason.STRUCTURE


@pytest.mark.parametrize(
    "value", [[], [0, "other", b"", b"", None], [True, "envelope", b"", b"", None], [0, "envelope", b"", b"", ""]]
)
def test_another_form_of_an_item_is_refused(value: cbor.Value) -> None:
    with pytest.raises(Malformed) as caught:
        wire.decode_items(cbor.encode(value))
    assert caught.value.reason is Reason.STRUCTURE


def test_the_largest_submission_fits_its_limit_exactly_enough() -> None:
    largest = wire.encode_submission(Envelope(bytes(MAX_STATEMENT), bytes(MAX_SEALED)))
    assert MAX_STATEMENT + MAX_SEALED < len(largest) <= wire.MAX_SUBMISSION


def test_names_on_the_broker() -> None:
    unit = Address("KE/border-namanga")
    assert wire.submit_exchange(unit) == "submit.KE.border-namanga"
    assert wire.inbox_queue(unit, Urgency.URGENT) == "inbox.KE.border-namanga.urgent"
    assert wire.inbox_queue(unit, Urgency.ROUTINE) == "inbox.KE.border-namanga"
    assert wire.submissions_queue(unit, Urgency.URGENT) == "submissions.urgent.KE.border-namanga"


@pytest.mark.parametrize("name", ["FR", "KE/border-namanga", "UNMIK", "IPSG/ccc"])
def test_an_exchange_names_its_owner(name: str) -> None:
    assert wire.sender_of(wire.submit_exchange(Address(name))) == name


@pytest.mark.parametrize("name", ["", "deliver", "submit.", "submit.fr", "submit.F", "asubmit.FR", "submit.FR/unit"])
def test_another_exchange_names_nobody(name: str) -> None:
    with pytest.raises(Malformed):
        wire.sender_of(name)


def test_a_brokers_nodes_and_how_we_log_in() -> None:
    assert wire.broker_urls("amqps://a:5671, amqps://b.example/ ,") == (
        "amqps://a:5671/?auth=EXTERNAL&heartbeat=6",
        "amqps://b.example/?auth=EXTERNAL&heartbeat=6",
    )
    (url,) = wire.broker_urls("amqps://a:5671")
    assert wire.broker_urls(url) == (url,)


@pytest.mark.parametrize(
    "text", ["", ",", "amqp://a", "amqps://", "amqps://user:secret@a", "a:5671", "amqps://a/vhost", "amqps://a?x=1"]
)
def test_no_password_no_plain_text_and_nothing_else_is_a_broker(text: str) -> None:
    with pytest.raises(Misuse):
        wire.broker_urls(text)
