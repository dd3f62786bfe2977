"""The one encoding: a small deterministic CBOR (RFC 8949 section 4.2.1) and its strict decoder.

Values: 64-bit integers, byte and text strings, arrays, maps with integer or text keys, booleans, null, and tags of a
short list. One spelling for each value: shortest heads, definite lengths, map keys strictly ascending bytewise by their
encoding, nothing after the value. Whatever would not encode to the very same bytes is refused.

Bounded: the decoder counts items, depth and pairs against a `Bounds` before it allocates, so hostile input costs no
more than its own length. Recursion is at most the depth bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias, Union

from schemas.errors import Malformed, Reason

TAGS: Final = frozenset({18, 96})
"""COSE_Sign1 and COSE_Encrypt (RFC 9052 section 2)."""


# Major types (RFC 8949 section 3.1): plain integers compare in less time than members of an enumeration.
_UINT: Final = 0
_NINT: Final = 1
_BYTES: Final = 2
_TEXT: Final = 3
_ARRAY: Final = 4
_MAP: Final = 5
_TAG: Final = 6
_SIMPLE: Final = 7

_SIMPLE_VALUES: Final[Mapping[int, bool | None]] = {20: False, 21: True, 22: None}


@dataclass(frozen=True, slots=True)
class Tagged:
    """A tagged value; `number` is one of `TAGS`."""

    number: int
    value: Value


Key: TypeAlias = int | str
# A recursive alias cannot use | with a quoted name at run time.
Value: TypeAlias = Union[int, bytes, str, bool, Sequence["Value"], Mapping[Key, "Value"], Tagged, None]  # noqa: UP007


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a decoder accepts, in counts. The defaults are an envelope's (protocol section 1)."""

    items: int = 4096
    depth: int = 8
    pairs: int = 64


ENVELOPE: Final = Bounds()
DIRECTORY: Final = Bounds(items=1_000_000)
"""A directory version lists every participant and key of the network; the authority signed it."""


_HEADS: Final = tuple(
    tuple(bytes((major << 5 | at,) if at < 24 else (major << 5 | 24, at)) for at in range(256)) for major in range(8)
)
"""Heads of one and two bytes, by major type and argument."""


def _head(major: int, argument: int) -> bytes:
    if argument < 256:
        return _HEADS[major][argument]
    lead = major << 5
    for info, size in ((25, 2), (26, 4), (27, 8)):
        if argument < 1 << (8 * size):
            return bytes((lead | info,)) + argument.to_bytes(size)
    raise Malformed(Reason.CBOR_UNSUPPORTED, "integers are 64 bits at most")


def encode(value: Value) -> bytes:
    """The one encoding of `value`.

    Raises:
        Malformed: a type or size that the protocol's CBOR does not have.
    """
    out: list[bytes] = []
    _encode(value, out)
    return b"".join(out)


def _encode(value: Value, out: list[bytes]) -> None:
    if isinstance(value, bytes):  # what is most frequent first; abstract classes last, they cost most to tell
        out += (_head(_BYTES, len(value)), value)
    elif isinstance(value, str):
        text = _utf8(value)
        out += (_head(_TEXT, len(text)), text)
    elif value is None or isinstance(value, bool):
        out.append(b"\xf6" if value is None else b"\xf5" if value else b"\xf4")
    elif isinstance(value, int):
        out.append(_head(_UINT, value) if value >= 0 else _head(_NINT, -1 - value))
    elif isinstance(value, Tagged):
        out.append(_head(_TAG, value.number))
        _encode(value.value, out)
    elif isinstance(value, list | tuple):
        _encode_array(value, out)
    elif isinstance(value, dict) or isinstance(value, Mapping):  # noqa: SIM101  # an abstract class takes long to ask
        pairs: Iterable[tuple[object, Value]] = value.items()  # of any key: what is none is refused, not believed
        found = {_key(key): item for key, item in pairs}
        out.append(_head(_MAP, len(found)))
        for encoded in sorted(found):
            out.append(encoded)
            _encode(found[encoded], out)
    elif isinstance(value, Sequence):
        _encode_array(value, out)
    else:
        raise Malformed(Reason.CBOR_UNSUPPORTED, f"cannot encode {type(value).__name__}")


def encode_positions(values: Sequence[Value]) -> bytes:
    """The map of those values that are there (not None), by their positions from 1."""
    out, count = [b""], 0
    for position, value in enumerate(values, 1):
        if value is not None:
            count += 1
            out.append(_head(_UINT, position))
            _encode(value, out)
    out[0] = _head(_MAP, count)
    return b"".join(out)


def byte_head(size: int) -> bytes:
    """What stands before a byte string of `size` bytes, for those who join long ones without copying them first."""
    return _head(_BYTES, size)


def join_array(items: Sequence[bytes]) -> bytes:
    """The array of items that are encoded already."""
    return _head(_ARRAY, len(items)) + b"".join(items)


def _encode_array(value: Sequence[Value], out: list[bytes]) -> None:
    out.append(_head(_ARRAY, len(value)))
    for item in value:
        _encode(item, out)


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise Malformed(Reason.CBOR_TEXT, "text with half a surrogate pair has no UTF-8") from None


@lru_cache(maxsize=512, typed=True)  # typed: true equals 1, and is no key
def _key(key: object) -> bytes:
    if isinstance(key, bool) or not isinstance(key, int | str):
        raise Malformed(Reason.CBOR_UNSUPPORTED, "map keys are integers or text")
    return encode(key)


def decode(data: bytes, bounds: Bounds = ENVELOPE) -> Value:
    """The value that `data`, all of it, encodes: maps as dict, arrays as list.

    Raises:
        Malformed: anything but the one encoding of a value within `bounds`.
    """
    decoder = _Decoder(data, bounds)
    value = decoder.value(0)
    if decoder.at != len(data):
        raise Malformed(Reason.CBOR_TRAILING, f"{len(data) - decoder.at} bytes after the value")
    return value


def decode_first(data: bytes, bounds: Bounds = ENVELOPE, at: int = 0) -> tuple[Value, int]:
    """The value of a CBOR sequence (RFC 8742) that begins at offset `at`, and the offset behind it.

    Raises:
        Malformed: as `decode`, except for bytes after the value.
    """
    decoder = _Decoder(data, bounds)
    decoder.at = at
    return decoder.value(0), decoder.at


class _Decoder:
    __slots__ = ("at", "bounds", "data", "end", "items", "most")

    def __init__(self, data: bytes, bounds: Bounds) -> None:
        self.data, self.bounds = data, bounds
        self.end, self.most = len(data), bounds.items
        self.at = self.items = 0

    def truncated(self, count: int) -> Malformed:
        return Malformed(Reason.CBOR_TRUNCATED, f"needs {count} bytes at offset {self.at}")

    def long_argument(self, major: int, info: int) -> int:
        if info == 31:
            raise Malformed(Reason.CBOR_INDEFINITE, "lengths are definite")
        if info > 27 or major == _SIMPLE:
            raise Malformed(Reason.CBOR_UNSUPPORTED, f"head {major << 5 | info:#04x}")
        size, at = 1 << (info - 24), self.at
        end = at + size
        if end > self.end:
            raise self.truncated(size)
        self.at = end
        argument = int.from_bytes(self.data[at:end])
        if argument < (24 if size == 1 else 1 << (4 * size)):
            raise Malformed(Reason.CBOR_NOT_SHORTEST, f"at offset {at - 1}")
        return argument

    def value(self, depth: int) -> Value:
        self.items += 1
        if self.items > self.most:
            raise Malformed(Reason.CBOR_TOO_MANY, f"more than {self.most} items")
        at, data = self.at, self.data
        if at >= self.end:
            raise self.truncated(1)
        lead = data[at]
        at += 1
        major, argument = lead >> 5, lead & 31
        if argument > 23:
            if argument == 24 and at < self.end and data[at] > 23 and major != _SIMPLE:  # what is most frequent first
                argument = data[at]
                at += 1
            else:
                self.at = at
                argument = self.long_argument(major, argument)
                at = self.at
        self.at = at
        if _BYTES <= major <= _TEXT:
            end = at + argument
            if end > self.end:
                raise self.truncated(argument)
            self.at = end
            return data[at:end] if major == _BYTES else _text(data[at:end])
        if major == _UINT:
            return argument
        if major == _NINT:
            return -1 - argument
        return self.simple(argument) if major == _SIMPLE else self.nested(major, argument, depth + 1)

    def nested(self, major: int, argument: int, depth: int) -> Value:
        if depth > self.bounds.depth:
            raise Malformed(Reason.CBOR_TOO_DEEP, f"more than {self.bounds.depth} levels")
        if major == _ARRAY:
            return self.array(argument, depth)
        if major == _MAP:
            return self.map(argument, depth)
        if argument not in TAGS:
            raise Malformed(Reason.CBOR_UNSUPPORTED, f"tag {argument}")
        return Tagged(argument, self.value(depth))

    def simple(self, argument: int) -> bool | None:
        if argument not in _SIMPLE_VALUES:
            raise Malformed(Reason.CBOR_UNSUPPORTED, f"simple value {argument}")
        return _SIMPLE_VALUES[argument]

    def array(self, count: int, depth: int) -> list[Value]:
        if count > self.most:
            raise Malformed(Reason.CBOR_TOO_MANY, f"an array of {count}")
        return [self.value(depth) for _ in range(count)]

    def map(self, count: int, depth: int) -> dict[Key, Value]:
        if count > self.bounds.pairs:
            raise Malformed(Reason.CBOR_TOO_MANY, f"a map of {count} pairs")
        result: dict[Key, Value] = {}
        value, data, last = self.value, self.data, b""
        for _ in range(count):
            start = self.at
            key = value(depth)
            if type(key) is not int and not isinstance(key, str):  # not isinstance: true is an int to it
                raise Malformed(Reason.CBOR_UNSUPPORTED, "map keys are integers or text")
            encoded = data[start : self.at]
            if encoded <= last:
                reason = Reason.CBOR_DUPLICATE_KEY if encoded == last else Reason.CBOR_KEY_ORDER
                raise Malformed(reason, f"key {key!r}"[:40])
            last = encoded
            result[key] = value(depth)
        return result


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Malformed(Reason.CBOR_TEXT, "text is not UTF-8") from None
