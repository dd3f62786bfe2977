"""What only the program under test can make: envelopes and acknowledgements. Each is verified here, claim by claim.

Keys are of this run. Contents are of sizes at which padding is easily wrong: small, at the end of a class, and one for
which no padding of its own class exists.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import JsonValue

from bureaus.conformance.contract import OK, OPERATIONS, UNSUPPORTED, Answer
from bureaus.conformance.findings import Finding, Trial, Verdict
from bureaus.conformance.peer import Peer, Trouble
from bureaus.conformance.sections import within
from schemas.cose import parse_encrypt
from schemas.envelope import Envelope, Statement, check_sizes, open_sealed, pad, padded_size, read
from schemas.errors import BureaunetError
from schemas.evidence import Outcome, read_acknowledgement
from schemas.keys import SealingKey, SigningKey

_NET: Final = bytes(range(32))
_DIGEST: Final = bytes(range(32, 64))
_KIND, _OPERATION, _PURPOSE = "whereabouts.query/1", "conformance", "arrest"


class Wrong(Exception):
    """What the program made is not as it should be."""


def contents() -> dict[str, bytes]:
    """Contents by what is special about their size."""
    salt = bytes(32)
    small = b'{"asked":["status"],"case":"C-1"}'
    filled = {len(pad(salt, bytes(size))): size for size in range(900, 1100) if len(pad(salt, bytes(size))) == 1024}
    odd = next(
        size for size in range(900, 1100) if len(pad(salt, bytes(size))) != padded_size(size + 38 + (size > 255))
    )
    texts = {"small": len(small), "full": max(filled.values()), "unpaddable": odd, "large": 70_000}
    return {name: small if name == "small" else _filled(size) for name, size in texts.items()}


def _filled(size: int) -> bytes:
    bare = b'{"asked":["status"],"case":""}'
    return bare[:-2] + b"7" * (size - len(bare)) + bare[-2:]


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one run: a sender and two recipients."""

    sender: SigningKey = field(default_factory=SigningKey.generate)
    recipients: Sequence[SealingKey] = field(default_factory=lambda: (SealingKey.generate(), SealingKey.generate()))


def sealing(keys: Keys, content: bytes, now: int) -> dict[str, JsonValue]:
    """What is given to `seal`."""
    return {
        "from": "FR",
        "signing_seed": keys.sender.seed.hex(),
        "to": ["BR", "AR"],
        "keys": [key.public.raw.hex() for key in keys.recipients],
        "net": _NET.hex(),
        "operation": _OPERATION,
        "kind": _KIND,
        "purpose": _PURPOSE,
        "exercise": True,
        "now": now,
        "content": content.hex(),
    }


def _need(holds: bool, said: str) -> None:  # noqa: FBT001  # a condition, as assert's
    if not holds:
        raise Wrong(said)


def _envelope(answer: Answer) -> tuple[Envelope, Statement]:
    statement, sealed = (answer.shows.get(name) for name in ("statement", "sealed"))
    if not isinstance(statement, str) or not isinstance(sealed, str):
        raise Wrong("no statement and sealed part shown")
    try:
        envelope = Envelope(bytes.fromhex(statement), bytes.fromhex(sealed))
    except ValueError:
        raise Wrong("statement and sealed part are not hexadecimal") from None
    check_sizes(envelope)
    return envelope, read(envelope.statement)


def check_envelope(answer: Answer, keys: Keys, content: bytes, now: int) -> None:
    """Check an envelope that was sealed as told. Raises Wrong, or what verifying it raises."""
    envelope, statement = _envelope(answer)
    header = statement.header
    statement.verify(keys.sender.public)
    said = (str(header.iss), tuple(map(str, header.aud)), header.sub, header.kind, str(header.purpose), header.exercise)
    _need(said == ("FR", ("BR", "AR"), _OPERATION, _KIND, _PURPOSE, True), "claims are others than were given")
    _need(header.net == _NET, "net is another network's")
    _need(header.iat == now, f"iat is {header.iat} instead of {now}")
    _need(header.exp - header.iat <= 40 * 24 * 3600, "valid for longer than 40 days")
    _need(int.from_bytes(header.cti[:6]) // 1000 == now, "the message id's time is not iat's")
    for key in keys.recipients:
        _need(open_sealed(statement, envelope.sealed or b"", key).content == content, "it opens to other content")
    named = [wrap.key_id for wrap in parse_encrypt(envelope.sealed or b"").wraps]
    _need(named == [key.key_id for key in keys.recipients], "wraps are not in the order of aud")


def check_fresh(once: Answer, other: Answer) -> None:
    """Check that two envelopes of one message share nothing that must be new each time."""
    (first, said), (second, again) = _envelope(once), _envelope(other)
    mine, theirs = (parse_encrypt(one.sealed or b"") for one in (first, second))
    _need(said.header.cti != again.header.cti, "the message id is the same twice")
    _need(said.header.commit != again.header.commit, "the salt is the same twice")
    _need(mine.iv != theirs.iv, "the iv is the same twice")
    _need(mine.wraps[0].encapsulated != theirs.wraps[0].encapsulated, "the encapsulated key is the same twice")


def acknowledging(keys: Keys, reason: str | None, now: int) -> dict[str, JsonValue]:
    """What is given to `acknowledge`."""
    return {
        "from": "BR",
        "signing_seed": keys.sender.seed.hex(),
        "net": _NET.hex(),
        "digest": _DIGEST.hex(),
        "reason": reason,
        "now": now,
    }


def check_acknowledgement(answer: Answer, keys: Keys, reason: str | None, now: int) -> None:
    """Check an acknowledgement that was made as told. Raises Wrong, or what verifying it raises."""
    data = answer.shows.get("data")
    signed = read_acknowledgement(bytes.fromhex(data) if isinstance(data, str) else b"")
    signed.sign1.verify(keys.sender.public)
    said = signed.acknowledgement
    wanted = Outcome.PROCESSED if reason is None else Outcome.REFUSED
    _need(said.outcome is wanted and said.reason == reason, "another outcome or reason than was given")
    _need(said.digest == _DIGEST and said.net == _NET and said.iss == "BR", "another digest, network or sender")
    _need(said.iat == now, f"iat is {said.iat} instead of {now}")


def judged(test: Trial, answers: Sequence[Answer | Trouble], check: Callable[[], None]) -> Finding:
    """What a check of what was made comes to."""
    expected = "ok, and what is shown verifies"
    for answer in answers:
        if isinstance(answer, Trouble):
            return Finding(test, Verdict.WRONG, expected, answer.said)
        if answer.outcome == UNSUPPORTED:
            return Finding(test, Verdict.UNSUPPORTED, expected, UNSUPPORTED)
        if answer.outcome != OK:
            return Finding(test, Verdict.WRONG, expected, answer.outcome)
    try:
        check()
    except (Wrong, BureaunetError, ValueError) as error:
        return Finding(test, Verdict.WRONG, expected, str(error))
    return Finding(test, Verdict.RIGHT)


async def made(peer: Peer, only: str) -> AsyncIterator[Finding]:
    """Ask the program to make things, and check them."""
    keys, now = Keys(), int(time.time())
    if within(OPERATIONS["seal"].section, only):
        async for finding in _seals(peer, keys, now):
            yield finding
    if within(OPERATIONS["acknowledge"].section, only):
        for name, reason in (("processed", None), ("refused", "commitment")):
            test = Trial(f"made/acknowledge-{name}", "5.3", OPERATIONS["acknowledge"].level, f"it says {name}")
            answer = await peer.ask("acknowledge", acknowledging(keys, reason, now))
            yield judged(test, [answer], _later(check_acknowledgement, answer, keys, reason, now))


async def _seals(peer: Peer, keys: Keys, now: int) -> AsyncIterator[Finding]:
    level = OPERATIONS["seal"].level
    for name, content in contents().items():
        test = Trial(f"made/seal-{name}", "1.3", level, f"it seals {len(content)} bytes for two")
        answer = await peer.ask("seal", sealing(keys, content, now))
        yield judged(test, [answer], _later(check_envelope, answer, keys, content, now))
    test = Trial("made/seal-fresh", "1.3", level, "it seals the same twice: nothing is used twice")
    given = sealing(keys, contents()["small"], now)
    answers = [await peer.ask("seal", given), await peer.ask("seal", given)]
    yield judged(test, answers, _later(check_fresh, *answers))


def _later(check: Callable[..., None], *arguments: object) -> Callable[[], None]:
    return lambda: check(*arguments)
