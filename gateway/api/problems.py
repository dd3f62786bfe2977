"""Errors translated to the outside, once: RFC 9457 problem documents with our stable reason codes, never a stack trace.

A decision about a message is never a problem: it is a signed receipt. What is here says only that a request could not
be served as it was made.
"""

from __future__ import annotations

import json
import math
from http import HTTPStatus
from typing import Final

from aiohttp import web

from schemas.errors import BureaunetError, Forbidden, Malformed, Reason, Unavailable, Untrusted

PROBLEM_TYPE: Final = "application/problem+json"
RETRY_SECONDS: Final = 1
"""What a client is asked to wait where nobody knows better."""
_STATUS: Final[tuple[tuple[type[BureaunetError], HTTPStatus], ...]] = (
    (Malformed, HTTPStatus.BAD_REQUEST),
    (Untrusted, HTTPStatus.UNPROCESSABLE_ENTITY),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)


class Refused(Exception):
    """A request that is answered with a problem document; raised by handlers, caught in one place."""

    def __init__(
        self, status: HTTPStatus, reason: Reason, detail: str, *, retry_after: float | None = None, close: bool = False
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.reason = reason
        self.detail = detail
        self.retry_after = retry_after
        self.close = close
        """Whether the connection cannot be used again, since the rest of its request was not read."""


def translate(error: BureaunetError) -> Refused:
    """The refusal that an error of the pipeline becomes; one that is no fault of the request is 500."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), None)
    if status is None:
        return internal()
    wait = None
    if isinstance(error, Unavailable):
        if error.reason is Reason.LINK_QUOTA:  # room there is, but not for this link
            status = HTTPStatus.TOO_MANY_REQUESTS
        wait = RETRY_SECONDS if error.retry_after is None else error.retry_after
    return Refused(status, error.reason, error.detail, retry_after=wait)


def internal() -> Refused:
    """500: the fault is ours, and the log has it."""
    return Refused(HTTPStatus.INTERNAL_SERVER_ERROR, Reason.INTERNAL, "the gateway could not do this")


def problem(refused: Refused) -> web.Response:
    """The response for a refusal."""
    document = {
        "type": "about:blank",
        "title": refused.status.phrase,
        "status": int(refused.status),
        "reason": str(refused.reason),
        "detail": refused.detail,
    }
    headers = {} if refused.retry_after is None else {"Retry-After": str(math.ceil(refused.retry_after))}
    body = json.dumps(document).encode()
    response = web.Response(status=refused.status, body=body, content_type=PROBLEM_TYPE, headers=headers)
    if refused.close:
        response.force_close()
    return response


def missing(detail: str, *, retry_after: float | None = None) -> Refused:
    """404: it is not there, or not for this reader, or not yet."""
    return Refused(HTTPStatus.NOT_FOUND, Reason.NOT_FOUND, detail, retry_after=retry_after)
