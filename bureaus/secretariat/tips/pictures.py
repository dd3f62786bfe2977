"""Pictures of the public, made anew in a process of their own (recode.py): one at a time, within time and memory.

What a picture's file says of who made it, where and with what, never reaches the registry; a decoder that is broken by
a hostile file is broken in a process that has no key, no registry and no network of ours open.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Final

import bureaus
from bureaus.secretariat.settings import Settings
from schemas.errors import Malformed, Reason

_SECONDS: Final = 20.0
_ROOT: Final = Path(bureaus.__file__).parent.parent
_START: Final = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); "
    "from bureaus.secretariat.tips.recode import main; sys.exit(main())"
)
"""Python in isolated mode: no environment, no folder of the user, nothing but ours and what is installed."""


class Pictures:
    """Makes pictures anew."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._turn = asyncio.Semaphore(1)

    async def anew(self, data: bytes) -> bytes:
        """A JPEG of the picture's pixels and nothing else.

        Raises:
            Malformed: `structure`, it is no picture that is taken: not JPEG, PNG or WebP, too large, or broken.
        """
        settings = self._settings
        if not data or len(data) > settings.tip_picture_bytes:
            raise Malformed(Reason.STRUCTURE, "a picture is larger than is taken")
        arguments = ("-I", "-c", _START, str(_ROOT), str(settings.tip_picture_pixels), str(settings.tip_picture_side))
        async with self._turn:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={},
                cwd="/",
            )
            try:
                async with asyncio.timeout(_SECONDS):
                    made, _ = await process.communicate(data)
            except TimeoutError:
                made = b""
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        if process.returncode or not made:
            raise Malformed(Reason.STRUCTURE, "a picture could not be read; JPEG, PNG and WebP are taken")
        return made
