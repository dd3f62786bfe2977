"""Publishes with confirms on one channel, many messages in one write: the publisher's direct way (direct.py).

Order: what is published in one turn of the event loop goes out together, each message numbered as the broker numbers it
(1.8.3.3 of the specification's confirm extension: from 1, in order). A message that no queue takes is returned before
it is confirmed, and matched by its id; so an id is in flight once.

Rules: only the broker's ack for a message that was not returned means that it is in its queue. What is not known when
the session ends is UNKNOWN. Nobody else publishes on this channel.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import Enum, auto
from typing import Final

from gateway.adapters.rabbitmq import frames
from gateway.adapters.rabbitmq.direct import Direct
from gateway.adapters.rabbitmq.frames import Post
from gateway.adapters.rabbitmq.properties import kept_properties


class Fate(Enum):
    """What became of a message."""

    UNKNOWN = auto()
    CONFIRMED = auto()
    RETURNED = auto()
    """No queue took it."""
    REFUSED = auto()


# A member of an enumeration is looked up anew wherever it is named, and these are for every message.
_UNKNOWN: Final = Fate.UNKNOWN
_CONFIRMED: Final = Fate.CONFIRMED
_RETURNED: Final = Fate.RETURNED
_REFUSED: Final = Fate.REFUSED


class Batch:
    """What was published together, and what became of each."""

    def __init__(self, posts: Sequence[Post], done: asyncio.Future[None]) -> None:
        self.posts = posts
        self.fates: list[Fate] = [_UNKNOWN] * len(posts)
        self.done = done
        self.left = len(posts)

    def settle(self, at: int, fate: Fate) -> None:
        """One is decided."""
        self.fates[at] = fate
        self.left -= 1
        if self.left == 0:
            self.end()

    def end(self) -> None:
        """Nobody waits any more."""
        if not self.done.done():
            self.done.set_result(None)


class Packed:
    """The publishing half of a channel that is in confirm mode."""

    def __init__(self, direct: Direct, exchange: str, channel: int, frame_max: int) -> None:
        self._outgoing = direct.outgoing
        self._exchange, self._channel, self._frame_max = exchange, channel, frame_max
        self._loop = asyncio.get_running_loop()
        self._tag = self._oldest = 0
        self._open: dict[int, tuple[Batch, int]] = {}
        self._tags: dict[str, int] = {}
        self._returned: set[int] = set()
        self._returning = False
        self._left = 0
        self._closed = False
        self.lost = False
        """Whether the connection ended by itself, not because nothing was confirmed."""
        self._heard = 0.0
        """When something was confirmed last, or began to be waited for."""
        direct.reader.taps[channel] = self._take

    @property
    def full(self) -> bool:
        """Whether the connection is slow to take what was written: `room` is to be waited for."""
        return self._outgoing.full

    async def room(self) -> None:
        """Wait until the connection takes more. Raises OSError where it is gone."""
        await self._outgoing.room()

    def silent(self) -> float:
        """Seconds for which nothing was confirmed while something was open."""
        return self._loop.time() - self._heard if self._open else 0.0

    def publish(self, posts: Sequence[Post]) -> Batch:
        """Publish; `done` of what is given says when all are decided. Ids are unlike any other in flight."""
        batch = Batch(posts, self._loop.create_future())
        if self._closed:  # the session ended while its publisher waited for room: nobody would ever decide these
            batch.end()
            return batch
        if not self._open:
            self._heard = self._loop.time()
        pieces: list[bytes] = []
        for post in posts:
            pieces += frames.publish(self._channel, self._exchange, post, self._frame_max)
        for at, post in enumerate(posts):
            self._tag += 1
            self._open[self._tag] = batch, at
            self._tags[post.message_id] = self._tag
        self._outgoing.write(pieces)
        if not posts:
            batch.end()
        return batch

    def close(self, *, lost: bool = False) -> None:
        """The session is over: what is open stays unknown. `lost` where the connection ended by itself."""
        self._closed, self.lost = True, lost
        for batch, _ in self._open.values():
            batch.end()
        self._open.clear()

    def _take(self, kind: int, payload: bytes) -> bool:
        """As `direct.Tap`: confirmations and returns are ours, all else is the driver's."""
        if kind != frames.METHOD:
            return self._returning and self._take_returned(kind, payload)
        match frames.method_of(payload):
            case frames.ACK:
                self._confirm(payload, _CONFIRMED)
            case frames.NACK:
                self._confirm(payload, _REFUSED)
            case frames.RETURN:
                self._returning = True
            case _:
                return False
        return True

    def _take_returned(self, kind: int, payload: bytes) -> bool:
        """The header and the body of a message that no queue takes."""
        if kind == frames.HEADER:
            self._left = frames.body_size(payload)
            tag = self._tags.get(kept_properties(payload)[0] or "")
            if tag is not None:
                self._returned.add(tag)
        else:
            self._left -= len(payload)
        self._returning = self._left > 0
        return True

    def _confirm(self, payload: bytes, fate: Fate) -> None:
        said, multiple = frames.read_confirmation(payload)
        tag = min(said, self._tag)  # a broker may say any number: none is confirmed that was not published
        if fate is _CONFIRMED:
            self._heard = self._loop.time()
        if multiple:
            for one in range(self._oldest + 1, tag + 1):
                self._settle(one, fate)
            self._oldest = max(self._oldest, tag)
        elif tag == said:
            self._settle(tag, fate)

    def _settle(self, tag: int, fate: Fate) -> None:
        found = self._open.pop(tag, None)
        if found is None:
            return
        batch, at = found
        message_id = batch.posts[at].message_id
        if self._tags.get(message_id) == tag:
            del self._tags[message_id]
        if tag in self._returned:
            self._returned.discard(tag)
            fate = _RETURNED
        batch.settle(at, fate)
