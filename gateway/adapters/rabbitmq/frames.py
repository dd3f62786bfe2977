"""Frames of AMQP 0-9-1 that carry the mass of messages, written and read as bytes. Pure.

Only what the direct way (direct.py) sends and takes is here: publishing and acknowledging outwards, deliveries,
confirmations and returns inwards. Numbers in comments are sections of the specification.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

METHOD: Final = 1
HEADER: Final = 2
BODY: Final = 3
END: Final = 0xCE
HEAD: Final = struct.Struct(">BHI")
BEFORE: Final = 7
"""Bytes of a frame before its payload (4.2.3)."""
OVERHEAD: Final = BEFORE + 1
"""Bytes of a frame around its payload."""
HEARTBEAT: Final = HEAD.pack(8, 0, 0) + bytes([END])

DELIVER: Final = b"\0\x3c\0\x3c"
"""How a method frame's payload begins: class and method, here 60 and 60."""
RETURN: Final = b"\0\x3c\0\x32"
ACK: Final = b"\0\x3c\0\x50"
NACK: Final = b"\0\x3c\0\x78"

_PUBLISH: Final = struct.pack(">HHH", 60, 40, 0)
_MANDATORY: Final = b"\x01"
_PROPERTIES: Final = struct.Struct(">HHQH")
"""Class, weight, body size, flags (4.2.6.1)."""
_HEADER: Final = struct.Struct(">BHIHHQH")
"""A header frame's head, and these."""
_FLAGS: Final = 0x8000 | 0x1000 | 0x0080 | 0x0020
"""Content type, delivery mode, message id, type."""
_PERSISTENT: Final = b"\x02"
_END: Final = bytes([END])
_ACK: Final = struct.Struct(">BHIHHQBB")
_TAG: Final = struct.Struct(">QB")
_MULTIPLE: Final = 1


@dataclass(frozen=True, slots=True, init=False)
class Post:
    """A message to publish: persistent, mandatory."""

    queue: str
    """The routing key."""
    message_id: str
    type: str
    content_type: str
    body: bytes

    def __init__(
        self,
        queue: str,
        message_id: str,
        type: str,  # noqa: A002  # as the property
        content_type: str,
        body: bytes,
    ) -> None:
        object.__setattr__(self, "queue", queue)
        object.__setattr__(self, "message_id", message_id)
        object.__setattr__(self, "type", type)
        object.__setattr__(self, "content_type", content_type)
        object.__setattr__(self, "body", body)


def method_of(payload: bytes) -> bytes:
    """Which method a method frame holds, as `DELIVER` and the others have it."""
    return payload[:4]


def publish(channel: int, exchange: str, post: Post, frame_max: int) -> list[bytes]:
    """A message as frames: the method, its header, and its body in as many frames as it needs (4.2.6).

    In pieces that follow one another, so that who writes many messages at once copies their bodies once.
    """
    room, body, size = frame_max - OVERHEAD, post.body, len(post.body)
    first, last = _properties(post.content_type, post.type)
    message_id = _short(post.message_id)
    length = _PROPERTIES.size + len(first) + len(message_id) + len(last)
    header = _HEADER.pack(HEADER, channel, length, 60, 0, size, _FLAGS)
    pieces = [_method(channel, exchange, post.queue), header, first, message_id, last, _END]
    if size <= room:
        if body:
            pieces += HEAD.pack(BODY, channel, size), body, _END
        return pieces
    for at in range(0, size, room):
        part = body[at : at + room]
        pieces += HEAD.pack(BODY, channel, len(part)), part, _END
    return pieces


def acknowledge(channel: int, tag: int) -> bytes:
    """Everything up to and with `tag` is acknowledged (1.8.3.13)."""
    return _ACK.pack(METHOD, channel, 13, 60, 80, tag, _MULTIPLE, END)


def read_delivery(payload: bytes) -> tuple[int, bool, str]:
    """(tag, whether it came before, exchange) of a Deliver (1.8.3.9).

    Raises struct.error, IndexError or UnicodeDecodeError where it is none.
    """
    at = 5 + payload[4]  # past the consumer's tag
    said: tuple[int, int] = _TAG.unpack_from(payload, at)
    tag, bits = said
    at += _TAG.size
    return tag, bool(bits & 1), payload[at + 1 : at + 1 + payload[at]].decode("utf-8")


def read_confirmation(payload: bytes) -> tuple[int, bool]:
    """(tag, whether all before it are meant too) of an Ack or a Nack. Raises struct.error where it is neither."""
    said: tuple[int, int] = _TAG.unpack_from(payload, 4)
    tag, bits = said
    return tag, bool(bits & _MULTIPLE)


def body_size(header: bytes) -> int:
    """Bytes of body that follow a content header. Raises struct.error where it is none."""
    return int(_PROPERTIES.unpack_from(header)[2])


@lru_cache(maxsize=4096)  # a network has some hundred inboxes
def _method(channel: int, exchange: str, queue: str) -> bytes:
    payload = b"".join((_PUBLISH, _short(exchange), _short(queue), _MANDATORY))
    return HEAD.pack(METHOD, channel, len(payload)) + payload + _END


@lru_cache(maxsize=64)  # there are few types
def _properties(content_type: str, item_type: str) -> tuple[bytes, bytes]:
    """What comes before the message id, and what after it."""
    return _short(content_type) + _PERSISTENT, _short(item_type)


def _short(text: str) -> bytes:
    data = text.encode()
    return bytes((len(data),)) + data  # more than 255 bytes: ValueError, as of any byte
