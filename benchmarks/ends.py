"""Both ends of a link at a set pace: bureaus publish sealed submissions, and each is noted as it reaches its inbox.

Order: `prepare` writes what the ends need, `carry` runs them. They are programs in C (relays/ends.c), one that sends
for all and one for each inbox, so that what is in the middle has the cores. A message is late from the moment that it
was due, not from the one in which it could be sent: a slow middle makes messages wait and not the sender.
"""

from __future__ import annotations

import asyncio
import shutil
import struct
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks import beside
from benchmarks.ground import Ground
from bureaus.sandbox.process import LOOPBACK, Process, run
from schemas import wire
from schemas.codes import Urgency
from schemas.envelope import Envelope
from schemas.errors import Malformed, Reason, Unavailable
from schemas.identity import Address

SECONDS: Final = 240.0
"""That sending, and then taking the last ones, may last."""
_BODY: Final = struct.Struct("=BI")
_TAKEN: Final = struct.Struct("=dI")


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be sent, in a folder that the ends read."""

    folder: Path
    statements: Sequence[bytes]
    """Of each message, in order."""
    each: int
    """How many messages each inbox gets."""


def prepare(made: Ground, queries: Sequence[tuple[Address, Envelope]]) -> Load:
    """Write these into a folder, with everybody's certificates.

    A plain relay deals messages out to all inboxes in turn: so must `queries` be, and as many to each.
    """
    folder = Path(made.running.gateway_home).parent / "ends"
    (folder / "tls").mkdir(parents=True, exist_ok=True)
    bodies = [(made.bureaus.index(sender), wire.encode_submission(one)) for sender, one in queries]
    (folder / "bodies").write_bytes(b"".join(_BODY.pack(who, len(body)) + body for who, body in bodies))
    for address in made.bureaus:
        tls = made.tls(address)
        for file, ending in ((tls.authority, "ca"), (tls.certificate, "crt"), (tls.key, "key")):
            shutil.copy(file, folder / "tls" / f"{address}.{ending}")
    share, left = divmod(len(queries), len(made.bureaus))
    assert not left, "as many to each inbox"  # noqa: S101  # of ours
    return Load(folder, [one.statement for _, one in queries], share)


async def carry(made: Ground, load: Load, rate: float, urgency: Urgency = Urgency.ROUTINE) -> list[tuple[float, float]]:
    """Send the messages, so many a second: when each was due and when it arrived, in seconds as `time.monotonic` has.

    Raises:
        Unavailable: an end failed, or not all messages arrived.
        Misuse: the compiler or librabbitmq is missing.
    """
    program = await _compiled(load.folder)
    assert made.running.broker is not None  # noqa: S101  # the ground is over AMQP
    where = (LOOPBACK, str(made.running.broker.port), str(load.folder))
    async with AsyncExitStack() as stack:
        takers = [_taker(program, where, load, name, urgency) for name in made.bureaus]
        for taker in takers:
            taker.start()
            stack.push_async_callback(taker.kill)
        for taker in takers:
            await taker.ready(partial(_is_ready, taker), within=30.0)
        names = ",".join(map(str, made.bureaus))
        said = await run(
            [program, "send", *where, str(rate), str(urgency), names], environment=beside.environment(), within=SECONDS
        )
        async with asyncio.timeout(SECONDS):
            ended = [(taker, await taker.wait()) for taker in takers]
    taken = [len(list(_taken(load.folder, name))) for name in made.bureaus]
    failed = [
        f"{taker.name} took {count} of {load.each} and exited with code {code}: {taker.tail()}"
        for (taker, code), count in zip(ended, taken, strict=True)
        if code
    ]
    if failed:
        raise Unavailable(Reason.UNREACHABLE, "; ".join(failed))
    begun = float(said)
    due = {statement: begun + at / rate for at, statement in enumerate(load.statements)}
    return [(due[_statement(body)], at) for name in made.bureaus for at, body in _taken(load.folder, name)]


def _taker(program: Path, where: Sequence[str], load: Load, name: Address, urgency: Urgency) -> Process:
    log = load.folder / f"{name}.log"
    log.unlink(missing_ok=True)
    said = ("take", *where, wire.inbox_queue(name, urgency), str(name), str(load.each))
    return Process(f"the end of {name}", [program, *said], log=log, environment=beside.environment())


async def _is_ready(taker: Process) -> bool:
    return "ready" in taker.tail()


async def _compiled(folder: Path) -> Path:
    out = folder / "program"
    if not await asyncio.to_thread(out.exists):
        await beside.compiled(beside.REPOSITORY / "benchmarks" / "relays" / "ends.c", out, "rabbitmq")
    return out


def _taken(folder: Path, name: Address) -> Iterator[tuple[float, bytes]]:
    """When each message came into an inbox, and its body."""
    raw, at = (folder / f"taken.{name}").read_bytes(), 0
    while at < len(raw):
        moment, size = _TAKEN.unpack_from(raw, at)
        at += _TAKEN.size + size
        yield moment, raw[at - size : at]


def _statement(body: bytes) -> bytes:
    """The statement within an inbox item, or within a submission that a plain relay passed on as it was."""
    try:
        return wire.decode_item(body).statement
    except Malformed:
        return wire.decode_submission(body).statement
