"""The HTTP link: aiohttp over mutual TLS 1.3, the inbox by long poll.

Rules: the server's certificate must be the authority's and for the URL's host; ours is shown in return, and names us.
No redirect is followed and no proxy used. An answer is read to a bound, in a bounded time. A signed receipt is an
answer, whatever it says; a problem document becomes an error with its reason; anything else is `Unavailable`. A gateway
that is silent is soon asked again, over other connections (pool.py).
"""

from __future__ import annotations

import asyncio
import io
import json
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from bureaus.links.pool import Pools
from schemas import wire
from schemas.errors import BureaunetError, Forbidden, Malformed, Misuse, Reason, Unavailable, Untrusted
from schemas.wire import InboxItem, decode_items

ANSWER_SECONDS: Final = 10.0
"""Until an answer begins; a body has one more for each `BYTES_A_SECOND`, a long poll its wait on top."""
PUBLISH_SECONDS: Final = 60.0
"""The same, for what a person does, who would have to look whether it was done."""
BYTES_A_SECOND: Final = 256 * 1024
PART_SECONDS: Final = 10.0
"""Between two parts of an answer."""
WHOLE_SECONDS: Final = 60.0
"""From an answer's beginning to its end."""
MAX_ANSWER: Final = 64 * 1024 * 1024
"""Bytes of any answer but a single large inbox item; more items than that are asked for one by one."""
PIECE: Final = 256 * 1024
"""Bytes: a larger body is sent piece by piece."""
PROBLEM_TYPE: Final = "application/problem+json"
_MAX_RETRY_AFTER: Final = 3600.0


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    type: str
    body: bytes
    retry_after: float | None


class HttpLink:
    """A `Link` to the gateway at `url` (`https://HOST:PORT`)."""

    def __init__(
        self, url: str, tls: ssl.SSLContext, *, max_answer: int = MAX_ANSWER, answer_seconds: float = ANSWER_SECONDS
    ) -> None:
        """`max_answer` is in bytes."""
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname or parts.path.strip("/"):
            raise Misuse("a gateway's URL is https://HOST:PORT")
        self._url = url.rstrip("/")
        self._pools = Pools(tls)
        self._max_answer = max_answer
        self._answer_seconds = answer_seconds
        self._closed = False

    # ---------------------------------------------------------------------------------------- the port

    async def submit(self, body: bytes) -> bytes:
        """As `Link.submit`."""
        answer = await self._ask("POST", wire.MESSAGES, body)
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise Unavailable(
                Reason.LINK_QUOTA, "the gateway asks us to slow down", retry_after=answer.retry_after or 1.0
            )
        if answer.type == wire.CBOR_TYPE:
            return answer.body
        error = _problem(answer)
        # Without a receipt nothing was decided: whatever is said here is about the request, not about the message.
        raise error if isinstance(error, Unavailable) else Unavailable(error.reason, error.detail)

    async def items(self, after: int) -> AsyncIterator[Sequence[InboxItem]]:
        """As `Link.items`."""
        limit = wire.MAX_ITEMS
        while True:
            path = f"{wire.INBOX}?after={after}&wait={wire.MAX_WAIT}&limit={limit}"
            try:
                answer = await self._ask("GET", path, wait=wire.MAX_WAIT)
            except Malformed:  # too large: what waits is asked for one by one
                if limit == 1:
                    raise
                limit = 1
                continue
            items = decode_items(_good(answer))
            if items:
                yield items
                after, limit = max(after, *(item.index for item in items)), wire.MAX_ITEMS

    async def acknowledge(self, body: bytes) -> None:
        """As `Link.acknowledge`."""
        _good(await self._ask("POST", wire.EVIDENCE, body, wire.COSE_TYPE))

    async def get(self, path: str) -> bytes:
        """As `Link.get`."""
        return _good(await self._ask("GET", path))

    async def publish(self, path: str, body: bytes) -> None:
        """As `Link.publish`."""
        _good(await self._ask("POST", path, body, wire.COSE_TYPE, seconds=PUBLISH_SECONDS))

    async def aclose(self) -> None:
        """As `Link.aclose`."""
        self._closed = True
        await self._pools.aclose()

    # ---------------------------------------------------------------------------------------- one request

    async def _ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        content_type: str = wire.CBOR_TYPE,
        *,
        seconds: float | None = None,
        wait: float = 0.0,
    ) -> _Answer:
        """One request and its whole answer, whatever its status; with `wait` it is a long poll.

        Raises:
            Unavailable: there is none in time. Malformed: `unreadable`, it is beyond the bound.
        """
        if self._closed:
            raise Unavailable(Reason.UNREACHABLE, "the link is closed")
        headers = {} if body is None else {"Content-Type": content_type}
        within = (seconds or self._answer_seconds) + wait + len(body or b"") / BYTES_A_SECOND
        try:
            async with (
                self._pools.request(within, poll=wait > 0) as (session, deadline),
                session.request(
                    method, self._url + path, data=_payload(body), headers=headers, allow_redirects=False
                ) as response,
            ):
                content = await _read(response, self._max_answer, deadline)
                return _Answer(response.status, response.content_type, content, _retry_after(response))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(Reason.UNREACHABLE, f"the gateway does not answer: {type(error).__name__}") from error


def _payload(body: bytes | None) -> bytes | io.BytesIO | None:
    """A large body goes in pieces: TLS would take one write of any size into its buffers. BytesIO shares the bytes."""
    return body if body is None or len(body) <= PIECE else io.BytesIO(body)


async def _read(response: aiohttp.ClientResponse, bound: int, deadline: asyncio.Timeout) -> bytes:
    """The answer's body, to a bound in bytes; from here on the deadline moves with each part that comes."""
    parts: list[bytes] = []
    size = 0
    clock = asyncio.get_running_loop().time
    end = clock() + WHOLE_SECONDS
    deadline.reschedule(min(end, clock() + PART_SECONDS))
    async for part in response.content.iter_any():
        deadline.reschedule(min(end, clock() + PART_SECONDS))
        size += len(part)
        if size > bound:
            response.close()
            raise Malformed(Reason.UNREADABLE, f"an answer of more than {bound} bytes")
        parts.append(part)
    return b"".join(parts)


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    """The header's seconds (RFC 9110 section 10.2.3), bounded; None where there is none, or a date."""
    text = response.headers.get("Retry-After", "")
    return min(float(text), _MAX_RETRY_AFTER) if text.isascii() and text.isdigit() else None


def _good(answer: _Answer) -> bytes:
    if answer.status in (HTTPStatus.OK, HTTPStatus.NO_CONTENT):
        return answer.body
    raise _problem(answer)


def _problem(answer: _Answer) -> BureaunetError:
    """The error that an answer stands for, by its status; its reason from the problem document, where it is one."""
    reason, detail = _reason(answer)
    later = answer.status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT) or answer.status >= 500
    if later or answer.retry_after is not None or reason is None:
        return Unavailable(reason or Reason.UNREACHABLE, detail, retry_after=answer.retry_after)
    kinds: dict[int, type[BureaunetError]] = {
        HTTPStatus.BAD_REQUEST: Malformed,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Malformed,
        HTTPStatus.UNPROCESSABLE_ENTITY: Untrusted,
    }
    return kinds.get(answer.status, Forbidden)(reason, detail)


def _reason(answer: _Answer) -> tuple[Reason | None, str]:
    try:
        document = json.loads(answer.body) if answer.type == PROBLEM_TYPE else {}
        return Reason(document["reason"]), f"the gateway says: {str(document.get('detail', ''))[:200]}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return None, f"the gateway answers {answer.status} without a reason"


def _unencrypted() -> bytes:
    raise ValueError("the key is encrypted")  # else OpenSSL would ask on the terminal


def client_context(certificate: Path, key: Path, authority: Path, password: bytes | None = None) -> ssl.SSLContext:
    """A TLS 1.3 context that trusts the authority alone and shows our certificate.

    `password` is what the key is encrypted with, None where it is not.

    Raises:
        Misuse: a file is missing, or is not what it should be.
    """
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_verify_locations(cafile=authority)
        context.load_cert_chain(certificate, key, password or _unencrypted)
    except (OSError, ValueError) as error:  # ssl's own errors are OSErrors
        raise Misuse(f"the link's certificate cannot be used: {error}") from None
    return context
