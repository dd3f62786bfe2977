"""The SDK and its command line against a real gateway over mutual TLS."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bureaus.client import Bureau, Exchange, Received
from bureaus.sandbox.network import PrivateNetwork, Seat
from bureaus.sandbox.process import Process
from schemas.codes import Purpose
from schemas.errors import Forbidden, Reason
from schemas.identity import Address
from schemas.messages.attachments import Attachment, MediaType, Shows
from schemas.messages.codes import NoticeColour
from schemas.messages.notice_codes import Issue, ThingKind
from schemas.messages.notices import DiffusionPublication, Thing
from tests.unit.bureaus.network import NO_TRACE, QUERY, counted, operation

pytestmark = pytest.mark.asyncio(loop_scope="module")
TRIOS = (
    ("FR", "BR", "CL"),
    ("AR", "UY", "PY"),
    ("PE", "EC", "CO"),
    ("MX", "GT", "HN"),
    ("PA", "CR", "NI"),
    ("CU", "DO", "HT"),
    ("BO", "SR", "GY"),
)


@dataclass
class Net:
    """A private network, and who takes part in one test: an asker who owns the operation, an answerer, an outsider."""

    network: PrivateNetwork
    asker: str
    answerer: str
    outsider: str

    @property
    def operation(self) -> str:
        return f"infra-{self.asker.lower()}"

    def home(self, code: str) -> Path:
        return self.network.home(Address(code))

    def open(self, code: str) -> Bureau:
        return Bureau.open(self.home(code))

    async def ask(self, bureau: Bureau) -> Exchange:
        return await bureau.ask(QUERY, to=[self.answerer], operation=self.operation, purpose=Purpose.ARREST)

    def answering(self) -> Bureau:
        """The answerer, not open yet, who says that there is no trace."""
        bureau = self.open(self.answerer)

        @bureau.on("whereabouts.query/1")
        async def handle(query: Received) -> None:
            await query.answer(NO_TRACE)

        return bureau


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nets(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Iterator[Net]]:
    """One network; each test takes the next three participants."""
    seats = [Seat(Address(code), code) for trio in TRIOS for code in trio]
    async with PrivateNetwork(tmp_path_factory.mktemp("sdk"), seats) as network:
        yield (Net(network, *trio) for trio in TRIOS)


@pytest_asyncio.fixture(loop_scope="module")
async def net(nets: Iterator[Net]) -> Net:
    """Three participants of the network, with an operation of the first and the second."""
    found = next(nets)
    members = (found.asker, found.answerer)
    async with found.open(found.asker) as asker:
        await asker.publish_operation(operation(found.asker, members, int(time.time()), name=found.operation))
    return found


async def test_a_question_is_answered_and_proved(net: Net) -> None:
    async with net.open(net.asker) as asker, net.answering() as answerer:
        exchange = await net.ask(asker)
        answers = [answer async for answer in exchange.responses(deadline=60)]
        assert [(answer.sender, answer.message) for answer in answers] == [(net.answerer, NO_TRACE)]
        proven = await exchange.proof(60)
        assert proven.entry.digest == exchange.digest
        assert await asker.settled(60)
        assert await answerer.settled(60)
        assert (await asker.counts())["acknowledgements"] == {"sent": 1}
        assert (await answerer.counts())["acknowledgements"] == {"sent": 1}
    async with net.open(net.outsider) as outsider:
        outside = await net.ask(outsider)
        with pytest.raises(Forbidden) as caught:
            await outside.accepted(60)
        assert caught.value.reason is Reason.SENDER_NOT_MEMBER


async def test_what_was_said_while_the_gateway_was_down_arrives_when_it_is_back(net: Net) -> None:
    async with net.open(net.asker) as asker, net.open(net.answerer) as answerer:
        await net.network.drain()
        exchanges = [await net.ask(asker) for _ in range(5)]
        await asyncio.sleep(0.5)
        await net.network.serve()
        for exchange in exchanges:
            assert (await exchange.accepted(60)).accepted
        await counted(answerer, "received", "new", 5)


async def test_a_gateway_that_is_killed_loses_nothing_that_it_accepted(net: Net) -> None:
    async with net.open(net.asker) as asker, net.answering():
        exchanges = await asyncio.gather(*(net.ask(asker) for _ in range(40)))
        await net.network.gateway.kill()
        await net.network.serve()

        async def answers(exchange: Exchange) -> int:
            return len([answer async for answer in exchange.responses(deadline=60)])

        assert await asyncio.gather(*map(answers, exchanges)) == [1] * 40


def bureaunet(log: Path, *arguments: str | Path) -> Process:
    """A `bureaunet` command that was started, its output in `log`."""
    environment = {"PATH": os.environ["PATH"], "PYTHONUTF8": "1", "LANG": "C.UTF-8"}
    process = Process("bureaunet", [sys.executable, "-m", "bureaus", *arguments], log=log, environment=environment)
    process.start()
    return process


async def ended(process: Process, within: float = 60.0) -> tuple[int, list[dict[str, object]]]:
    """Exit code, and the JSON objects that were printed."""
    async with asyncio.timeout(within):
        code = await process.wait()
    lines = process.log.read_text("utf-8").splitlines()
    return code, [json.loads(line) for line in lines if line.startswith("{")]


async def test_the_command_line_asks_and_listens(net: Net, tmp_path: Path) -> None:
    answer = tmp_path / "answer.json"
    answer.write_text('{"finding": "NO_TRACE"}')
    listening = ("--answer-with", answer, "--count", "1", "--json")
    listener = bureaunet(tmp_path / "listen.log", "listen", "--home", net.home(net.answerer), *listening)
    question = (
        "--to",
        net.answerer,
        "--operation",
        net.operation,
        "--family",
        "Synthetica",
        "--born",
        "1971",
        "--json",
    )
    asker = bureaunet(tmp_path / "ask.log", "ask", "--home", net.home(net.asker), *question)
    code, said = await ended(asker)
    assert (code, [row["event"] for row in said]) == (0, ["receipt", "message", "proof"]), asker.tail()
    assert said[2]["standing"] == "no-witnesses"
    assert said[1]["message"] == {"finding": "NO_TRACE"}
    code, heard = await ended(listener)
    assert (code, [row["from"] for row in heard]) == (0, [net.asker]), listener.tail()
    assert heard[0]["message"] == {
        "asked": ["status"],
        "person": {"name": {"family": "Synthetica"}, "birth_date": "1971"},
    }

    silent = bureaunet(tmp_path / "silent.log", "ask", "--home", net.home(net.asker), *question, "--wait", "10")
    code, said = await ended(silent)
    assert (code, said[-1]) == (1, {"event": "silent", "from": [net.answerer]})

    listener = bureaunet(tmp_path / "interrupted.log", "listen", "--home", net.home(net.answerer), "--json")
    async with asyncio.timeout(60):
        while not listener.tail():  # noqa: ASYNC110  # another process writes it
            await asyncio.sleep(0.05)
    listener.send(signal.SIGINT)
    code, heard = await ended(listener)
    assert (code, [row["from"] for row in heard]) == (130, [net.asker]), listener.tail()
    assert "Traceback" not in listener.tail()

    outside = bureaunet(tmp_path / "outside.log", "ask", "--home", net.home(net.outsider), *question)
    code, _ = await ended(outside)
    assert code == 1
    assert "sender-not-member" in outside.tail()


async def test_the_command_line_opens_moves_and_shows_an_operation(net: Net, tmp_path: Path) -> None:
    home = ("--home", net.home(net.outsider), "--json")
    steps = (
        (("operation", "open", "infra-two", "--name", "Two", "--member", net.asker, *home), ("planned", 1)),
        (("operation", "phase", "infra-two", "active", *home), ("active", 2)),
        (("operation", "show", "infra-two", "--home", net.home(net.asker), "--json"), ("active", 2)),
    )
    for number, (arguments, expected) in enumerate(steps):
        process = bureaunet(tmp_path / f"{number}.log", *arguments)
        code, (row,) = await ended(process)
        assert (code, row["phase"], row["version"]) == (0, *expected), process.tail()
        assert (row["owner"], row["review-is"]) == (net.outsider, "later")
    soon = datetime.now(UTC).date() + timedelta(days=100)
    steps_of_a_review = (
        (("member", "infra-two", net.asker, "--role", "auditor"), (3, "later")),
        (("review", "infra-two", str(soon)), (4, "due")),
        (("list", "--due"), (4, "due")),
    )
    for number, (arguments, said) in enumerate(steps_of_a_review):
        process = bureaunet(tmp_path / f"review-{number}.log", "operation", *arguments, *home)
        code, (row,) = await ended(process)
        assert (code, row["id"], (row["version"], row["review-is"])) == (0, "infra-two", said), process.tail()
        if "members" in row:
            assert '"auditor"' in json.dumps(row["members"])
    urgent = ("times", "infra-two", "whereabouts.query", "--urgent", "--within", "2h", "--at-most", "1d")
    own = {"family": "whereabouts.query", "urgency": "urgent", "default": 7200, "longest": 86_400}
    steps_of_times: tuple[tuple[tuple[str, ...], list[object]], ...] = (
        (
            (*urgent, "--remind", "90", "--remind", "50", "--requests", "2"),
            [own | {"reminders": [50, 90], "requests": 2}],
        ),
        ((*urgent[:4], "--network"), []),
    )
    for number, (arguments, times) in enumerate(steps_of_times):
        process = bureaunet(tmp_path / f"times-{number}.log", "operation", *arguments, *home)
        code, (row,) = await ended(process)
        assert (code, row["times"]) == (0, times), process.tail()
    for arguments in (("phase", "infra-two", "closed"), ("show", "infra-three")):
        process = bureaunet(tmp_path / f"{arguments[0]}.log", "operation", *arguments, "--home", net.home(net.answerer))
        code, _ = await ended(process)
        assert code == 2, process.tail()


async def test_a_program_that_is_killed_after_it_asked_has_asked(net: Net, tmp_path: Path) -> None:
    await net.network.drain()
    question = ("--to", net.answerer, "--operation", net.operation, "--case", "A-1")
    asker = bureaunet(tmp_path / "ask.log", "ask", "--home", net.home(net.asker), *question)
    await _sealed(net.home(net.asker))
    asker.send(signal.SIGKILL)
    await asker.wait()
    await net.network.serve()
    async with net.open(net.asker) as again, net.open(net.answerer) as answerer:
        await counted(again, "sent", "accepted", 1)
        await counted(answerer, "received", "new", 1)


async def _sealed(home: Path) -> None:
    """Wait until the write-ahead log has the message, committed: no other process may open the store."""
    log = home / "bureau.db-wal"
    async with asyncio.timeout(60):
        while not log.exists() or not _committed(log.read_bytes(), b"whereabouts.query/1"):  # noqa: ASYNC110  # another process writes it
            await asyncio.sleep(0.02)


def _committed(log: bytes, text: bytes) -> bool:
    """Whether a text stands before a commit: a frame that says the database's size (sqlite.org/walformat.html)."""
    size = 24 + int.from_bytes(log[8:12])
    frames = [log[at : at + size] for at in range(32, len(log) - size + 1, size)]
    commits = [at for at, frame in enumerate(frames) if frame[8:16] == log[16:24] and any(frame[4:8])]
    return any(text in frame for frame in frames[: max(commits, default=-1) + 1])


PICTURES = [os.urandom(4_700_000), os.urandom(4_700_000)]
IN_BUREAUS, IN_THE_GATEWAY = 11, 11
"""How many times the size of a content may be in memory at its peak: both bureaus are in this process."""


def memory(process: Process, field: str) -> int:
    """Bytes of memory that a process has (`VmRSS` of proc(5)), or had at most (`VmHWM`)."""
    fields = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) * 1024 for line in fields.splitlines() if line.startswith(field))


async def test_large_pictures_arrive_whole_and_are_not_held_many_times_over(net: Net) -> None:
    listed = tuple(Attachment.of(data, Shows.FACE, MediaType.JPEG) for data in PICTURES)
    said = DiffusionPublication(
        colour=NoticeColour.PURPLE, thing=Thing(kind=ThingKind.METHOD, name="Hollow bricks"), case="CASE-1",
        version=1, issue=Issue.NEW, attachments=listed,
    )  # fmt: skip
    whole = sum(map(len, PICTURES))
    async with net.open(net.asker) as asker, net.open(net.answerer) as answerer:
        before = memory(net.network.gateway, "VmRSS")
        tracemalloc.start()
        try:
            begun = tracemalloc.get_traced_memory()[0]
            sent = await asker.tell(said, to=[net.answerer], operation=net.operation, attachments=PICTURES)
            await sent.accepted(60)
            async with asyncio.timeout(60):
                got = await anext(answerer.inbox())
            held = tracemalloc.get_traced_memory()[1] - begun
        finally:
            tracemalloc.stop()
        assert got.message == said
        assert [part == data for part, data in zip(got.attachments, PICTURES, strict=True)] == [True, True]
        assert whole < held < IN_BUREAUS * whole
        assert whole < memory(net.network.gateway, "VmHWM") - before < IN_THE_GATEWAY * whole
