"""Spans of what a command's bureau does, sent to the collector that the environment names (docs/adr/0015).

Without `OTEL_EXPORTER_OTLP_ENDPOINT` nothing is imported and nothing is made. Spans go out in batches beside the work;
at the end of the command what waits is sent, and what the collector does not take within seconds is dropped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from bureaus.client import Bureau
from schemas.errors import Misuse

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""Variables of the environment that ask for traces."""
_SECONDS: Final = 2.0
"""A batch is sent, tries included, or dropped."""


@contextmanager
def traced(bureau: Bureau) -> Iterator[None]:
    """Make spans of a bureau's steps for as long as the block lasts, where the environment asks for them.

    Raises:
        Misuse: it does, and the libraries are not installed.
    """
    asked = next((name for name in ENDPOINTS if os.environ.get(name)), None)
    if asked is None:
        yield
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  # optional
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415  # as above

        from bureaus.tracing import Tracing  # noqa: PLC0415  # as above
    except ImportError:
        raise Misuse(f"{asked} asks for traces: pip install 'bureaunet[traces]', or unset it") from None
    tracing = Tracing(BatchSpanProcessor(OTLPSpanExporter(timeout=_SECONDS)))
    bureau.on_step(tracing.saw)
    try:
        yield
    finally:
        tracing.stop()
