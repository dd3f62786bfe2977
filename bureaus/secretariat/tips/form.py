"""What the public's form sends, read within bounds and in memory alone: nothing touches a disk before it is sealed.

All forms that come in at one time share one room of bytes. Somebody who sends slowly holds what they sent and no more.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aiohttp import BodyPartReader, web

from bureaus.secretariat.settings import Settings
from schemas.errors import Malformed, Reason, Unavailable

SECONDS: Final = 120.0
"""Until a form with pictures has come in, over a poor line."""
_FIELD_BYTES: Final = 32 * 1024
_FIELDS: Final = 16
_CHUNK: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Sent:
    """What a form sent."""

    fields: Mapping[str, str]
    pictures: tuple[bytes, ...]


class Room:
    """The bytes of all forms that come in."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._left = settings.tip_upload_bytes

    @asynccontextmanager
    async def read(self, request: web.Request) -> AsyncIterator[Sent]:
        """A form; its room is given back at the end of the block.

        Raises:
            Malformed: `structure`, it is no form, too large, or did not come in time. Unavailable: `overloaded`.
        """
        holding = _Holding(self)
        try:
            try:
                async with asyncio.timeout(SECONDS):
                    sent = await self._parts(request, holding)
            except (ValueError, LookupError, AssertionError, TimeoutError):  # what aiohttp's reader raises
                raise Malformed(Reason.STRUCTURE, "this is no form, or it did not come in time") from None
            yield sent
        finally:
            self._left += holding.bytes

    async def _parts(self, request: web.Request, holding: _Holding) -> Sent:
        fields: dict[str, str] = {}
        pictures: list[bytes] = []
        count = 0
        async for part in await request.multipart():
            count += 1
            if not isinstance(part, BodyPartReader) or count > _FIELDS:
                raise Malformed(Reason.STRUCTURE, "this is no form of ours")
            if part.name == "pictures":
                data = await self._data(part, self._settings.tip_picture_bytes, holding)
                if data:  # a browser sends an empty part where nothing was chosen
                    pictures.append(data)
            elif part.name:
                fields[part.name] = (await self._data(part, _FIELD_BYTES, holding)).decode()
            if len(pictures) > self._settings.tip_pictures:
                raise Malformed(Reason.STRUCTURE, f"at most {self._settings.tip_pictures} pictures are taken")
        return Sent(fields, tuple(pictures))

    async def _data(self, part: BodyPartReader, most: int, holding: _Holding) -> bytes:
        data = bytearray()
        while chunk := await part.read_chunk(_CHUNK):
            if len(data) + len(chunk) > most:
                raise Malformed(Reason.STRUCTURE, f"a picture or a text is larger than {most // 1024} KiB")
            holding.take(len(chunk))
            data += chunk
        return bytes(data)

    def take(self, count: int) -> None:
        """Take room.

        Raises:
            Unavailable: `overloaded`, there is none.
        """
        if count > self._left:
            raise Unavailable(Reason.OVERLOADED, "many people are writing now; try again soon", retry_after=30)
        self._left -= count


class _Holding:
    """What one form holds."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.bytes = 0

    def take(self, count: int) -> None:
        self._room.take(count)
        self.bytes += count
