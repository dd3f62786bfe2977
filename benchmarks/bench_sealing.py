"""Sealing one message to 190 recipients, against sealing it to one: the cost of each recipient."""

from __future__ import annotations

import time
from typing import Final

from benchmarks.compare import Measured, Question, compare
from schemas import envelope
from schemas.claims import Head, Header
from schemas.codes import Purpose
from schemas.identity import Address, MessageId
from schemas.keys import SealingKey, SealingPublic, SigningKey
from schemas.merkle import EMPTY

QUESTION: Final = Question(
    "sealing", "CPU per recipient of sealing 2 KB to 190 recipients, against sealing it to one", "ms", goal=0.6
)
RECIPIENTS: Final = 190
CONTENT: Final = bytes(2048)


def run() -> Measured:
    """Measure."""
    signer = SigningKey.generate()
    keys = [SealingKey.generate().public for _ in range(RECIPIENTS)]
    return compare(QUESTION, lambda: _seal(signer, keys, 5) / RECIPIENTS, lambda: _seal(signer, keys[:1], 200))


def _seal(signer: SigningKey, keys: list[SealingPublic], times: int) -> float:
    """Milliseconds of CPU for one envelope to all of `keys`."""
    header = Header(
        iss=Address("FR"),
        sub="benchmark",
        aud=tuple(Address(f"X{chr(65 + number // 26)}{chr(65 + number % 26)}") for number in range(len(keys))),
        iat=1,
        exp=2,
        cti=MessageId.new(1),
        net=bytes(32),
        head=Head(0, EMPTY),
        kind="whereabouts.query/1",
        purpose=Purpose.ARREST,
        exercise=True,
    )
    begun = time.process_time()
    for _ in range(times):
        envelope.seal(header, CONTENT, keys, signer)
    return (time.process_time() - begun) * 1000 / times
