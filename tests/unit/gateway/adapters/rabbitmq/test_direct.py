"""The direct way to the broker: frames as a driver nobody here wrote reads and writes them, and what it rests on."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from importlib.metadata import version

import pamqp.frame
import pytest
from aiormq.abc import ChannelFrame
from hypothesis import given
from hypothesis import strategies as st
from pamqp import commands
from pamqp.body import ContentBody
from pamqp.header import ContentHeader

from gateway.adapters.rabbitmq import direct, frames
from gateway.adapters.rabbitmq.direct import Direct, connection_class
from gateway.adapters.rabbitmq.frames import Post
from gateway.adapters.rabbitmq.guard import GuardedConnection
from gateway.adapters.rabbitmq.outgoing import Outgoing
from gateway.adapters.rabbitmq.packed import Fate, Packed
from gateway.adapters.rabbitmq.sorting import Arriving, DirectReader, Taken

CHANNEL, FRAME_MAX = 3, 4096
SHORT = st.text(max_size=60)


class Wire:
    """A stream's writing end that keeps what is written, and a reading end that gives pieces of a set size."""

    def __init__(self, incoming: bytes = b"", piece: int = 1 << 20) -> None:
        self.written: list[bytes] = []
        self.incoming = incoming
        self.piece = piece
        self.transport = self

    def write(self, data: bytes) -> None:
        self.written.append(data)

    async def drain(self) -> None:
        pass

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    async def read(self, n: int = -1) -> bytes:
        size = min(self.piece, n)
        some, self.incoming = self.incoming[:size], self.incoming[size:]
        return some

    async def readexactly(self, n: int) -> bytes:
        return await self.read(n)

    def at_eof(self) -> bool:
        return not self.incoming


def packed(wire: Wire) -> tuple[Packed, DirectReader]:
    reader = DirectReader(wire)
    return Packed(Direct(reader, Outgoing(wire)), "deliver", CHANNEL, FRAME_MAX), reader  # type: ignore[arg-type]  # it has all that is used of a stream


def marshalled(*parts: commands.Basic.Ack | object, channel: int = CHANNEL) -> bytes:
    return b"".join(pamqp.frame.marshal(part, channel) for part in parts)  # type: ignore[arg-type]  # frames of every kind


def post(message_id: str = "one", body: bytes = b"body") -> Post:
    return Post("inbox.FR", message_id, "envelope", "application/cbor", body)


def unmarshalled(data: bytes) -> list[object]:
    found = list[object]()
    while data:
        size, channel, frame = pamqp.frame.unmarshal(data)
        assert channel == CHANNEL
        found.append(frame)
        data = data[size:]
    return found


async def read_to_end(reader: DirectReader) -> bytes:
    got = b""
    while True:
        try:
            got += await reader.readexactly(1)
        except asyncio.IncompleteReadError:
            return got


@given(SHORT, SHORT, SHORT, SHORT, st.binary(max_size=3 * FRAME_MAX))
def test_what_is_published_reads_as_the_driver_would_have_written_it(
    exchange: str, queue: str, message_id: str, kind: str, body: bytes
) -> None:
    sent = Post(queue, message_id, kind, "application/cbor", body)
    method, header, *bodies = unmarshalled(b"".join(frames.publish(CHANNEL, exchange, sent, FRAME_MAX)))
    assert isinstance(method, commands.Basic.Publish)
    assert isinstance(header, ContentHeader)
    assert (method.exchange, method.routing_key, method.mandatory, method.immediate) == (exchange, queue, True, False)
    said = header.properties
    assert (said.message_id or "", said.message_type or "", said.content_type) == (message_id, kind, "application/cbor")
    assert (said.delivery_mode, header.body_size) == (2, len(body))
    assert b"".join(part.value for part in bodies if isinstance(part, ContentBody)) == body


def test_a_name_that_no_frame_holds_is_an_error() -> None:
    with pytest.raises(ValueError, match="range"):
        frames.publish(CHANNEL, "x" * 256, post(), FRAME_MAX)


def test_an_acknowledgement_reads_as_the_drivers() -> None:
    (frame,) = unmarshalled(frames.acknowledge(CHANNEL, 77))
    assert isinstance(frame, commands.Basic.Ack)
    assert (frame.delivery_tag, frame.multiple) == (77, True)


@pytest.mark.parametrize("piece", [1, 7, 64, 1 << 20])
async def test_deliveries_are_taken_and_the_rest_passes_untouched(piece: int) -> None:
    bodies = [b"", b"x", bytes(9000)]
    stream, others = b"", b""
    for tag, body in enumerate(bodies, 1):
        properties = commands.Basic.Properties(message_type="envelope", user_id="FR", content_type="text/plain")
        parts = [ContentBody(body[at : at + 4000]) for at in range(0, len(body), 4000)]
        deliver = commands.Basic.Deliver("ctag", tag, tag == 2, "submit.FR", "routine")
        other = marshalled(commands.Basic.ConsumeOk("ctag")) + marshalled(commands.Basic.Ack(tag), channel=1)
        stream += marshalled(deliver, ContentHeader(0, len(body), properties), *parts) + other
        others += other
    wire, taken = Wire(stream, piece), list[Taken]()
    reader = DirectReader(wire)
    reader.taps[CHANNEL] = Arriving(taken.append, CHANNEL, Outgoing(wire))  # type: ignore[arg-type]  # as in `packed`
    assert (await read_to_end(reader)).replace(frames.HEARTBEAT, b"") == others
    assert [message.body for message in taken] == bodies
    assert [message.redelivered for message in taken] == [False, True, False]
    assert {(m.exchange, m.user_id, m.type) for m in taken} == {("submit.FR", "FR", "envelope")}
    taken[1].acknowledge()
    await asyncio.sleep(0)
    assert wire.written == [frames.acknowledge(CHANNEL, 2)]


@pytest.mark.parametrize(
    "payload", [b"\0\x3c\0\x3c", b"\0\x3c\0\x3c\x02ct", b"\0\x3c\0\x3c\0" + bytes(9) + b"\x01\xff"]
)
async def test_a_delivery_that_cannot_be_read_ends_the_session(payload: bytes) -> None:
    wire = Wire(frames.HEAD.pack(frames.METHOD, CHANNEL, len(payload)) + payload + bytes([frames.END]))
    reader = DirectReader(wire)
    reader.taps[CHANNEL] = Arriving(lambda _: None, CHANNEL, Outgoing(wire))  # type: ignore[arg-type]  # as in `packed`
    with pytest.raises((IndexError, struct.error, UnicodeDecodeError)):
        await reader.readexactly(1)


@pytest.mark.parametrize("piece", [1, 5, 8])
async def test_what_a_server_of_another_protocol_version_says_reaches_the_driver(piece: int) -> None:
    assert await read_to_end(DirectReader(Wire(b"AMQP\0\0\x09\x01", piece))) == b"AMQP\0\0\x09\x01"


async def test_properties_that_cannot_be_read_are_none() -> None:
    wire, taken = Wire(), list[Taken]()
    arriving: Callable[[int, bytes], bool] = Arriving(taken.append, CHANNEL, Outgoing(wire))  # type: ignore[arg-type]  # as in `packed`
    deliver = marshalled(commands.Basic.Deliver("ctag", 1, False, "submit.FR", "routine"))  # noqa: FBT003  # as on the wire
    assert arriving(frames.METHOD, deliver[7:-1])
    assert arriving(frames.HEADER, struct.pack(">HHQH", 60, 0, 1, 0x0030) + b"\x09short")
    assert arriving(frames.BODY, b"x")
    assert (taken[0].user_id, taken[0].type, taken[0].body) == (None, None, b"x")


async def test_the_driver_hears_that_the_broker_lives_while_we_take_everything() -> None:
    deliver = commands.Basic.Deliver("ctag", 1, False, "submit.FR", "routine")  # noqa: FBT003  # as on the wire
    wire = Wire(marshalled(deliver, ContentHeader(0, 0, commands.Basic.Properties())))
    reader = DirectReader(wire)
    reader.taps[CHANNEL] = Arriving(lambda _: None, CHANNEL, Outgoing(wire))  # type: ignore[arg-type]  # as in `packed`
    assert await read_to_end(reader) == frames.HEARTBEAT


async def test_what_is_published_in_one_turn_goes_out_in_one_write() -> None:
    wire = Wire()
    line, _ = packed(wire)
    line.publish([post("one"), post("two")])
    line.publish([post("three")])
    await asyncio.sleep(0)
    assert len(wire.written) == 1
    assert len(unmarshalled(wire.written[0])) == 9


async def test_every_message_learns_its_own_fate() -> None:
    wire = Wire()
    line, reader = packed(wire)
    batch = line.publish([post(name) for name in ("one", "two", "three", "four", "five")])
    returned = commands.Basic.Return(312, "NO_ROUTE", "deliver", "inbox.FR")
    header = ContentHeader(0, 4, commands.Basic.Properties(message_id="two"))
    wire.incoming = marshalled(
        commands.Basic.Ack(3, False),  # noqa: FBT003  # as on the wire
        returned,
        header,
        ContentBody(b"body"),
        commands.Basic.Ack(3, True),  # noqa: FBT003  # as on the wire
        commands.Basic.Nack(4, False),  # noqa: FBT003  # as on the wire
    )
    await read_to_end(reader)
    assert not batch.done.done()
    line.close()
    assert batch.done.done()
    assert batch.fates == [Fate.CONFIRMED, Fate.RETURNED, Fate.CONFIRMED, Fate.REFUSED, Fate.UNKNOWN]


async def test_what_is_published_after_the_session_is_unknown_at_once() -> None:
    """Who waited for room while the session ended must not wait for a word on it as well: none would come."""
    wire = Wire()
    line, _ = packed(wire)
    line.close()
    batch = line.publish([post()])
    assert (batch.done.done(), batch.fates, line.silent()) == (True, [Fate.UNKNOWN], 0.0)
    await asyncio.sleep(0)
    assert not wire.written


async def test_silence_is_counted_while_something_is_open() -> None:
    wire = Wire()
    line, reader = packed(wire)
    assert line.silent() == 0.0
    line.publish([post()])
    await asyncio.sleep(0.01)
    assert line.silent() > 0.0
    wire.incoming = marshalled(commands.Basic.Ack(1))
    await read_to_end(reader)
    assert line.silent() == 0.0


async def test_a_confirmation_of_nothing_is_passed_over() -> None:
    """However large its number is: nobody counts up to it, and the next one counts."""
    wire = Wire(marshalled(commands.Basic.Ack(2**63 - 1, True)))  # noqa: FBT003  # as on the wire
    line, reader = packed(wire)
    await read_to_end(reader)
    batch = line.publish([post("one"), post("two")])
    wire.incoming = marshalled(commands.Basic.Nack(1), commands.Basic.Ack(2, True))  # noqa: FBT003  # as on the wire
    await read_to_end(reader)
    assert batch.fates == [Fate.REFUSED, Fate.CONFIRMED]


def test_the_drivers_are_of_the_versions_that_were_tried() -> None:
    """Fails when a driver moves on: look through what direct.py assumes, run these tests and the broker's, widen."""
    assert {name: version(name).startswith(known) for name, known in direct.TRIED.items()} == dict.fromkeys(
        direct.TRIED, True
    )
    assert ChannelFrame.marshall(CHANNEL, [commands.Basic.Ack(1)]).payload == marshalled(commands.Basic.Ack(1))


def test_with_other_versions_everything_goes_through_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(direct, "TRIED", {"aiormq": "0.0."})
    assert connection_class() is GuardedConnection
