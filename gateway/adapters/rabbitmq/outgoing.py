"""What goes out by the direct way: all that is said in one turn of the event loop, in one write (direct.py).

A write costs a record of TLS and a call to the kernel, however short it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

FULL: Final = 1 << 20
"""Bytes that the connection may have in hand before more is held back."""


class Outgoing:
    """One connection's writing end. Only whole frames are given to it."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._loop = asyncio.get_running_loop()
        self._out: list[bytes] = []

    @property
    def closed(self) -> bool:
        """Whether nothing can be written any more."""
        return self._writer.is_closing()

    @property
    def full(self) -> bool:
        """Whether the connection is slow to take what was written: `room` is to be waited for."""
        return self._writer.transport.get_write_buffer_size() > FULL

    async def room(self) -> None:
        """Wait until the connection takes more. Raises OSError where it is gone."""
        await self._writer.drain()

    def write(self, pieces: Iterable[bytes]) -> None:
        """Write these with the rest of this turn, unless the connection is closed by then."""
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out += pieces

    def _flush(self) -> None:
        out, self._out = self._out, []
        if out and not self._writer.is_closing():
            self._writer.write(b"".join(out))
