import sys
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from bureaus.client import Bureau, Received
from bureaus.commands.traces import ENDPOINTS, traced
from bureaus.tracing import Tracing
from schemas import tracing
from schemas.codes import Purpose
from schemas.errors import Misuse
from tests.unit.bureaus.network import NO_TRACE, OPERATION, QUERY, Team, eventually


def named(spans: tuple[ReadableSpan, ...], name: str, digest: bytes) -> ReadableSpan:
    (span,) = [s for s in spans if s.name == name and (s.attributes or {}).get("bureaunet.digest") == digest.hex()]
    return span


async def test_a_query_is_one_trace_at_both_bureaus_with_its_sender_at_the_root(tmp_path: Path) -> None:
    team = await Team.gather(tmp_path)
    exporter = InMemorySpanExporter()
    fr, br = team.open("FR"), team.open("BR")
    for bureau in (fr, br):
        bureau.on_step(Tracing(SimpleSpanProcessor(exporter)).saw)

    async def handle(query: Received) -> None:
        await query.answer(NO_TRACE)

    br.on("whereabouts.query/1")(handle)
    async with fr, br:
        asked = await fr.ask(QUERY, to=("BR",), operation=OPERATION, purpose=Purpose.ARREST)
        (answer,) = [answer async for answer in asked.responses(deadline=60)]
        await eventually(lambda: len(exporter.get_finished_spans()) == 3)
    spans = exporter.get_finished_spans()
    ask, handled = named(spans, "ask", asked.digest), named(spans, "handle", asked.digest)
    assert ask.context is not None
    assert handled.context is not None
    assert handled.parent is not None
    assert ask.parent is None
    assert ask.context.trace_id == handled.context.trace_id == tracing.trace_id(asked.digest)
    assert ask.context.span_id == handled.parent.span_id == tracing.root_span(asked.digest)
    assert named(spans, "ask", answer.digest).context != ask.context  # the answer is a message, and a trace, of its own
    assert ask.start_time is not None
    assert ask.end_time is not None
    assert ask.start_time <= ask.end_time


def test_commands_send_nothing_where_nobody_asks_and_say_so_where_libraries_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bureau = Bureau.open(tmp_path)
    for name in ENDPOINTS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace.export", None)  # as where they are not installed
    with traced(bureau):
        pass
    monkeypatch.setenv(ENDPOINTS[0], "http://127.0.0.1:9")
    with pytest.raises(Misuse, match=r"bureaunet\[traces\]"), traced(bureau):
        pass
