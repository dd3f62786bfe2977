"""kill -9 of `bureaunet secretariat serve` at random moments, while bureaus ask it for notices and ask its databases.

    .venv/bin/python -m tests.faults.secretariat [--seed N] [--kills N] [--count N]

A private network with an embedded gateway; France and Brazil with the SDK; the registry on SQLite, and on PostgreSQL.
France enters records and asks for notices, somebody approves them, Brazil asks for each record's document. Meanwhile
the service is killed, also while it starts. Once everybody has heard all that is owed to them it is told to stop, and
what happened is judged by what did none of it: the registry, read as plain SQL, and the operation's record,
verified with the network file and held against the bureaus' receipts.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import click
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from bureaus.auditor import audit, pinned
from bureaus.client import Bureau
from bureaus.exchange import Exchange, Received
from bureaus.sandbox.network import PrivateNetwork
from bureaus.sandbox.postgres import Postgres
from bureaus.secretariat.notices import acts
from bureaus.secretariat.office import OPERATION
from bureaus.secretariat.registry import Registry
from bureaus.secretariat.serving import compose
from schemas.codes import Purpose
from schemas.errors import Unavailable
from schemas.exchanges import Report
from schemas.identity import Address
from schemas.messages.codes import DocumentType
from schemas.messages.databases import DatabaseQuery, DatabaseRecord, DocumentQuestion, RecordDocument
from schemas.messages.documents import IdentityDocument
from schemas.messages.hits import HitConfirmation, HitConfirmed
from schemas.messages.notices import NoticeDecision, NoticePublication
from schemas.messages.search_codes import DocumentStatus, RecordAct, Search, Validity
from tests.exporting import exported
from tests.integration.secretariat.cases import BODY, PICTURE
from tests.integration.secretariat.served import SEATS, SECRETARIAT, Served

FR, BR = Address("FR"), Address("BR")
LONGEST: Final = 240.0
"""Seconds until everybody has what is owed to them."""
ONCE: Final = {"database.record": 1, "database.recorded": 1, "database.query": 1, "database.answer": 1}
"""Kinds of which the record has exactly one for each that was asked for: answers are made in their handler's commit."""
Say = Callable[[str], None]
Rows = list[tuple[str, ...]]


@dataclass
class Load:
    """What is asked for, and what bureaus heard of it."""

    count: int
    confirmations: Counter[str] = field(default_factory=Counter)
    """What France was asked, by the databases' number of the record."""
    words: Counter[str] = field(default_factory=Counter)
    """What Brazil heard of the owner's word, by the same."""
    published: Counter[tuple[str, int]] = field(default_factory=Counter)
    """What Brazil heard of notices: number and version."""
    decided: dict[str, set[str | None]] = field(default_factory=dict)
    """The numbers that France was told, by its own reference."""
    receipts: list[bytes] = field(default_factory=list)

    def listen(self, france: Bureau, brazil: Bureau) -> None:
        """Register what both do with what comes by itself."""

        @france.on(HitConfirmation)
        async def confirm(received: Received) -> None:
            assert isinstance(received.message, HitConfirmation)
            self.confirmations[received.message.record] += 1
            await received.answer(HitConfirmed(validity=Validity.CONFIRMED, record=received.message.record))

        @brazil.on(HitConfirmed)
        async def told(received: Received) -> None:
            assert isinstance(received.message, HitConfirmed)
            self.words[received.message.record] += 1

        @brazil.on(NoticePublication)
        async def read(received: Received) -> None:
            assert isinstance(received.message, NoticePublication)
            self.published[received.message.number, received.message.version] += 1

        @france.on(NoticePublication)
        async def know(_received: Received) -> None:
            """It is France's own."""

    @property
    def heard(self) -> bool:
        """Whether everybody heard all that comes by itself."""
        return min(len(self.words), len(self.published)) >= self.count

    async def brought(self, france: Bureau, brazil: Bureau) -> None:
        """Ask for everything, one thing after another on each side, and wait for each answer."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._notices(france))
            group.create_task(self._questions(france, brazil))
        while not self.heard:  # noqa: ASYNC110  # the handlers have no one event
            await asyncio.sleep(0.1)

    async def _notices(self, france: Bureau) -> None:
        asked: list[tuple[str, Exchange]] = []
        for number in range(self.count):
            said = BODY.model_copy(update={"case": f"FR-{number}"})
            exchange = await france.ask(
                said, to=[SECRETARIAT], operation=OPERATION, purpose=Purpose.LOCATION, attachments=[PICTURE]
            )
            asked.append((f"FR-{number}", exchange))
        for case, exchange in asked:
            answers = [one.message async for one in exchange.responses()]
            self.decided[case] = {one.number for one in answers if isinstance(one, NoticeDecision)}

    async def _questions(self, france: Bureau, brazil: Bureau) -> None:
        for number in range(self.count):
            listed = IdentityDocument.numbered(DocumentType.PASSPORT, f"AB-{number:04}", "FR")
            document = RecordDocument(document=listed, status=DocumentStatus.LOST)
            record = DatabaseRecord(act=RecordAct.ADD, reference=f"D-{number}", document=document)
            entered = await france.ask(record, to=[SECRETARIAT], operation=OPERATION, purpose=Purpose.LOCATION)
            await entered.outcome()
            query = DatabaseQuery(document=DocumentQuestion(number=f"AB-{number:04}"))
            asked = await brazil.ask(query, to=[SECRETARIAT], operation=OPERATION, purpose=Purpose.LOCATION)
            await asked.outcome()


async def _killed(served: Served, dice: random.Random, kills: int, say: Say) -> None:
    """Kill it so many times, at moments of these dice, also before it is ready; then let it be."""
    for number in range(kills):
        await asyncio.sleep(dice.uniform(0.2, 5.0))
        await served.process.kill()
        say(f"kill {number + 1} of {kills}")
        await asyncio.sleep(dice.uniform(0.0, 0.5))
        served.process.start()
    await served.process.kill()
    await served.start()


async def _approved(served: Served, load: Load, say: Say) -> None:
    """Somebody of the staff approves every request once it waits, at a desk of their own beside the service."""
    registry = await Registry.open(served.registry_url)
    try:
        office = compose(Bureau.open(served.home), registry, lambda: int(time.time()))
        done: set[int] = set()
        while len(done) < load.count:
            try:
                for request in await acts.waiting(office):  # also what is approved and not published yet
                    if request.id not in done:
                        await acts.approve(office, request.id, who="paul", why="in order")
                        done.add(request.id)
            except Unavailable as error:  # as somebody at a page would, they try again
                say(f"at the desk: {error}")
            await asyncio.sleep(0.2)
    finally:
        await registry.aclose()


async def struck(folder: Path, registry: str | None, seed: int, kills: int, count: int, say: Say) -> Sequence[str]:
    """Run the load under kills: what was lost, doubled or wrong, in words; nothing where all is well.

    In `folder` there may be a `network` that PrivateNetwork made before.
    """
    place, record = folder / "network", folder / "services.record"
    network, load, dice = PrivateNetwork(place, SEATS, made=place.exists()), Load(count), random.Random(seed)  # noqa: S311
    async with network, Served(network, folder, registry) as served:
        say(f"seed {seed}: {count} notices, {count} records, {count} questions, {kills} kills")
        await _loaded(network, served, load, dice, kills, say)
        ended = await served.process.stop(grace=90.0)
        await exported(network, OPERATION, record)
    say("reading the registry and the record")
    rows = await _registry(served.registry_url)
    verdict = audit(record, pinned(network.network_file), load.receipts)
    if verdict.report is None or not verdict.ok:
        return (f"the record does not verify: {verdict.error}",)
    wrong = [] if ended == 0 else [f"told to stop, it exited {ended}"]
    return (*wrong, *_judge_registry(load, rows), *_judge_record(load, verdict.report))


async def _loaded(
    network: PrivateNetwork, served: Served, load: Load, dice: random.Random, kills: int, say: Say
) -> None:
    """Everything is asked for, and the service killed meanwhile, until nobody waits for anything."""
    france, brazil = network.bureau(FR), network.bureau(BR)
    load.listen(france, brazil)
    async with asyncio.timeout(LONGEST), france, brazil:
        async with asyncio.TaskGroup() as group:
            group.create_task(load.brought(france, brazil))
            group.create_task(_approved(served, load, say))
            group.create_task(_killed(served, dice, kills, say))
        for bureau in (france, brazil):
            assert await bureau.settled(LONGEST)
            load.receipts += await bureau.receipts()


QUERIES: Final = {
    "requests": "SELECT owner, reference, state FROM notice_request",
    "notices": "SELECT number, reference, version FROM notice",
    "approvals": "SELECT request, who FROM notice_approval",
    "records": "SELECT owner, reference FROM record",
    "questions": "SELECT asker, result FROM question_log",
    "hits": "SELECT reference, state FROM hit",
    "waiting": "SELECT id, state FROM outgoing WHERE state IN ('waiting', 'sent')",
}


async def _registry(url: str) -> dict[str, Rows]:
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            found = {name: await connection.execute(text(sql)) for name, sql in QUERIES.items()}
            return {name: [tuple(map(str, row)) for row in result] for name, result in found.items()}
    finally:
        await engine.dispose()


def _judge_registry(load: Load, rows: dict[str, Rows]) -> list[str]:
    """What the registry says against what was asked for."""
    cases, records = [f"FR-{one}" for one in range(load.count)], [f"D-{one}" for one in range(load.count)]
    owed: dict[str, list[tuple[str, ...]]] = {
        "requests": [("FR", case, "published") for case in cases],
        "records": [("FR", one) for one in records],
        "questions": [("BR", str(Search.HIT))] * load.count,
        "hits": [(one, str(Validity.CONFIRMED)) for one in records],
        "waiting": [],
    }
    said = [
        f"{name}: {sorted(rows[name])} in place of {sorted(there)}"
        for name, there in owed.items()
        if Counter(rows[name]) != Counter(there)
    ]
    notices = {number: case for number, case, version in rows["notices"] if version == "1"}
    if sorted(notices.values()) != sorted(cases) or len(rows["notices"]) != load.count:
        said.append(f"notices: {rows['notices']}")
    if len(rows["approvals"]) != load.count:
        said.append(f"approvals: {rows['approvals']}")
    if load.decided != {case: {number} for number, case in notices.items()}:
        said.append(f"France was told of {load.decided}, and in the registry are {notices}")
    if set(load.published) != {(number, 1) for number in notices}:
        said.append(f"Brazil was told of {sorted(load.published)}")
    if set(load.confirmations) != set(load.words):
        said.append(f"France was asked of {load.confirmations}, Brazil heard of {load.words}")
    return said


def _judge_record(load: Load, report: Report) -> list[str]:
    """What the record says of each kind, and whether every question has one final answer."""
    kinds: Counter[str] = Counter()
    for exchange in report.exchanges:
        for message in exchange.messages():
            kinds[message.kind.partition("/")[0]] += 1
    said = [f"{kinds[kind]} of {kind}" for kind, times in ONCE.items() if kinds[kind] != times * load.count]
    if kinds["notice.request"] != load.count or kinds["notice.publication"] < load.count:
        said.append(f"of notices there are {kinds}")
    return said


async def _both(seed: int, kills: int, count: int) -> list[str]:
    said: list[str] = []
    with tempfile.TemporaryDirectory(prefix="bureaunet-faults-") as name:
        said += await struck(Path(name) / "sqlite", None, seed, kills, count, click.echo)
        async with Postgres() as postgres:
            url = await postgres.create_database("registry")
            said += await struck(Path(name) / "postgresql", url, seed, kills, count, click.echo)
    return said


@click.command()
@click.option("--seed", type=int, help="The same seed strikes at the same moments; without one, one is drawn.")
@click.option("--kills", type=int, default=30, show_default=True)
@click.option("--count", type=int, default=100, show_default=True, help="Notices, records and questions, each.")
def main(seed: int | None, kills: int, count: int) -> None:
    """Kill the secretariat's service under load, and check that nothing was lost and nothing took effect twice."""
    said = asyncio.run(_both(secrets.randbelow(1_000_000) if seed is None else seed, kills, count))
    click.echo("\n".join(said) or "nothing was lost, nothing took effect twice")
    sys.exit(1 if said else 0)


if __name__ == "__main__":
    main()
