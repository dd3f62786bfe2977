"""Who is who: bureau codes, addresses, message ids, and the two seams that hold private keys.

`Signer` and `Opener` are the only ways to use a private key: a file, a token or an HSM stands behind them
(`schemas/keys.py` has the ones in software). An address names a participant or one of its units:

    FR   KE/border-namanga   IPSG/ccc   UNMIK
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Protocol, Self

from schemas.errors import Malformed, Reason

_ADDRESS: Final = re.compile(r"([A-Z]{2,16})(?:/([a-z0-9-]{1,40}))?", re.ASCII)
_URGENT: Final = "urgent"
"""No unit's name: a unit's queue `inbox.KE.urgent` would be its bureau's urgent inbox."""
_OPERATION: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)
MAX_NAME: Final = 200
"""Characters of a name for people."""
_UNPRINTABLE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS: Final = frozenset("\u200c\u200d")
"""Formatting characters that names in Persian and in Indic scripts need."""


class Address(str):
    """A bureau's code, or a code and a unit: `[A-Z]{2,16}(/[a-z0-9-]{1,40})?`, no unit `urgent` (protocol 1.2)."""

    __slots__ = ()

    @staticmethod
    def parse(text: str) -> Address:
        """Check and take an address.

        Raises:
            Malformed: `address`, the text is not of the form.
        """
        return _address(text)

    @property
    def bureau(self) -> Address:
        """The bureau that this address belongs to: itself, when it names no unit."""
        return Address(self.partition("/")[0]) if "/" in self else self

    @property
    def unit(self) -> str | None:
        """The unit's name, or None for the bureau itself."""
        return self.partition("/")[2] or None

    def covers(self, other: Address) -> bool:
        """Whether a link held by this address may speak for `other`: for itself, and a bureau for its units."""
        return self == other or ("/" not in self and other.startswith(f"{self}/"))


@lru_cache(maxsize=4096)  # a network has some hundred; what is refused is not kept
def _address(text: str) -> Address:
    form = _ADDRESS.fullmatch(text)
    if form is None:
        raise Malformed(Reason.ADDRESS, "an address is CODE or CODE/unit, such as FR or KE/border-namanga")
    if form[2] == _URGENT:
        raise Malformed(Reason.ADDRESS, "no unit is named urgent: its inbox would be its bureau's urgent one")
    return Address(text)


class MessageId(bytes):
    """A message's id: a UUIDv7 (RFC 9562 section 5.7) in 16 bytes, unique together with its sender."""

    __slots__ = ()

    @classmethod
    def new(cls, now: int) -> Self:
        """A fresh id for the time `now`, in milliseconds since the epoch."""
        value = (now & ((1 << 48) - 1)) << 80 | secrets.randbits(80)
        value = value & ~(0xF << 76) | 0x7 << 76
        value = value & ~(0x3 << 62) | 0x2 << 62
        return cls(value.to_bytes(16))

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Check and take an id.

        Raises:
            Malformed: `message-id`, not 16 bytes of version 7 and variant 10.
        """
        if len(data) != 16 or data[6] >> 4 != 7 or data[8] >> 6 != 2:
            raise Malformed(Reason.MESSAGE_ID, "a message id is a UUIDv7 in 16 bytes")
        return cls(data)


def parse_operation_id(text: str) -> str:
    """Check an operation's id, `[a-z0-9][a-z0-9-]{0,39}`.

    Raises:
        Malformed: `operation-unknown`, the text is not of the form.
    """
    if not _OPERATION.fullmatch(text):
        raise Malformed(Reason.OPERATION_UNKNOWN, "an operation id is up to 40 of a-z, 0-9 and -")
    return text


class Signer(Protocol):
    """Signs with one Ed25519 key that it alone holds."""

    @property
    def key_id(self) -> bytes:
        """The COSE key thumbprint (RFC 9679) of the public key, 32 bytes."""

    def sign(self, message: bytes) -> bytes:
        """The Ed25519 signature of `message`, 64 bytes."""


class Opener(Protocol):
    """Unwraps content keys with one sealing key that it alone holds."""

    @property
    def key_id(self) -> bytes:
        """The COSE key thumbprint (RFC 9679) of the public key, 32 bytes."""

    @property
    def suite(self) -> int:
        """The COSE algorithm of the wraps that this opener takes."""

    def unwrap(self, encapsulated: bytes, ciphertext: bytes, info: bytes) -> bytes:
        """The wrapped key.

        Raises:
            Untrusted: `unsealing`, it does not open.
        """


class NoteSigner(Protocol):
    """Signs checkpoints with one ML-DSA-44 key under one name (a log or a witness)."""

    @property
    def name(self) -> str:
        """The signer's name as in its note lines."""

    @property
    def raw(self) -> bytes:
        """The public key, 1312 bytes."""

    def sign(self, message: bytes) -> bytes:
        """The ML-DSA-44 signature of `message`, 2420 bytes."""


def parse_name(text: str) -> str:
    """Check a name for people (of a participant, an operation, a network): it ends up on terminals and in logs.

    Raises:
        Malformed: `structure`, it is empty, too long, or holds a control or formatting character.
    """
    shown = set(text) - _JOINERS
    if not 0 < len(text) <= MAX_NAME or any(unicodedata.category(character) in _UNPRINTABLE for character in shown):
        raise Malformed(Reason.STRUCTURE, f"a name is 1 to {MAX_NAME} characters, none of them a control character")
    return text


def parse_units(bureau: Address, units: Sequence[object]) -> tuple[str, ...]:
    """Check the names of a participant's units, which share its keys and inbox.

    Raises:
        Malformed: `address`, one is not of the form, or the participant is a unit itself.
    """
    names = tuple(unit for unit in units if isinstance(unit, str))
    if len(names) != len(units):
        raise Malformed(Reason.ADDRESS, "a unit's name is text")
    for name in names:
        Address.parse(f"{bureau}/{name}")
    return names
