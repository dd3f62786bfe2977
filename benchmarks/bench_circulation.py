"""One notice with a picture of 200 KB to 190 members: one sealed message, against 190 single ones of the same content.

What is measured of either: bytes submitted, bytes that the gateway's database keeps of it (SQLite, after its rows were
put in order), bytes that the members fetch, and seconds: from sealing until every copy is recorded and waits for its
member (`time`), and from there until every member was given it (`fetch-time`). No network and no TLS: the gateway's
pipeline runs in this process, each submission waits for its receipt, and members fetch one after another.

Goals: a fiftieth of the bytes, a fifth of the time. Each member of the one message fetches the key wraps of all 190,
1.2 KB each: that is what it costs more (`fetched`, `fetch-time`), and the goals there are how much more may be.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks.compare import Measured, Question, told
from benchmarks.storage import size
from gateway.adapters.sql import Database, SqlBodies, SqlStore, prepare
from gateway.exchange import Exchange
from schemas import messages
from schemas.envelope import read
from schemas.identity import Address
from schemas.messages.attachments import Attachment, MediaType, Shows
from schemas.messages.codes import NoticeColour
from schemas.messages.notice_codes import Issue
from schemas.messages.notices import NoticePublication
from schemas.messages.person import Name, Person
from schemas.operation import sign_operation
from schemas.wire import InboxItem, ItemType
from tests.support import World, sqlite_url

MEMBERS: Final = 190
PICTURE: Final = bytes(range(256)) * 800
"""200 KB (204,800 bytes); sealed, its content does not matter."""
ROUNDS: Final = 5
CODES: Final = tuple(f"{first}{second}" for first in "ABCDEFGH" for second in "ABCDEFGHIJKLMNOPQRSTUVWX")[:MEMBERS]
_WHAT: Final = f"one notice with a 200 KB picture to {MEMBERS} members in one message, against {MEMBERS} messages"
_PACKAGES: Final = ("cryptography", "sqlalchemy")
QUESTIONS: Final = {
    "submitted": Question("circulation-submitted", f"bytes submitted for {_WHAT}", "bytes", 0.02, packages=_PACKAGES),
    "stored": Question("circulation-stored", f"bytes kept of {_WHAT}", "bytes", 0.02, packages=_PACKAGES),
    "fetched": Question("circulation-fetched", f"bytes fetched of {_WHAT}", "bytes", 2.0, packages=_PACKAGES),
    "sending": Question("circulation-time", f"time to circulate {_WHAT}", "s", 0.2, packages=_PACKAGES),
    "fetching": Question("circulation-fetch-time", f"time to fetch {_WHAT}", "s", 2.5, packages=_PACKAGES),
}


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one side."""

    submitted: int
    stored: int
    fetched: int
    sending: float
    fetching: float


def run() -> Sequence[Measured]:
    """Measure."""
    rounds = [(asyncio.run(_cost(1)), asyncio.run(_cost(MEMBERS))) for _ in range(ROUNDS + 1)][1:]
    found = []
    for name, question in QUESTIONS.items():
        pairs = [(float(getattr(ours, name)), float(getattr(other, name))) for ours, other in rounds]
        found.append(told(question, pairs))
    return found


async def _cost(parts: int) -> Cost:
    """Circulate it in so many messages, on a fresh database."""
    world = World(*CODES)
    world.operation = replace(world.operation, kinds=(NoticePublication.KIND,))
    world.operation_raw = sign_operation(world.operation, world.network.id, world.office("IPSG").signing)
    content = _content(world.clock.now() // 1000)
    with tempfile.TemporaryDirectory(prefix="circulation-") as folder:
        database = Database(sqlite_url(Path(folder)))
        await prepare(database)
        await SqlBodies(database).prepare([world.clock.now() // 86_400_000 + 31])
        store = SqlStore(database)
        async with world.gateway(store) as exchange:
            before = await size(database)
            begun = time.perf_counter()
            submitted = await _send(world, exchange, content, parts)
            sent, fetched = time.perf_counter(), 0
            for code in CODES:
                fetched += await _fetch(store, Address(code))
            ended = time.perf_counter()
            stored = await size(database) - before
        await database.close()
    return Cost(submitted, stored, fetched, sent - begun, ended - sent)


def _content(now: int) -> bytes:
    notice = NoticePublication(
        colour=NoticeColour.RED,
        person=Person(name=Name(family="Marolet-Ex", given="Tibo")),
        facts="Synthetic: nobody is sought.",
        number="R-1/2026",
        version=1,
        issue=Issue.NEW,
        owner=Address("FR"),
        published=now,
        review=now + 1,
        attachments=(Attachment.of(PICTURE, Shows.FACE, MediaType.JPEG),),
    )
    return messages.encode(notice, [PICTURE])


async def _send(world: World, exchange: Exchange, content: bytes, parts: int) -> int:
    """Seal and submit: bytes submitted."""
    submitted = 0
    each = MEMBERS // parts
    for at in range(0, MEMBERS, each):
        made = world.envelope("IPSG", CODES[at : at + each], content, kind=NoticePublication.KIND)
        submission = world.submission(made, "IPSG")
        outcome = await exchange.submit(submission)
        if outcome.reason is not None:
            raise RuntimeError(f"refused: {outcome.reason}")
        submitted += len(submission.body)
    return submitted


async def _fetch(store: SqlStore, member: Address) -> int:
    """What a member is given: its item, and the sealed part apart from it where there are many recipients."""
    fetched = 0
    (one,) = await store.waiting(member, -1, 50, 1 << 26)
    statement, sealed = one.envelope.statement, one.envelope.sealed
    if sealed is None:
        apart = await store.sealed(read(statement).sealed_hash, member)
        if apart is None:
            raise RuntimeError(f"{member} is not given the sealed part")
        fetched += len(apart)
    return fetched + len(InboxItem(one.index, ItemType.ENVELOPE, one.receipt, statement, sealed).encode())
