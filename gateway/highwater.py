"""The high-water mark: the largest tree head that this gateway ever published, in a file outside the database.

A database restored from an old backup does not know what was published after the backup. The mark does: with it the
gateway notices, and signs nothing that would contradict what others hold.

Rules: written before the head is published, so that the file is never behind; synced and moved into place, so that it
is whole or not there; never lowered. A full disk passes: nothing is published until there is room. Processes that share
the home take turns by a lock beside the file.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from schemas.claims import Head
from schemas.errors import Misuse, Reason, Unavailable
from schemas.merkle import HASH_SIZE

FILE: Final = "high-water"
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class FileMark:
    """The mark in a gateway's home: one line, the head's size and its root in hexadecimal (port HighWater)."""

    def __init__(self, home: Path) -> None:
        self._path = home / FILE

    async def read(self) -> Head | None:
        """The mark; None where nothing was published yet.

        Raises:
            Misuse: the file cannot be read or is not a mark.
        """
        return await asyncio.to_thread(self._read)

    async def lift(self, head: Head) -> None:
        """Set the mark to `head`, if that is larger.

        Raises:
            Misuse: as `read`, or the file cannot be written. Unavailable: `store`, its disk is full.
        """
        await asyncio.to_thread(self._lift, head)

    def _read(self) -> Head | None:
        try:
            text = self._path.read_text("ascii")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise Misuse(f"cannot read the high-water mark {self._path}: {type(error).__name__}") from None
        size, _, root = text.strip().partition(" ")
        try:
            head = Head(int(size), bytes.fromhex(root))
        except ValueError:
            head = Head(-1, b"")
        if head.size < 0 or len(head.root) != HASH_SIZE:
            raise Misuse(f"{self._path} is not a high-water mark; do not remove it: see docs/operators.md")
        return head

    def _lift(self, head: Head) -> None:
        try:
            with self._locked():
                mark = self._read()
                if mark is None or mark.size < head.size:
                    self._write(f"{head.size} {head.root.hex()}\n")
        except OSError as error:
            if error.errno in _FULL:
                raise Unavailable(Reason.STORE, "the disk of the high-water mark is full") from None
            raise Misuse(f"cannot write the high-water mark {self._path}: {error.strerror}") from None

    def _write(self, text: str) -> None:
        fresh = self._path.with_name(f".{FILE}.{os.getpid()}")
        try:
            with fresh.open("w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        finally:
            fresh.unlink(missing_ok=True)
        if os.name == "posix":
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        if os.name != "posix":  # one process serves a home there
            yield
            return
        import fcntl  # noqa: PLC0415  # it does not exist on Windows

        with self._path.with_name(f".{FILE}.lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
