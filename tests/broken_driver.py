"""Our driver with one check taken away, named on the command line: what the conformance kit must notice.

    python -m tests.broken_driver commitment

The fault is made before the driver is imported, so that every module takes it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Final

from bureaus.trust import Trust
from schemas import cbor, envelope, merkle
from schemas.envelope import Opened
from schemas.keys import SigningPublic


def _nothing(*_: object, **__: object) -> None:
    """In place of a check."""


def _unpadded(plaintext: bytes) -> Opened:
    match cbor.decode(plaintext):
        case [bytes(salt), bytes(content), _]:
            return Opened(salt, content)
    raise AssertionError("no vector gets here")


FAULTS: Final[Mapping[str, tuple[object, str, Callable[..., object]]]] = {
    "alarm": (Trust, "check_sealing", _nothing),
    "commitment": (envelope, "check_commitment", _nothing),
    "inclusion": (merkle, "verify_inclusion", _nothing),
    "padding": (envelope, "unpad", _unpadded),
    "signature": (SigningPublic, "verify", _nothing),
}
"""Where a check is, and what stands in its place."""

if __name__ == "__main__":
    setattr(*FAULTS[sys.argv[1]])
    from bureaus.conformance.driver.__main__ import main

    main()
