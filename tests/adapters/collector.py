"""A collector of traces on loopback: OTLP over HTTP, whose bytes are kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.little_server import Answering, little_server


@dataclass
class Collector:
    """What has come so far."""

    url: str
    paths: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def requests(self) -> list[ExportTraceServiceRequest]:
        return [ExportTraceServiceRequest.FromString(body) for body in self.bodies]

    def spans(self) -> list[Span]:
        return [
            span
            for request in self.requests()
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


def attributes(span: Span) -> dict[str, Any]:
    """By name; each value as what it is."""
    found = {}
    for one in span.attributes:
        kind = one.value.WhichOneof("value")
        assert kind is not None
        found[one.key] = getattr(one.value, kind)
    return found


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector for the time of the block."""

    class Handler(Answering):
        def post(self) -> None:
            collector.paths.append(self.path)
            collector.bodies.append(self.body())
            self.answer(200)

    with little_server(Handler) as url:
        collector = Collector(url=url)
        yield collector
