"""Waits at the end of an exercise until the witnesses have signed all of it."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from bureaus.client import Bureau
from schemas import wire
from schemas.errors import Unavailable
from schemas.notes import open_note

STILL: Final = 1.3
"""Seconds without a newer checkpoint after which there is nothing more to cover: there is one each second."""
_PAUSE: Final = 0.2


async def caught_up(bureau: Bureau, within: float) -> bool:
    """Wait until the quorum signed a checkpoint that covers all; True too where the network has no witnesses.

    After `within` seconds it is False, and what follows is provisional, and says so.
    """
    if not bureau.trust.policy.quorum:
        return True
    size, since = 0, time.monotonic()
    try:
        async with asyncio.timeout(within):
            while True:
                newest = await _size(bureau, wire.CHECKPOINT)
                if newest > size:
                    size, since = newest, time.monotonic()
                if time.monotonic() - since > STILL and await _size(bureau, wire.WITNESSED) >= size:
                    return True
                await asyncio.sleep(_PAUSE)
    except TimeoutError:
        return False


async def _size(bureau: Bureau, path: str) -> int:
    try:
        note = await bureau.link.get(path)
    except Unavailable:  # none yet
        return 0
    return open_note(note.decode(), bureau.trust.policy).checkpoint.size
