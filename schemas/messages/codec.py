"""Messages to bytes and back: an envelope's content is the message's JSON, and its attachments (section 1.3).

Order of decoding: size, UTF-8, depth, JSON with its names and numbers, the model, what is attached. Each step refuses
before the next one runs, and no error holds any of the content.

Rules: encoding is deterministic (UTF-8, names sorted, no spaces, unknown left out), and what it makes decodes to an
equal message. Decoding takes other spacing and order, since the bytes are signed as they are and never made again.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Final, NoReturn

from pydantic import ValidationError

from schemas.errors import Malformed, Misuse, Reason
from schemas.messages import attachments
from schemas.messages.attachments import Attaching
from schemas.messages.fields import Message
from schemas.messages.kinds import KINDS

MAX_CONTENT_BYTES: Final = 1 << 20
"""Of JSON. No message of these kinds comes near: the fields' bounds end far below."""

MAX_DEPTH: Final = 16
"""Lists and objects within one another."""

MAX_NUMBER_DIGITS: Final = 32
"""Longer numbers fit no field."""

_BRACKETS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
"""A string as a whole (closed or not, so that no byte is tried twice), or one bracket."""


def kind_of(message: Message) -> str:
    """The message's kind and version, as in the header's claim."""
    return message.KIND


def encode(message: Message, attached: Sequence[bytes | memoryview] = ()) -> bytes:
    """The message's one encoding, with the attachments that it lists.

    Raises:
        Misuse: the message was made past its model's checks, so that no recipient would take it; or what is attached is
            not what it lists.
    """
    value = message.model_dump(mode="json", exclude_none=True, exclude_defaults=True, warnings="none")
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode(
        errors="surrogatepass"
    )
    try:
        again = _read(message.KIND, text)
    except Malformed as error:
        raise Misuse(f"this message cannot be sent: {error.detail}") from None
    if again != message:
        raise Misuse("this message cannot be sent: it would be read as another")
    return attachments.join(message, text, attached)


def decode(kind: str, content: bytes) -> Message:
    """The message of that kind, what is attached to it being what it lists.

    Raises:
        Malformed: `kind-unknown`; `content-not-json`, no JSON in UTF-8; `content-duplicate-name`; `content-number`, not
            finite or too long; `content-model`, JSON that is no message of that kind, or too large or too deep for one,
            or attachments that it does not list.
    """
    return decode_whole(kind, content)[0]


def decode_whole(kind: str, content: bytes) -> tuple[Message, tuple[memoryview, ...]]:
    """As `decode`, with the attachments: views of `content`, in the order in which the message lists them."""
    model = KINDS.get(kind)
    if model is None or not issubclass(model, Attaching):
        return _read(kind, content), ()
    if len(content) > attachments.MAX_WHOLE_BYTES:
        raise Malformed(Reason.CONTENT_MODEL, f"more than {attachments.MAX_WHOLE_BYTES} bytes")
    text, behind = attachments.split(content)
    message = _read(kind, text)
    return message, attachments.apart(message, behind)


def _read(kind: str, content: bytes) -> Message:
    model = KINDS.get(kind)
    if model is None:
        raise Malformed(Reason.KIND_UNKNOWN, "no such kind of message")
    if len(content) > MAX_CONTENT_BYTES:
        raise Malformed(Reason.CONTENT_MODEL, f"more than {MAX_CONTENT_BYTES} bytes")
    _check_depth(content)
    _check_json(content)
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        refusal = _refusal(kind, error)
    # Raised outside the handler, so that the validator's error, which holds the content, is not chained to it.
    raise refusal


def _check_depth(content: bytes) -> None:
    if content.count(b"[") + content.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for match in _BRACKETS.finditer(content):
        first = match[0][:1]
        if first in b"[{":
            depth += 1
        elif first in b"]}":
            depth -= 1
        if depth > MAX_DEPTH:
            raise Malformed(Reason.CONTENT_MODEL, f"more than {MAX_DEPTH} levels deep")


def _check_json(content: bytes) -> None:
    fault = ""
    try:
        value = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_fraction,
            parse_constant=_constant,
        )
    except UnicodeDecodeError:
        fault = "not UTF-8"
    except json.JSONDecodeError as error:
        fault = f"no JSON at character {error.pos}"
    else:
        if not isinstance(value, dict):
            raise Malformed(Reason.CONTENT_MODEL, "a message is an object")
        return
    raise Malformed(Reason.CONTENT_NOT_JSON, fault)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Malformed(Reason.CONTENT_DUPLICATE_NAME, "an object has one of its names twice")
    if any(member is None or member in ([], {}) for member in value.values()):
        raise Malformed(Reason.CONTENT_MODEL, "what is unknown is left out, not null or empty")
    return value


def _integer(digits: str) -> int:
    if len(digits) > MAX_NUMBER_DIGITS:
        raise Malformed(Reason.CONTENT_NUMBER, f"a number of more than {MAX_NUMBER_DIGITS} digits")
    return int(digits)


def _fraction(digits: str) -> float:
    value = float(digits) if len(digits) <= MAX_NUMBER_DIGITS else math.inf
    if not math.isfinite(value):
        raise Malformed(Reason.CONTENT_NUMBER, "a number that is not finite, or too long")
    return value


def _constant(_name: str) -> NoReturn:
    raise Malformed(Reason.CONTENT_NUMBER, "NaN and Infinity are no numbers of JSON")


def _refusal(kind: str, error: ValidationError) -> Malformed:
    """Where and how the first fault lies: names of our own fields and codes, nothing that the sender wrote."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return Malformed(Reason.CONTENT_NOT_JSON, "a string that is no Unicode text")
    path = first["loc"][:-1] if first["type"] == "extra_forbidden" else first["loc"]
    return Malformed(Reason.CONTENT_MODEL, f"no {kind}: {first['type']} at /{'/'.join(str(step) for step in path)}")
