"""Trace and span ids of a message, derived from its digest, in the form of W3C Trace Context (docs/adr/0015).

Both bureaus and the gateway know the digest, so every one of them names the same trace, and nothing travels beside the
message: no header of a stranger is read, and no link has a place to lose it. A digest is a SHA-256, hence its parts are
as good as random; whoever could make two messages share a trace would gain a confused picture and no more.
"""

from __future__ import annotations

import hashlib
from typing import Final

_TRACE: Final = 16
_SPAN: Final = 8
_SAMPLED: Final = "01"


def trace_id(digest: bytes) -> int:
    """The trace of the message with this digest (32 bytes)."""
    return int.from_bytes(digest[:_TRACE]) or 1


def root_span(digest: bytes) -> int:
    """The span that all others of the message hang under: its sender's, from sealing to the verified receipt."""
    return int.from_bytes(digest[_TRACE : _TRACE + _SPAN]) or 1


def child_span(digest: bytes, name: str, party: str = "") -> int:
    """A step's span; `party` tells the copies of several recipients apart. The same step again has the same id."""
    label = f"bureaunet/span/{name}/{party}".encode()
    return int.from_bytes(hashlib.sha256(label + b"\x00" + digest).digest()[:_SPAN]) or 1


def traceparent(digest: bytes) -> str:
    """The header value that other tools show for the message's root span: for logs and people, it is never sent."""
    return f"00-{trace_id(digest):032x}-{root_span(digest):016x}-{_SAMPLED}"
