"""Wires what watches the calls of a process: its numbers, and its traces if they are on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from adapters.catalog.loader import load_catalog
from adapters.metrics.calls import CallNumbers
from adapters.metrics.numbers import ProcessNumbers
from adapters.metrics.series import Gauge, one
from adapters.postgres.meter import PostgresMeter
from adapters.routes import RouteFollower
from adapters.settings import Settings
from application.watch import Both, Watch

log = logging.getLogger(__name__)


@asynccontextmanager
async def watching(settings: Settings, numbers: ProcessNumbers) -> AsyncIterator[Watch]:
    """What is told of calls, until the block ends; they are counted in `numbers`."""
    calls = CallNumbers(vendor.id for vendor in load_catalog().all())
    numbers.add(*calls.families)
    telling = asyncio.create_task(numbers.keep_siblings_told())
    try:
        async with _tracing(settings, numbers.process) as traces:
            yield calls if traces is None else Both(calls, traces)
    finally:
        telling.cancel()
        with suppress(asyncio.CancelledError):
            await telling


@asynccontextmanager
async def _tracing(settings: Settings, process: str) -> AsyncIterator[Watch | None]:
    """Traces, if a collector is named and the extra `otel` is here; else nothing."""
    endpoint = settings.otel_exporter_otlp_endpoint
    if endpoint is None:
        yield None
        return
    try:
        from adapters.tracing import CallTraces  # noqa: PLC0415  # heavy, and an extra
    except ImportError as error:
        log.warning("traces.need_the_extra_otel", extra={"error": str(error)})
        yield None
        return
    traces = CallTraces(endpoint, process)
    try:
        yield traces
    finally:
        await asyncio.to_thread(traces.stop)


def gauges_of(meter: PostgresMeter, routes: RouteFollower) -> tuple[Gauge, ...]:
    """What can be looked up in a running data plane."""
    return (
        Gauge(
            "clawbot_open_calls",
            "Calls that were admitted and have no end yet.",
            read=one(lambda: meter.open_calls),
        ),
        Gauge(
            "clawbot_route_table_lag_seconds",
            "Since the route table was last known to be as new as the log.",
            read=one(lambda: routes.lag_seconds),
        ),
    )
