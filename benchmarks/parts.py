"""What a gateway's own steps for one message cost, each alone, in this process: `make bench TABLE=parts`.

No broker, no database, no network: microseconds of CPU, the least of several rounds, so that two versions of the code
can be compared on a machine that does other work too. Run it on both in turn, twice at least.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from gateway import admission, logs
from gateway.ports import Candidate, Submission
from gateway.watching import Watching
from schemas import envelope, wire
from schemas.claims import Head, Header
from schemas.codes import Purpose
from schemas.directory import Link
from schemas.identity import Address, MessageId
from schemas.keys import SealingKey, SigningKey
from schemas.merkle import EMPTY

COUNT: Final = 500
ROUNDS: Final = 9
_FROM, _TO = Address("AA"), Address("BB")
_NET: Final = bytes(32)
_T = TypeVar("_T")


def sealed(signer: SigningKey) -> list[bytes]:
    """Submissions of about 3 KB."""
    key, now = SealingKey.generate(), int(time.time())
    header = Header(
        iss=_FROM,
        sub="infra-benchmark",
        aud=(_TO,),
        iat=now,
        exp=now + 3600,
        cti=MessageId.new(now * 1000),
        net=_NET,
        head=Head(0, EMPTY),
        kind="whereabouts.query/1",
        purpose=Purpose.ARREST,
        exercise=True,
    )
    return [wire.encode_submission(envelope.seal(header, bytes(1500), [key.public], signer)) for _ in range(COUNT)]


def received(bodies: Sequence[bytes]) -> list[Candidate]:
    """Steps 1 to 4 of admission."""
    found = [admission.receive(Submission(_FROM, body, 0, Link.AMQP), _NET, within_quota=True) for body in bodies]
    return [one for one in found if isinstance(one, Candidate)]


def check(candidates: Sequence[Candidate]) -> None:
    """Step 11 without the keys' validity."""
    for one in candidates:
        envelope.check_sealed(one.statement, one.envelope.sealed or b"")


def verify(candidates: Sequence[Candidate], signer: SigningKey) -> None:
    """Step 7."""
    for one in candidates:
        one.statement.verify(signer.public)


def tell(watching: Watching, candidates: Sequence[Candidate]) -> None:
    """What is logged and counted of an admitted message."""
    for one in candidates:
        header, digest = one.statement.header, one.statement.digest.hex()
        watching.saw(
            "admitted",
            digest=digest,
            thread=digest,
            operation=header.sub,
            kind=header.kind,
            urgency=header.urgency,
            over=one.submission.over,
            sender=header.iss,
            recipients=len(header.aud),
            index=0,
            milliseconds=0,
        )
        watching.saw("submitted", over=one.submission.over, outcome="accepted", reason=None)


def spent(name: str, do: Callable[[], _T]) -> _T:
    """Do it again and again, and print the least that one message cost."""
    result, least = do(), float("inf")
    for _ in range(ROUNDS):
        begun = time.process_time()
        do()
        least = min(least, (time.process_time() - begun) / COUNT * 1e6)
    print(f"{name:34} {least:6.1f} us")
    return result


def main() -> None:
    """Measure and print."""
    signer = SigningKey.generate()
    bodies = sealed(signer)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123  # a device, not a path of ours
        logs.start("info", nowhere)
        candidates = spent("decode and steps 1 to 4", lambda: received(bodies))
        spent("the sealed part's form and hash", lambda: check(candidates))
        spent("signature", lambda: verify(candidates, signer))
        spent("digest, asked for ten times", lambda: [[one.statement.digest for _ in range(10)] for one in candidates])
        spent("log and metrics", lambda: tell(Watching(), candidates))


if __name__ == "__main__":
    main()
