"""The largest head that we witnessed, in a file beside the store: a store restored from an old copy does not know it.

Rules: lifted before a head is signed, so that the file is never behind; synced and moved into place; never lowered.
With it, no second head of a size is signed from an old store, whatever the gateway shows. Who restores a whole home,
the file with it, takes a new witness key: the old one could sign such a head.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from schemas.claims import Head
from schemas.errors import Misuse, Reason, Untrusted
from schemas.merkle import HASH_SIZE

FILE: Final = "witnessed"


class WitnessMark:
    """The mark in a bureau's home: one line, the head's size and its root in hexadecimal."""

    def __init__(self, home: Path) -> None:
        self._path = home / FILE

    def lift(self, head: Head) -> bool:
        """Set the mark to a head that is about to be signed; False where one was set that is larger: sign nothing.

        Raises:
            Untrusted: `consistency`, another head of this size was set. Misuse: the file is not a mark, or its disk
                does not take it.
        """
        mark = self._read()
        if mark is not None and mark.size > head.size:
            return False
        if mark is not None and mark.size == head.size and mark.root != head.root:
            raise Untrusted(Reason.CONSISTENCY, f"we witnessed another tree of {head.size} entries before")
        if mark != head:
            self._write(head)
        return True

    def _read(self) -> Head | None:
        try:
            size, _, root = self._path.read_text("ascii").strip().partition(" ")
            head = Head(int(size), bytes.fromhex(root))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise Misuse(f"cannot read what was witnessed in {self._path}: {type(error).__name__}") from None
        if head.size < 1 or len(head.root) != HASH_SIZE:
            raise Misuse(f"{self._path} does not say what was witnessed")
        return head

    def _write(self, head: Head) -> None:
        new = self._path.with_name(f".{FILE}.new")
        try:
            with new.open("w", encoding="ascii") as file:
                file.write(f"{head.size} {head.root.hex()}\n")
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise Misuse(f"cannot write what is witnessed to {self._path}: {error.strerror}") from None
