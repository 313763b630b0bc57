"""Traces for OpenTelemetry, if somebody collects them: `OTEL_EXPORTER_OTLP_ENDPOINT` is set and the libraries of
`requirements-tracing.txt` are installed. Otherwise nothing is imported and a step costs one comparison.

A flip is one trace: event or request, service, database, and, though it goes on behind the answer, Cloudflare. A span
has a name and a duration and no attribute: no customer, no path, no value. All the usual `OTEL_...` variables count.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

log = logging.getLogger("cloudcache.tracing")

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


class Tracing:
    """Spans of this process, on their way to a collector."""

    def __init__(self, provider: TracerProvider) -> None:
        self.provider = provider
        self._tracer = provider.get_tracer("cloudcache")

    def span(self, name: str) -> AbstractContextManager[object]:
        """A step within the present one. What it fails with is not recorded: an error's text may name anything."""
        return self._tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False)

    def close(self) -> None:
        """Send what is left."""
        self.provider.shutdown()


def tracing(environ: Mapping[str, str], role: str) -> Tracing | None:
    """The tracing that the environment asks for. Made after a server forked: its sender is a thread."""
    if not environ.get(ENDPOINT):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        log.warning("%s is set, but requirements-tracing.txt is not installed: no traces", ENDPOINT)
        return None
    return traced(BatchSpanProcessor(OTLPSpanExporter()), role)


def traced(processor: SpanProcessor, role: str) -> Tracing:
    """Tracing into this processor."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    provider = TracerProvider(resource=Resource.create({"service.name": f"cloudcache-{role}"}))
    provider.add_span_processor(processor)
    return Tracing(provider)
