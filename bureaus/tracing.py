"""OpenTelemetry spans of what a bureau does with a message: ask and handle. Needs `pip install 'bureaunet[traces]'`.

    bureau = Bureau.open(home)
    tracing = Tracing(BatchSpanProcessor(OTLPSpanExporter()))
    bureau.on_step(tracing.saw)

Ids follow from the message's digest (schemas/tracing.py): the gateway's spans and the recipient's are in the same
trace, and nothing travels beside the message. A program that has spans of its own notes
`schemas.tracing.traceparent(sent.digest)` in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, Status, StatusCode, TraceFlags, set_span_in_context

from bureaus.steps import Step, StepName
from schemas import tracing

_MILLION: Final = 1_000_000


class _Given(IdGenerator):
    """The ids of the span that is made next: one at a time, in one thread."""

    def __init__(self) -> None:
        self.trace = self.span = 1

    def generate_span_id(self) -> int:
        return self.span

    def generate_trace_id(self) -> int:
        return self.trace


class Tracing:
    """Hands a bureau's steps to OpenTelemetry."""

    def __init__(self, processor: SpanProcessor) -> None:
        """`processor` takes the spans that are over."""
        self._ids = _Given()
        resource = Resource.create({"service.name": "bureaunet-bureau"})
        self._provider = TracerProvider(id_generator=self._ids, resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("bureaunet.bureau")

    def saw(self, step: Step) -> None:
        """Make the span of one step."""
        span = self._tracer.start_span(
            step.name, self._context(step), attributes=_attributes(step), start_time=step.begin * _MILLION
        )
        if step.reason is not None:
            span.set_status(Status(StatusCode.ERROR, step.reason))
        span.end(step.end * _MILLION)

    def _context(self, step: Step) -> Context:
        """None above the root, which is ours where we sent the message."""
        self._ids.trace = tracing.trace_id(step.digest)
        root = tracing.root_span(step.digest)
        if step.name is StepName.ASK:
            self._ids.span = root
            return Context()
        self._ids.span = tracing.child_span(step.digest, step.name, step.party)
        sampled = TraceFlags(TraceFlags.SAMPLED)
        above = SpanContext(self._ids.trace, root, is_remote=True, trace_flags=sampled)
        return set_span_in_context(NonRecordingSpan(above), Context())

    def stop(self) -> None:
        """Send what waits, as far as the collector takes it, and end."""
        self._provider.shutdown()


def _attributes(step: Step) -> Mapping[str, str]:
    said = {**step.fields, "party": step.party, "digest": step.digest.hex()}
    return {f"bureaunet.{name}": value for name, value in said.items()}
