"""Gives OpenTelemetry the ids that follow from a digest. Imported only where its SDK is installed."""

from __future__ import annotations

from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from schemas import tracing


class Given(IdGenerator):
    """The ids of the span that is made next: one at a time, in one thread."""

    def __init__(self) -> None:
        self._trace = self._span = 1

    def under(self, digest: bytes, name: str, party: str = "") -> Context:
        """The context of a message's root span; the next span is this step's."""
        self._trace, self._span = tracing.trace_id(digest), tracing.child_span(digest, name, party)
        root = SpanContext(
            self._trace, tracing.root_span(digest), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)
        )
        return set_span_in_context(NonRecordingSpan(root), Context())

    def generate_span_id(self) -> int:
        """As the SDK asks."""
        return self._span

    def generate_trace_id(self) -> int:
        """As the SDK asks."""
        return self._trace
