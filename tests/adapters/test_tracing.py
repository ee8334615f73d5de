"""Spans of calls: what they say, that they arrive, and that nothing is loaded when off."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from uuid import uuid4

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from adapters.bootstrap.watching import watching
from adapters.metrics.numbers import ProcessNumbers
from adapters.settings import Settings
from adapters.tracing import MOST_OPEN, STOP_SECONDS, CallTraces, operation_of
from domain.calls import CallAdmitted, CallSettled
from domain.usage import Usage, UsageSource
from tests.adapters.collector import attributes, collecting
from tests.api.cli.running import ROOT
from tests.projections.given import admitted, facts, settled

ADMITTED = replace(admitted(facts()), streaming=True)
SETTLED = settled(
    facts(),
    Usage(
        input_tokens=100,
        output_tokens=20,
        cache_read_tokens=60,
        cache_write_tokens=5,
        reasoning_tokens=0,
        source=UsageSource.REPORTED,
    ),
    33,
)


def traced(*pairs: tuple[CallAdmitted, CallSettled]) -> list[Span]:
    """The spans that a collector gets of these calls."""
    with collecting() as collector:
        traces = CallTraces(collector.url, "proxy")
        for opened, ended in pairs:
            call_id = uuid4()
            traces.recorded(call_id, opened, 0.001)
            traces.recorded(call_id, ended, 0.001)
        traces.stop()
        assert set(collector.paths) == {"/v1/traces"}
        return collector.spans()


def test_a_span_says_what_the_settlement_knows() -> None:
    before = time.time_ns()
    (span,) = traced((ADMITTED, SETTLED))
    after = time.time_ns()
    said = attributes(span)
    said.pop("clawbot.call.id")
    assert said == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "asked-for",
        "gen_ai.response.model": "gpt-5",
        "gen_ai.request.stream": True,
        "gen_ai.response.time_to_first_chunk": 0.01,
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 60,
        "gen_ai.usage.cache_creation.input_tokens": 5,
        "gen_ai.usage.reasoning.output_tokens": 0,
        "http.response.status_code": 200,
        "clawbot.attempts": 1,
        "clawbot.bot.id": str(SETTLED.facts.bot_id),
        "clawbot.cost_micro_usd": 33,
        "clawbot.outcome": "ok",
        "clawbot.team.id": str(SETTLED.facts.team_id),
        "clawbot.usage.source": "reported",
    }
    assert (span.name, span.kind) == ("chat asked-for", Span.SPAN_KIND_CLIENT)
    assert span.status.code == Status.STATUS_CODE_UNSET
    assert span.end_time_unix_nano - span.start_time_unix_nano == 20_000_000
    assert before - 1_000_000 <= span.end_time_unix_nano <= after


def test_what_is_not_known_has_no_attribute() -> None:
    of = replace(facts(bot=None), model=None, requested_model=None)
    ended = replace(settled(of), http_status=None, first_byte_ms=None)
    (span,) = traced((replace(ADMITTED, facts=of, format=None), ended))
    assert span.name == "call"
    assert not {
        name for name in attributes(span) if "model" in name or ".usage.i" in name
    } | (attributes(span).keys() & {"http.response.status_code", "clawbot.bot.id"})


def test_a_call_that_failed_is_an_error_of_one_word() -> None:
    failed = replace(SETTLED, http_status=429, error="vendor:canary")
    (span,) = traced((ADMITTED, failed))
    assert span.status.code == Status.STATUS_CODE_ERROR
    assert attributes(span)["error.type"] == "vendor-error"
    assert "canary" not in str(span)


def test_vendors_have_the_names_of_the_convention() -> None:
    ended = [settled(facts(vendor=vendor)) for vendor in ("google", "mistral", "yi")]
    spans = traced(*((ADMITTED, one) for one in ended))
    names = [attributes(span)["gen_ai.provider.name"] for span in spans]
    assert names == ["gcp.gemini", "mistral_ai", "yi"]


@pytest.mark.parametrize(
    ("call_format", "path", "operation"),
    [
        ("openai-chat", "v1/chat/completions", "chat"),
        ("openai-embeddings", "v1/embeddings", "embeddings"),
        ("gemini", "v1beta/models/x:generateContent", "generate_content"),
        ("openai-images", "v1/images/edits", "generate_content"),
        ("openai-audio", "v1/audio/speech", "generate_content"),
        ("gemini", "v1beta/models/x:batchEmbedContents", "embeddings"),
        ("cohere-v2", "v2/rerank", "rerank"),
        ("cohere-v2", "v2/chat", "chat"),
        (None, "v1/files", "call"),
    ],
)
def test_an_operation_has_the_word_of_the_convention(
    call_format: str | None, path: str, operation: str
) -> None:
    assert operation_of(replace(ADMITTED, format=call_format, path=path)) == operation


def test_calls_whose_end_never_comes_are_forgotten() -> None:
    traces = CallTraces("http://127.0.0.1:1", "proxy")
    for _ in range(MOST_OPEN + 10):
        traces.recorded(uuid4(), ADMITTED, 0)
    assert len(traces._open) == MOST_OPEN  # noqa: SLF001
    traces.stop()


def test_a_collector_that_is_away_keeps_nobody_waiting() -> None:
    traces = CallTraces("http://127.0.0.1:1", "proxy")
    began = time.monotonic()
    traces.recorded(uuid4(), SETTLED, 0)
    assert time.monotonic() - began < 0.5
    traces.stop()
    assert time.monotonic() - began < STOP_SECONDS + 1


@pytest.mark.anyio
async def test_spans_and_numbers_are_of_the_same_calls() -> None:
    numbers = ProcessNumbers("proxy")
    with collecting() as collector:
        settings = Settings(otel_exporter_otlp_endpoint=collector.url)
        async with watching(settings, numbers) as watch:
            watch.recorded(uuid4(), SETTLED, 0)
            watch.committed(1, 0)
            watch.refused("unauthenticated")
        assert len(collector.spans()) == 1
    text = await numbers.text()
    assert b'clawbot_calls_total{process="proxy",vendor="openai"' in text
    assert b'clawbot_refusals_total{process="proxy",code="unauthenticated"} 1' in text


@pytest.mark.parametrize("installed", [True, False])
def test_without_a_collector_or_without_the_extra_nothing_is_loaded(
    *, installed: bool
) -> None:
    script = f"""
import asyncio, sys
if not {installed}:
    sys.modules["opentelemetry.sdk"] = None
from adapters.bootstrap.watching import watching
from adapters.metrics.numbers import ProcessNumbers
from adapters.settings import Settings
import proxy.main
async def watch():
    endpoint = None if {installed} else "http://127.0.0.1:1"
    settings = Settings(otel_exporter_otlp_endpoint=endpoint)
    async with watching(settings, ProcessNumbers("proxy")) as watch:
        print(type(watch).__name__)
asyncio.run(watch())
print(*(name for name in sys.modules if name.startswith("opentelemetry.sdk.")))
"""
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["CallNumbers"]
    assert ("traces.need_the_extra_otel" in ran.stderr) is not installed
