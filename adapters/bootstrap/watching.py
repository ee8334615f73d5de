"""Wires what watches the calls of a process: its numbers, and its traces if they are on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from adapters.catalog.loader import load_catalog
from adapters.metrics.calls import CallNumbers
from adapters.metrics.numbers import ProcessNumbers
from adapters.metrics.series import Gauge, one
from adapters.postgres.meter import PostgresMeter
from adapters.routes import RouteFollower
from application.watch import Watch


@asynccontextmanager
async def watching(numbers: ProcessNumbers) -> AsyncIterator[Watch]:
    """What is told of calls, until the block ends; they are counted in `numbers`."""
    calls = CallNumbers(vendor.id for vendor in load_catalog().all())
    numbers.add(*calls.families)
    telling = asyncio.create_task(numbers.keep_siblings_told())
    try:
        yield calls
    finally:
        telling.cancel()
        with suppress(asyncio.CancelledError):
            await telling


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
