"""Spans of calls by OpenTelemetry: one for each, with the `gen_ai.*` attributes.

Only loaded when traces are on; needs the extra `otel`. What a span tells stands in the
call's settlement: counts, names of models, ids; no text, no key, no name of a bot. Spans
are sent by a thread of the SDK's own, which drops them where the collector is too slow.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from uuid import UUID

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes as gen_ai
from opentelemetry.semconv.attributes import error_attributes, http_attributes
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.util.types import AttributeValue

from adapters.metrics.calls import outcome_of
from domain.calls import CallAdmitted, CallEvent, CallSettled
from domain.usage import UNWEIGHED, Usage

STOP_SECONDS = 2.0
MOST_OPEN = 20_000  # calls whose beginning is kept for their span
MILLISECOND = 1_000_000  # nanoseconds
# The convention's names, where they are not ours.
PROVIDERS = {
    "azure-openai": "azure.ai.openai",
    "google": "gcp.gemini",
    "mistral": "mistral_ai",
}


class CallTraces:
    """Plays `Watch`: a span for each settled call."""

    def __init__(self, endpoint: str, process: str) -> None:
        """`endpoint` is the collector's, to which `/v1/traces` is added."""
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        resource = Resource.create({"service.name": f"clawbot-{process}"})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("clawbot")
        self._open: dict[UUID, CallAdmitted] = {}

    def recorded(self, call_id: UUID, event: CallEvent, waited_seconds: float) -> None:
        if isinstance(event, CallAdmitted):
            if len(self._open) >= MOST_OPEN:
                del self._open[next(iter(self._open))]
            self._open[call_id] = event
            return
        admitted = self._open.pop(call_id, None)
        if isinstance(event, CallSettled):
            ended = time.time_ns() - int(waited_seconds * 1000 * MILLISECOND)
            self._trace(call_id, admitted, event, ended)

    def committed(self, size: int, seconds: float) -> None:
        """A commit is of no single call."""

    def refused(self, code: str) -> None:
        """Nothing was asked of a vendor."""

    def stop(self) -> None:
        """Send what is left, for at most `STOP_SECONDS`."""
        # A daemon: a collector that does not answer must not keep the process from ending.
        stopping = threading.Thread(target=self._provider.shutdown, daemon=True)
        stopping.start()
        stopping.join(STOP_SECONDS)

    def _trace(
        self, call_id: UUID, admitted: CallAdmitted | None, event: CallSettled, ended: int
    ) -> None:
        operation, outcome = operation_of(admitted), outcome_of(event)
        model = event.facts.requested_model
        span = self._tracer.start_span(
            f"{operation} {model}" if model else operation,
            kind=SpanKind.CLIENT,
            start_time=ended - event.duration_ms * MILLISECOND,
            attributes={
                gen_ai.GEN_AI_OPERATION_NAME: operation,
                "clawbot.call.id": str(call_id),
                "clawbot.attempts": event.attempts,
                "clawbot.usage.source": event.usage.source.value,
                "clawbot.outcome": outcome,
                **dict(_known(admitted, event)),
            },
        )
        if outcome != "ok":
            span.set_attribute(error_attributes.ERROR_TYPE, outcome)
            span.set_status(Status(StatusCode.ERROR))
        span.end(end_time=ended)


def operation_of(admitted: CallAdmitted | None) -> str:
    """The convention's word for what was asked."""
    if admitted is None or admitted.format is None:
        return "call"
    if "embed" in admitted.path.lower():
        return "embeddings"
    if "rerank" in admitted.path.lower():
        return "rerank"
    several_kinds = admitted.format.startswith("gemini") or admitted.format in UNWEIGHED
    return "generate_content" if several_kinds else "chat"


def _known(
    admitted: CallAdmitted | None, event: CallSettled
) -> Iterator[tuple[str, AttributeValue]]:
    """What is known of the call; what is not has no attribute."""
    facts, first = event.facts, event.first_byte_ms
    streaming = None if admitted is None else admitted.streaming
    found = {
        gen_ai.GEN_AI_PROVIDER_NAME: PROVIDERS.get(facts.vendor, facts.vendor),
        gen_ai.GEN_AI_REQUEST_MODEL: facts.requested_model,
        gen_ai.GEN_AI_RESPONSE_MODEL: facts.model,
        gen_ai.GEN_AI_REQUEST_STREAM: streaming,
        gen_ai.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: first / 1000
        if streaming and first is not None
        else None,
        http_attributes.HTTP_RESPONSE_STATUS_CODE: event.http_status,
        "clawbot.team.id": str(facts.team_id),
        "clawbot.bot.id": str(facts.bot_id) if facts.bot_id else None,
        "clawbot.cost_micro_usd": event.cost_micro_usd,
        **_tokens(event.usage),
    }
    for name, value in found.items():
        if value is not None:
            yield name, value


def _tokens(usage: Usage) -> dict[str, int | None]:
    return {
        gen_ai.GEN_AI_USAGE_INPUT_TOKENS: usage.input_tokens,
        gen_ai.GEN_AI_USAGE_OUTPUT_TOKENS: usage.output_tokens,
        gen_ai.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: usage.cache_read_tokens,
        gen_ai.GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS: usage.cache_write_tokens,
        gen_ai.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: usage.reasoning_tokens,
    }
