"""OpenTelemetry spans of what the gateway does with a message: admit, record, consign, handover.

Optional: without `pip install 'bureaunet[traces]'` and `OTEL_EXPORTER_OTLP_ENDPOINT` there is nothing here at work.
Spans are made of the watcher's events after the fact, so the pipeline knows nothing of them; ids follow from the digest
(schemas/tracing.py), so a step that is repeated has the same id. Rules: a span says what the log line says and no more;
sending never holds up a message, and what a collector does not take is dropped, by the library's own bounded queue.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from schemas import tracing
from schemas.errors import Misuse

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""Variables of the environment that ask for traces."""
_SIZE: Final = 32
"""Bytes of a digest."""
_SECONDS: Final = 2.0
"""A batch is sent, tries included, or dropped: a gateway that stops waits no longer for a collector that is away."""
_KEPT: Final = ("operation", "kind", "urgency", "over", "sender", "recipient", "outcome", "reason", "index", "step")
"""Fields of an event that a span says."""


@dataclass(frozen=True, slots=True)
class Spanned:
    """One step of one message. Times are milliseconds since the epoch."""

    name: str
    digest: bytes
    begin: int
    end: int
    party: str = ""
    fields: Mapping[str, str | int] = field(default_factory=dict)
    failed: bool = False


def spans_of(event: str, fields: Mapping[str, str | int], now: int) -> Iterator[Spanned]:
    """The steps that an event tells of; none for most.

    admit is from a message's arrival to the start of its batch, record from then to the commit; consign is the moment
    that a consignment was recorded; handover is from the arrival to the recorded acknowledgement.
    """
    said = {name: fields[name] for name in _KEPT if name in fields}
    took = int(fields.get("milliseconds", 0))
    if event == "consigned":
        for digest in _digests(str(fields.get("digests", ""))):
            yield Spanned("consign", digest, now, now)
        return
    for digest in _digests(str(fields.get("digest", ""))):
        if event == "admitted":
            began = now - took
            decided = min(now, began + int(fields.get("waited", 0)))
            yield Spanned("admit", digest, began, decided, fields=said)
            yield Spanned("record", digest, decided, now, fields=said)
        elif event == "handed-over":
            yield Spanned("handover", digest, now - took, now, str(fields.get("recipient", "")), said)
        elif event == "refused":
            yield Spanned("admit", digest, now, now, fields=said, failed=True)


def _digests(text: str) -> list[bytes]:
    found = [_digest(word) for word in text.split()]
    return [digest for digest in found if len(digest) == _SIZE]


def _digest(word: str) -> bytes:
    try:
        return bytes.fromhex(word)
    except ValueError:
        return b""


class Tracing:
    """Hands spans to OpenTelemetry."""

    def __init__(self, processor: SpanProcessor) -> None:
        """`processor` takes the spans that are over; it samples nothing away by itself."""
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415  # an optional dependency
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415  # as above

        from gateway.tracing_ids import Given  # noqa: PLC0415  # as above

        self._ids = Given()
        resource = Resource.create({"service.name": "bureaunet-gateway"})
        self._provider = TracerProvider(id_generator=self._ids, resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("bureaunet.gateway")

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self | None:
        """What the environment asks for: None where it names no collector.

        Raises:
            Misuse: it does, and the libraries are not installed.
        """
        if not any(environment.get(name) for name in ENDPOINTS):
            return None
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
            from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        except ImportError:
            asked = next(name for name in ENDPOINTS if environment.get(name))
            raise Misuse(f"{asked} asks for traces: pip install 'bureaunet[traces]', or unset it") from None
        return cls(BatchSpanProcessor(OTLPSpanExporter(timeout=_SECONDS)))

    def saw(self, event: str, fields: Mapping[str, str | int], now: int) -> None:
        """Make the spans that an event tells of. `now` is in milliseconds since the epoch."""
        for one in spans_of(event, fields, now):
            self._emit(one)

    def _emit(self, one: Spanned) -> None:
        from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415  # an optional dependency

        context = self._ids.under(one.digest, one.name, one.party)
        attributes = {f"bureaunet.{name}": value for name, value in one.fields.items()}
        attributes["bureaunet.digest"] = one.digest.hex()
        begin = one.begin * 1_000_000
        span = self._tracer.start_span(one.name, context, attributes=attributes, start_time=begin)
        if one.failed:
            span.set_status(Status(StatusCode.ERROR, str(one.fields.get("reason", ""))))
        span.end(one.end * 1_000_000)

    def stop(self) -> None:
        """Send what waits, as far as the collector takes it, and end."""
        self._provider.shutdown()


def joined(fields: Mapping[str, str | int]) -> dict[str, str]:
    """`trace_id` for a log line that names a message, as collectors join logs and traces; nothing else has one."""
    text = fields.get("digest")
    if not isinstance(text, str):
        return {}
    digest = _digest(text) if len(text) == 2 * _SIZE else _only(_digests(text))
    return {"trace_id": tracing.trace_id(digest).to_bytes(16).hex()} if len(digest) == _SIZE else {}


def _only(digests: list[bytes]) -> bytes:
    return digests[0] if len(digests) == 1 else b""
