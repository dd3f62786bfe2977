import hashlib
import re
import sys
import time

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway.tracing import ENDPOINTS, Tracing, joined
from gateway.watching import Watching
from schemas import tracing
from schemas.errors import Misuse, Reason

DIGEST, OTHER = hashlib.sha256(b"a message").digest(), hashlib.sha256(b"another").digest()
NAMED = DIGEST.hex()


def told(*events: tuple[str, dict[str, str | int]]) -> list[ReadableSpan]:
    """The spans that a gateway makes of these events."""
    exporter = InMemorySpanExporter()
    watching = Watching(Tracing(SimpleSpanProcessor(exporter)))
    for name, fields in events:
        watching.saw(name, **fields)
    watching.stop()
    return list(exporter.get_finished_spans())


def a_life() -> list[ReadableSpan]:
    return told(
        ("admitted", {"digest": NAMED, "kind": "whereabouts.query/1", "waited": 3, "milliseconds": 10}),
        ("consigned", {"digests": f"{OTHER.hex()} {NAMED}", "copies": 2}),
        ("handed-over", {"digest": NAMED, "recipient": "BR", "milliseconds": 2000}),
        ("checkpoint", {"size": 7, "root": NAMED}),
    )


def test_a_message_is_one_trace_under_its_senders_span() -> None:
    mine = [span for span in a_life() if span.attributes and span.attributes["bureaunet.digest"] == NAMED]
    assert [span.name for span in mine] == ["admit", "record", "consign", "handover"]
    for span in mine:
        assert span.context is not None
        assert span.parent is not None
        assert span.context.trace_id == tracing.trace_id(DIGEST)
        assert span.parent.span_id == tracing.root_span(DIGEST)
    assert len({span.context.span_id for span in mine if span.context}) == 4


def test_steps_follow_one_another_in_time() -> None:
    admit, record, _, _, handover = a_life()
    assert admit.start_time is not None
    assert admit.end_time == record.start_time == admit.start_time + 3_000_000
    assert record.end_time == admit.start_time + 10_000_000
    assert handover.start_time is not None
    assert handover.end_time == handover.start_time + 2_000_000_000


def test_a_step_that_is_told_twice_has_one_id_and_each_recipient_its_own() -> None:
    by: list[dict[str, str | int]] = [{"digest": NAMED, "recipient": name, "milliseconds": 1} for name in ("BR", "AR")]
    br, ar = (("handed-over", fields) for fields in by)
    one, again, third = (span.context for span in told(br, br, ar))
    assert one is not None
    assert again is not None
    assert third is not None
    assert one.span_id == again.span_id != third.span_id


def test_a_refusal_is_a_failed_span_with_its_reason_alone() -> None:
    (span,) = told(("refused", {"digest": NAMED, "reason": Reason.SIGNATURE, "step": 8, "invented": "free text"}))
    assert not span.status.is_ok
    assert span.status.description == "signature"
    assert "free text" not in span.to_json()


def test_without_a_collector_nothing_is_traced() -> None:
    assert Tracing.of({}) is None
    assert Tracing.of({ENDPOINTS[0]: ""}) is None


def test_a_collector_without_the_libraries_is_a_wrong_use_said_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace.export", None)  # as where they are not installed
    with pytest.raises(Misuse, match=r"bureaunet\[traces\]"):
        Tracing.of({ENDPOINTS[0]: "http://127.0.0.1:9"})


def test_a_collector_that_is_away_holds_up_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENDPOINTS[0], "http://127.0.0.1:9")
    watching = Watching(Tracing.of({ENDPOINTS[0]: "http://127.0.0.1:9"}))
    began = time.monotonic()
    watching.saw("admitted", digest=NAMED, milliseconds=1)
    assert time.monotonic() - began < 5
    watching.stop()
    assert time.monotonic() - began < 30


def test_log_lines_of_a_message_name_its_trace() -> None:
    assert joined({"digest": NAMED}) == {"trace_id": NAMED[:32]}
    assert joined({"digest": f" {NAMED}\n"}) == {"trace_id": NAMED[:32]}
    assert joined({"digest": f"{NAMED} {NAMED}"}) == {}
    assert joined({"digest": f"{NAMED[:62]}  "}) == {}
    assert joined({"digest": "made up"}) == {}
    assert joined({}) == {}


@pytest.mark.parametrize("digest", [DIGEST, bytes(32)])
def test_ids_have_the_form_of_w3c_trace_context(digest: bytes) -> None:
    version, trace, span, flags = tracing.traceparent(digest).split("-")
    assert (version, flags) == ("00", "01")
    assert re.fullmatch("[0-9a-f]{32}", trace)
    assert re.fullmatch("[0-9a-f]{16}", span)
    assert int(trace, 16) > 0
    assert int(span, 16) > 0
