"""What a tip says, at rest: AES-256-GCM under a key that lies in the registry's home and never in the registry.

The number of the tip and the name of the field are bound to each piece: none can be put in the place of another.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from schemas.errors import Misuse, Reason, Untrusted

FILE: Final = "tips.key"
_KEY: Final = 32
_NONCE: Final = 12


class Seal:
    """Seals and opens with one key."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    @classmethod
    def at(cls, home: Path) -> Self:
        """With the key of this home; it is made where there is none.

        Raises:
            Misuse: the file is there and cannot be read, can be read by others, or is no key.
        """
        file = home / FILE
        with suppress(FileExistsError):
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as made:
                made.write(os.urandom(_KEY))
                made.flush()
                os.fsync(made.fileno())
        try:
            key, mode = file.read_bytes(), file.stat().st_mode
        except OSError as error:
            raise Misuse(f"cannot read {file}: {error.strerror}") from None
        if len(key) != _KEY or mode & 0o077:
            raise Misuse(f"{file} is no key of {_KEY} bytes that its owner alone can read")
        return cls(key)

    def seal(self, data: bytes, number: str, field: str) -> bytes:
        """Ciphertext of a field of a tip."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, data, _bound(number, field))

    def open(self, sealed: bytes, number: str, field: str) -> bytes:
        """What was sealed.

        Raises:
            Untrusted: `unsealing`, it was sealed under another key, or belongs elsewhere.
        """
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], _bound(number, field))
        except InvalidTag:
            raise Untrusted(Reason.UNSEALING, f"a part of tip {number} does not open with this home's key") from None


def _bound(number: str, field: str) -> bytes:
    return f"{number}/{field}".encode()
