"""Pictures, prints and papers beside a message's JSON (protocol section 1.3).

    content = JSON                                          without attachments
    content = JSON ‖ 0x00 ‖ bytes of the first ‖ bytes of the second ...    with them

The message lists each, in that order, with its size and SHA-256: JSON holds no raw zero byte, so the first one ends it,
and nothing but the list says where an attachment ends. What a reader is given are views of the content: no copies.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from enum import StrEnum
from itertools import accumulate, pairwise
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from schemas.errors import Malformed, Misuse, Reason
from schemas.messages.fields import Distinct, Line, Message, Model

SEPARATOR: Final = b"\x00"
"""Between the JSON and the first attachment."""
MAX_ATTACHMENTS: Final = 32
"""Of one message."""
MAX_WHOLE_BYTES: Final = 9 * 1024 * 1024 - 64
"""Of a content with attachments: salted, padded to whole MiB and sealed to 256, it is within a sealed part."""


class Shows(StrEnum):
    """What an attachment shows. Source: the fields of INTERPOL's notices (photographs, fingerprints), and ours."""

    FACE = "face"
    PHOTOGRAPH = "photograph"
    """Of the person or the thing, other than a face from the front."""
    FINGERPRINTS = "fingerprints"
    DNA_PROFILE = "dna-profile"
    DOCUMENT = "document"
    """A picture of an identity document."""
    MARK = "mark"
    WARRANT = "warrant"
    OTHER = "other"


class MediaType(StrEnum):
    """How an attachment is written: formats that carry no program. Source: the IANA registry of media types."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    WSQ = "image/x-wsq"
    """Fingerprints, by the FBI's specification; it has no registered type."""
    NIST = "application/octet-stream"
    """An ANSI/NIST-ITL transaction; it has no registered type."""
    PDF = "application/pdf"
    TEXT = "text/plain"


class Attachment(Model):
    """One attachment as the message lists it; its bytes stand behind the JSON."""

    shows: Shows
    media: MediaType
    size: Annotated[int, Field(ge=1, le=MAX_WHOLE_BYTES)]
    """Bytes."""
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    about: Line | None = None
    """What is to be seen, in words."""

    @classmethod
    def of(cls, data: bytes | memoryview, shows: Shows, media: MediaType, about: str | None = None) -> Attachment:
        """What a message lists of these bytes.

        Raises:
            pydantic.ValidationError: there are none, or too many.
        """
        return cls(shows=shows, media=media, size=len(data), sha256=hashlib.sha256(data).hexdigest(), about=about)


class Attaching(Message):
    """A message of a kind that may have attachments."""

    attachments: Annotated[tuple[Attachment, ...], Distinct(MAX_ATTACHMENTS)] = ()
    """In the order of their bytes; none stands there twice."""


def listed(message: Message) -> tuple[Attachment, ...]:
    """What the message lists; nothing where its kind has no attachments."""
    return message.attachments if isinstance(message, Attaching) else ()


def join(message: Message, text: bytes, data: Sequence[bytes | memoryview]) -> bytes:
    """The content: the message's JSON, and the bytes that it lists behind it.

    Raises:
        Misuse: they are not the ones that it lists.
    """
    entries = listed(message)
    if len(entries) != len(data):
        raise Misuse(f"the message lists {len(entries)} attachments and is given {len(data)}")
    if not entries:
        return text
    for number, (entry, part) in enumerate(zip(entries, data, strict=True)):
        if not _is(entry, part):
            raise Misuse(f"attachment {number} is not the one that the message lists")
    if (size := len(text) + len(SEPARATOR) + sum(map(len, data))) > MAX_WHOLE_BYTES:
        raise Misuse(f"message and attachments are {size} bytes: at most {MAX_WHOLE_BYTES} can be sealed")
    return b"".join((text, SEPARATOR, *data))


def split(content: bytes) -> tuple[bytes, memoryview | None]:
    """The JSON, and what stands behind the first zero byte: None where there is no such byte."""
    end = content.find(SEPARATOR)
    return (content, None) if end < 0 else (content[:end], memoryview(content)[end + 1 :])


def apart(message: Message, behind: memoryview | None) -> tuple[memoryview, ...]:
    """The attachments, as views of the content, in the message's order.

    Raises:
        Malformed: `content-model`, they are not the ones that the message lists.
    """
    entries = listed(message)
    if behind is None and not entries:
        return ()
    if behind is None or not entries:
        raise Malformed(Reason.CONTENT_MODEL, "a zero byte stands before attachments, and only before them")
    ends = (0, *accumulate(entry.size for entry in entries))
    if ends[-1] != len(behind):
        raise Malformed(Reason.CONTENT_MODEL, f"{len(behind)} bytes attached, {ends[-1]} listed")
    parts = tuple(behind[start:end] for start, end in pairwise(ends))
    for number, (entry, part) in enumerate(zip(entries, parts, strict=True)):
        if not _is(entry, part):
            raise Malformed(Reason.CONTENT_MODEL, f"attachment {number} is not the one that is listed")
    return parts


def _is(entry: Attachment, data: bytes | memoryview) -> bool:
    return len(data) == entry.size and hmac.compare_digest(hashlib.sha256(data).hexdigest(), entry.sha256)
