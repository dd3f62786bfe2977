"""A live network seen from outside, over each link: one trace from `ask` to the handover, and a terminal that watches.

A collector on loopback receives what the commands and the gateway send.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from bureaus.sandbox.network import PrivateNetwork, Seat
from bureaus.sandbox.process import LOOPBACK, Process, free_port
from schemas import tracing
from schemas.directory import Link, ParticipantKind
from schemas.identity import Address
from tests.unit.bureaus.network import operation

OPERATION = "infra-traces"
LINKS = [Link.HTTP, pytest.param(Link.AMQP, marks=[pytest.mark.broker, pytest.mark.postgres])]
SEATS = (
    Seat(Address("FR"), "FR"),
    Seat(Address("BR"), "BR"),
    Seat(Address("IPSG"), "IPSG", ParticipantKind.SECRETARIAT),
)
STEPS = {"ask", "admit", "record", "consign", "handover"}


@dataclass
class Collector:
    """An OpenTelemetry collector's way in, over HTTP: what came, by trace."""

    url: str
    spans: dict[bytes, list[tuple[str, Span]]] = field(default_factory=dict)

    async def take(self, request: web.Request) -> web.Response:
        said = ExportTraceServiceRequest.FromString(await request.read())
        for resource in said.resource_spans:
            service = next(one.value.string_value for one in resource.resource.attributes if one.key == "service.name")
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.spans.setdefault(span.trace_id, []).append((service, span))
        return web.Response()


@asynccontextmanager
async def collector() -> AsyncIterator[Collector]:
    made = Collector(f"http://{LOOPBACK}:{(port := free_port())}")
    application = web.Application()
    application.router.add_post("/v1/traces", made.take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, port).start()
    try:
        yield made
    finally:
        await runner.cleanup()


def launched(log: Path, said: dict[str, str], module: str, *arguments: str | Path) -> Process:
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", **said}
    command: list[str | Path] = [sys.executable, "-m", module, *arguments]
    process = Process(module, command, log=log, environment=environment)
    process.start()
    return process


async def watched(watch: Process) -> None:
    """Wait until the terminal has shown that something was accepted and handed over, then interrupt it."""
    async with asyncio.timeout(60):
        while True:
            looks = [json.loads(line) for line in watch.log.read_text().splitlines() if line.endswith("}")]
            if any(one["outcomes"].get("accepted") for one in looks) and any(one["handed_over"] for one in looks):
                break
            await asyncio.sleep(0.1)
    assert all(one["ready"] for one in looks)
    watch.send(signal.SIGINT)
    assert await watch.wait() == 0, watch.tail()


async def ended(process: Process) -> list[dict[str, object]]:
    async with asyncio.timeout(60):
        assert await process.wait() == 0, process.tail()
    return [json.loads(line) for line in process.log.read_text().splitlines() if line.startswith("{")]


@pytest.mark.parametrize("link", LINKS)
async def test_a_question_is_one_trace_from_ask_to_handover(tmp_path: Path, link: Link) -> None:
    answer = tmp_path / "answer.json"
    answer.write_text('{"finding": "NO_TRACE"}')
    async with collector() as into, PrivateNetwork(tmp_path / "network", SEATS, link=link) as network:
        said = {"OTEL_EXPORTER_OTLP_ENDPOINT": into.url}
        async with network.bureau(Address("FR")) as fr:
            await fr.publish_operation(operation("FR", ["FR", "BR", "IPSG"], int(time.time()), name=OPERATION))
        await network.drain()
        await network.serve(said)
        watching = ("watch", "--operators", network.operators, "--every", "0.5", "--json")
        watch = launched(tmp_path / "watch.log", {}, "gateway", *watching)
        async with asyncio.timeout(60):
            while not watch.tail():  # noqa: ASYNC110  # another process writes it
                await asyncio.sleep(0.05)
        listening = ("--home", network.home(Address("BR")), "--answer-with", answer, "--count", "1", "--json")
        listener = launched(tmp_path / "listen.log", said, "bureaus", "listen", *listening)
        asking = ("--home", network.home(Address("FR")), "--to", "BR", "--operation", OPERATION)
        asker = launched(tmp_path / "ask.log", said, "bureaus", "ask", *asking, "--family", "Synthetica", "--json")
        rows = {row["event"]: row for row in await ended(asker)}
        await ended(listener)
        await watched(watch)
        await network.drain()  # a gateway that ends sends what waits
        for event, handled in (("receipt", {"handle"}), ("message", set[str]())):  # the question; its answer, awaited
            digest = bytes.fromhex(str(rows[event]["digest"]))
            found = into.spans[tracing.trace_id(digest).to_bytes(16)]
            assert {span.name for _, span in found} == STEPS | handled
            root = tracing.root_span(digest).to_bytes(8)
            (ask,) = [span for _, span in found if span.name == "ask"]
            assert (ask.span_id, ask.parent_span_id) == (root, b"")
            assert all(span.parent_span_id == root for _, span in found if span.name != "ask")
            at_bureaus = {span.name for service, span in found if service == "bureaunet-bureau"}
            assert at_bureaus == {"ask"} | handled
            times = {span.name: (span.start_time_unix_nano, span.end_time_unix_nano) for _, span in found}
            assert times["ask"][0] <= times["admit"][0] <= times["record"][1] <= times["handover"][1]
