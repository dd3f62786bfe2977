"""What a handler takes from a request: whose link it came over, its body within bounds, and its parameters.

Rules: a body is read only when there is room for all of it, in time, and never past its bound; nothing is decompressed;
a parameter is of its form or the request is refused.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

from aiohttp import web

from gateway.api.problems import RETRY_SECONDS, Refused
from schemas.errors import Reason
from schemas.identity import Address

LINK: Final = web.RequestKey("link", Address)
"""The identity of the link, once it was checked."""
_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)


class Bodies:
    """Reads request bodies; all that are in memory at one time stay under one bound."""

    def __init__(self, bound: int, seconds: float) -> None:
        """`bound` in bytes, `seconds` for one whole body."""
        self._bound = bound
        self._seconds = seconds
        self._held = 0

    @contextmanager
    def room(self, request: web.Request, limit: int) -> Iterator[int]:
        """Keep room for a body while it is in hand: its largest size, in bytes.

        Raises:
            Refused: 413, it says that it is larger than `limit`; 415, it is compressed; 503, there is no room now.
        """
        if request.headers.get("Content-Encoding", "identity") != "identity":
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, Reason.STRUCTURE, "bodies are not compressed", close=True)
        size = limit if request.content_length is None else request.content_length
        if size > limit:
            raise _too_large(limit)
        if self._held + size > self._bound:
            detail = "too many request bodies at one time"
            status = HTTPStatus.SERVICE_UNAVAILABLE
            raise Refused(status, Reason.OVERLOADED, detail, retry_after=RETRY_SECONDS, close=True)
        self._held += size
        try:
            yield size
        finally:
            self._held -= size

    async def read(self, request: web.Request, size: int) -> bytes:
        """The body, of at most `size` bytes.

        Raises:
            Refused: 413; 400, its framing is broken; 408, it took too long.
        """
        content = request.content
        if content.is_eof() and content.exception() is None:  # it came with its header: nothing to wait for
            body = content.read_nowait()
            if len(body) > size:
                raise _too_large(size)
            return body
        parts = bytearray()
        try:
            async with asyncio.timeout(self._seconds):
                async for part in content.iter_any():
                    parts += part
                    if len(parts) > size:
                        raise _too_large(size)
        except TimeoutError:
            detail = f"the body took longer than {self._seconds:g} s"
            raise Refused(HTTPStatus.REQUEST_TIMEOUT, Reason.TIMEOUT, detail, close=True) from None
        except web.RequestPayloadError:
            raise Refused(
                HTTPStatus.BAD_REQUEST, Reason.STRUCTURE, "the body's framing is broken", close=True
            ) from None
        return bytes(parts)


def _too_large(limit: int) -> Refused:
    detail = f"the body is larger than {limit} bytes"
    return Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, Reason.SEALED_TOO_LARGE, detail, close=True)


def digest(request: web.Request, name: str) -> bytes:
    """A SHA-256 of the path, in 64 lower-case hexadecimal digits.

    Raises:
        Refused: 400.
    """
    text = request.match_info[name]
    if not _DIGEST.fullmatch(text):
        raise _bad(f"{name} is 64 hexadecimal digits in lower case")
    return bytes.fromhex(text)


def number(request: web.Request, name: str) -> int:
    """A number of the path.

    Raises:
        Refused: 400.
    """
    return _number(request.match_info[name], name)


def asked(request: web.Request, name: str, default: int) -> int:
    """A number of the query, `default` where it is not given; -1 may be written only where it is the default.

    Raises:
        Refused: 400.
    """
    text = request.query.get(name)
    if text is None or text == str(default):
        return default
    return _number(text, name)


def _number(text: str, name: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise _bad(f"{name} is a whole number")
    return int(text)


def _bad(detail: str) -> Refused:
    return Refused(HTTPStatus.BAD_REQUEST, Reason.STRUCTURE, detail)
