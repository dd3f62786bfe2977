"""What is read of a message's properties, and a content header with no other left in it. Pure.

A bureau writes the properties, and the broker passes them on unread: whatever stands in them gives text or nothing.
Numbers in comments are sections of the specification of AMQP 0-9-1.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final, TypeAlias

Properties: TypeAlias = tuple[str | None, str | None, str | None]
"""Message id, type and user id, each only where it is text. No class: one is made for each message."""

_FIXED: Final = 12
"""Bytes of class, weight and body size, before the flags (4.2.6.1)."""
_FIRST: Final = _FIXED + 2
"""Where the first property begins: after the flags."""
_SIZE: Final = struct.Struct(">I")
_MESSAGE_ID: Final = 0x0080
_TYPE: Final = 0x0020
_USER_ID: Final = 0x0010
_SHORT: Final = 0
"""In `_SIZES`: a byte of length, then text."""
_TABLE: Final = -1
"""Four bytes of length, then a table."""
_SIZES: Final = (
    (0x8000, _SHORT),  # content type
    (0x4000, _SHORT),  # content encoding
    (0x2000, _TABLE),  # headers
    (0x1000, 1),  # delivery mode
    (0x0800, 1),  # priority
    (0x0400, _SHORT),  # correlation id
    (0x0200, _SHORT),  # reply to
    (0x0100, _SHORT),  # expiration
    (_MESSAGE_ID, _SHORT),
    (0x0040, 8),  # time stamp
    (_TYPE, _SHORT),
    (_USER_ID, _SHORT),
    (0x0008, _SHORT),  # application id
    (0x0004, _SHORT),  # cluster id
)


def plain_header(payload: bytes) -> bytes:
    """The payload of a content header frame, with no property left but ours."""
    flags, texts = 0, b""
    for flag, text in zip((_MESSAGE_ID, _TYPE, _USER_ID), kept_properties(payload), strict=True):
        if text is not None:
            data = text.encode()
            flags |= flag
            texts += bytes((len(data),)) + data
    return payload[:_FIXED] + flags.to_bytes(2, "big") + texts


def kept_properties(payload: bytes) -> Properties:
    """Those of a content header frame; none of one that does not parse."""
    message_id: str | None = None
    item_type: str | None = None
    user_id: str | None = None
    try:
        at = _FIRST
        for flag, size in _present(payload[_FIXED] << 8 | payload[_FIXED + 1]):
            end = at + _length(payload, at, size)
            if end > len(payload):
                return None, None, None
            if flag == _USER_ID:
                user_id = _text(payload, at, end)
            elif flag == _TYPE:
                item_type = _text(payload, at, end)
            elif flag == _MESSAGE_ID:
                message_id = _text(payload, at, end)
            at = end
    except (struct.error, IndexError):
        return None, None, None
    return message_id, item_type, user_id


@lru_cache(maxsize=64)  # programs set the same few properties in every message
def _present(flags: int) -> tuple[tuple[int, int], ...]:
    return tuple([(flag, size) for flag, size in _SIZES if flags & flag])


def _length(payload: bytes, at: int, size: int) -> int:
    if size == _SHORT:
        return 1 + payload[at]
    if size == _TABLE:
        return 4 + int(_SIZE.unpack_from(payload, at)[0])
    return size


def _text(payload: bytes, at: int, end: int) -> str | None:
    try:
        return payload[at + 1 : end].decode("utf-8")
    except UnicodeDecodeError:
        return None
