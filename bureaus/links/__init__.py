"""The port to the gateway: what the SDK needs of a link. One module behind it for each way of travelling.

    http.py    aiohttp over mutual TLS 1.3: long poll for the inbox
    amqp.py    RabbitMQ for envelopes, HTTPS for reading
    memory.py  a small gateway in this process: the shipped fake, held to the same tests

Rules: a link moves bytes and verifies nothing; what it hands over is checked by the caller. It keeps no state that must
survive. It raises only errors of schemas/errors.py: `Unavailable` where the same call may succeed later.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from schemas import directory
from schemas.errors import Misuse
from schemas.wire import InboxItem, broker_urls

if TYPE_CHECKING:
    from bureaus.enrolment import Identity

FROM_THE_START: Final = -1
"""The cursor before the first item of an inbox."""
NO_PLACE: Final = 0
"""The index of an item of a link whose inbox has no cursor: entry 0 of every ledger is its first directory, no copy."""


class Link(Protocol):
    """One participant's way to the gateway and back."""

    async def submit(self, body: bytes) -> bytes:
        """Submit a framed envelope (`wire.encode_submission`): the gateway's signed receipt, accepted or refused.

        Raises:
            Unavailable: no receipt was had, or the link's quota is spent (`retry_after` says how long to wait). The
            envelope may have been accepted: submit the same bytes again.
        """

    def items(self, after: int) -> AsyncIterator[Sequence[InboxItem]]:
        """What waits in the inbox and what comes, without end, in batches of at least one.

        `after` is the highest index that was kept, or `FROM_THE_START`; a link whose inbox has no cursor ignores it,
        gives every item the index `NO_PLACE`, and items may come twice. Asking for the next batch says that every item
        before it is kept durably.

        Raises:
            Unavailable: the link was lost; ask for `items` again after a while. Malformed: what came is no item.
        """

    async def acknowledge(self, body: bytes) -> None:
        """Hand in a signed acknowledgement.

        Raises:
            Unavailable: hand in the same bytes again. Malformed, Untrusted, Forbidden: the gateway does not take it.
        """

    async def get(self, path: str) -> bytes:
        """The body at a path of the read API (schemas/wire.py), with its query where it has one.

        Raises:
            Unavailable: not now, or not yet (`retry_after`). Forbidden: not there, or not for us. Untrusted, Malformed.
        """

    async def publish(self, path: str, body: bytes) -> None:
        """Post a signed statement to a path of the API: an operation's version.

        Raises:
            Unavailable. Malformed, Untrusted, Forbidden: the gateway does not take it.
        """

    async def aclose(self) -> None:
        """Let go of connections; whoever waits gets `Unavailable`."""


def connect(who: Identity) -> Link:
    """The link that a bureau was enrolled for.

    Raises:
        Misuse: its certificate cannot be read, or it needs a broker and has none.
    """
    # Imported only here: a program that uses one link does not load the driver of the other.
    from bureaus.links.http import HttpLink, client_context  # noqa: PLC0415

    tls = client_context(*who.tls, who.link_password)
    reading = HttpLink(who.gateway, tls)
    if who.link is directory.Link.HTTP:
        return reading
    from bureaus.links.amqp import AmqpLink  # noqa: PLC0415

    if not who.broker:
        raise Misuse(f"{who.address} is enrolled for the broker, and its URL is not known")
    return AmqpLink(who.address, broker_urls(who.broker), tls, reading)
