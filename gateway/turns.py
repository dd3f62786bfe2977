"""What waits, in one line for each sender: they are served in turn, so that one who sends much holds up nobody else.

Rules: within a line, first come first served; a line that was empty comes last; the bounds of all and of one line are
told apart, so that only the one who fills a line hears of it.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Generic, Protocol, TypeVar

from gateway.settings import Pipeline
from schemas.errors import Reason, Unavailable


class Sized(Protocol):
    """Something that waits."""

    @property
    def size(self) -> int:
        """Bytes that it counts for."""


T = TypeVar("T", bound=Sized)


class _Line(Generic[T]):
    def __init__(self) -> None:
        self.items: deque[T] = deque()
        self.size = 0


class Turns(Generic[T]):
    """The lines. `len` is what waits in all of them."""

    def __init__(self, limits: Pipeline) -> None:
        self._limits = limits
        self._lines: OrderedDict[str, _Line[T]] = OrderedDict()
        self._count = self._size = 0

    def __len__(self) -> int:
        return self._count

    @property
    def size(self) -> int:
        """Bytes of all that waits."""
        return self._size

    def check(self, sender: str, size: int) -> None:
        """See whether there is room for one more.

        Raises:
            Unavailable: `overloaded`, too much waits in all; `link-quota`, too much of this sender waits.
        """
        limits, line = self._limits, self._lines.get(sender)
        wait = limits.retry_after_seconds
        if self._count >= limits.queue_items or (self._count and self._size + size > limits.queue_bytes):
            raise Unavailable(Reason.OVERLOADED, "too much waits already", retry_after=wait)
        if line is not None and (
            len(line.items) >= limits.queue_items_per_sender or line.size + size > limits.queue_bytes_per_sender
        ):
            raise Unavailable(Reason.LINK_QUOTA, f"too much from {sender} waits already", retry_after=wait)

    def put(self, sender: str, item: T) -> None:
        """Put one at the end of its sender's line."""
        line = self._lines.setdefault(sender, _Line())
        line.items.append(item)
        line.size += item.size
        self._count += 1
        self._size += item.size

    def take(self, items: int, size: int) -> list[T]:
        """Up to `items` that fit into `size` bytes, one of each line in turn; the first is given whatever its size."""
        taken: list[T] = []
        while self._lines and len(taken) < items:
            sender, line = next(iter(self._lines.items()))
            if taken and line.items[0].size > size:
                break
            item = line.items.popleft()
            taken.append(item)
            size -= item.size
            line.size -= item.size
            self._count -= 1
            self._size -= item.size
            if line.items:
                self._lines.move_to_end(sender)
            else:
                del self._lines[sender]
        return taken
