"""Keeps a process's route table current: loaded from its tables, then fed by the fleet log.

Pages are read in a thread and folded in the event loop, so that the table never changes
under a call that is looking. `LISTEN` rings at once; a poll every second rings anyway.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import psycopg

from adapters.postgres.database import Database, connection_info
from adapters.postgres.fleet_views import PostgresBotRoutes, PostgresKeyRoutes
from adapters.postgres.routing_views import (
    PostgresModelPrices,
    PostgresRoutingShelves,
)
from adapters.postgres.view import PostgresView
from application.event_log import EventLog
from domain.errors import Unavailable
from domain.log import Page
from domain.routing_policy import RoutingShelf
from projections.model_prices import ModelPricesProjector, TeamPrice
from projections.route_projectors import BotRoutesProjector, KeyRoutesProjector
from projections.route_table import RouteTable
from projections.routing_shelves import NOTHING, RoutingShelvesProjector
from projections.view import Projector

log = logging.getLogger(__name__)

PAGE = 1000
POLL_SECONDS = 1.0
STALE_SECONDS = 5.0
CATCH_UP_SECONDS = 0.25


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """One view of the fleet log that the table is made of, by the id of its rows."""

    projector: Projector[Any]
    view: type[PostgresView[Any]]
    rows: Callable[[RouteTable], Mapping[UUID, Any]]
    put: Callable[[RouteTable, UUID, Any], None]

    def take(self, table: RouteTable, page: Page) -> list[UUID]:
        """The table's rows are as they are after the page; the ids of those it changed."""
        rows = self.rows(table)
        before = {
            key: rows[row_id]
            for key in self.projector.keys(page)
            if (row_id := cast("UUID", key[0])) in rows
        }
        changed = self.projector.fold(page, before)
        for key, row in changed.items():
            self.put(table, cast("UUID", key[0]), row)
        return [cast("UUID", key[0]) for key in changed]


KEYS = Part(
    projector=KeyRoutesProjector(),
    view=PostgresKeyRoutes,
    rows=lambda table: table.keys,
    put=RouteTable.put_key,
)
PRICES = Part(
    projector=ModelPricesProjector(),
    view=PostgresModelPrices,
    rows=lambda table: table.prices.rows,
    put=lambda table, price_id, row: table.prices.put(price_id, row),
)
PARTS = (
    Part(
        projector=BotRoutesProjector(),
        view=PostgresBotRoutes,
        rows=lambda table: table.bots,
        put=RouteTable.put_bot,
    ),
    KEYS,
    PRICES,
    Part(
        projector=RoutingShelvesProjector(),
        view=PostgresRoutingShelves,
        rows=lambda table: table.shelves.rows,
        put=lambda table, team_id, row: table.shelves.put(team_id, row),
    ),
)


class RouteFollower:
    """Plays `Routes` of the proxy; lives in one event loop."""

    def __init__(
        self,
        database: Database,
        event_log: EventLog,
        on_key: Callable[[UUID], None],
        built_in: RoutingShelf = NOTHING,
    ) -> None:
        """`on_key` is told of each key that changed or went."""
        self._database = database
        self._event_log = event_log
        self._on_key = on_key
        self._built_in = built_in
        self._table = RouteTable(built_in=built_in)
        self._position = 0
        self._loaded = False
        self._confirmed = -STALE_SECONDS
        self._wake = asyncio.Event()
        self._round_over = asyncio.Condition()
        self._rounds_begun = 0
        self._rounds_done = 0
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def table(self) -> RouteTable:
        return self._table

    def team_price(self, team_id: UUID, vendor: str, model: str) -> TeamPrice | None:
        """What the team pays for the model, if it has a price of its own for it."""
        return self._table.prices.of(team_id, vendor, model)

    def team_prices_akin(
        self, team_id: UUID, vendor: str, model: str
    ) -> Collection[TeamPrice]:
        """What it pays for the model by any of its names, dated or not."""
        return self._table.prices.akin(team_id, vendor, model)

    @property
    def current(self) -> bool:
        return time.monotonic() - self._confirmed < STALE_SECONDS

    @property
    def lag_seconds(self) -> float:
        """How long ago the log's head was last confirmed."""
        return time.monotonic() - self._confirmed

    @property
    def position(self) -> int:
        """How far the fleet log was read."""
        return self._position

    def start(self) -> None:
        """Load, then keep up until stopped."""
        self._tasks = [
            asyncio.create_task(self._keep_up(), name="routes"),
            asyncio.create_task(self._listen(), name="routes-listen"),
        ]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def catch_up(self) -> None:
        """A round that began after now is over, or 250 ms are; callers share rounds."""
        wanted = self._rounds_begun + 1
        self._wake.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CATCH_UP_SECONDS), self._round_over:
                await self._round_over.wait_for(lambda: self._rounds_done >= wanted)

    async def _keep_up(self) -> None:
        while True:
            self._wake.clear()
            self._rounds_begun += 1
            began = time.monotonic()
            try:
                await self._round()
                self._confirmed = began
            except Unavailable:
                log.warning("routes.behind", extra={"position": self._position})
            except Exception:  # without rounds every call would be refused, for good
                log.exception("routes.failed", extra={"position": self._position})
                self._loaded = False
            self._rounds_done = self._rounds_begun
            async with self._round_over:
                self._round_over.notify_all()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._wake.wait()

    async def _round(self) -> None:
        if not self._loaded:
            self._table, self._position = await asyncio.to_thread(self._load)
            self._loaded = True
        while True:
            page = await asyncio.to_thread(
                self._event_log.page, after=self._position, limit=PAGE
            )
            self._fold(page)
            if page.upto == self._position:
                return
            self._position = page.upto

    def _load(self) -> tuple[RouteTable, int]:
        """The tables as of one moment; the log is read on from the one that is behind.

        Only rows at one position may be folded on, so tables that are not level with each
        other are left alone, and the log is read from its beginning.
        """
        table = RouteTable(built_in=self._built_in)
        views = [part.view(self._database) for part in PARTS]
        with self._database.snapshot():
            positions = {view.position(self._event_log.name) for view in views}
            if len(positions) > 1:
                return table, 0
            for part, view in zip(PARTS, views, strict=True):
                for row in view.every():
                    part.put(table, getattr(row, row.KEY[0]), row)
        return table, positions.pop()

    def _fold(self, page: Page) -> None:
        for part in PARTS:
            changed = part.take(self._table, page)
            if part is KEYS:
                for key_id in changed:
                    self._on_key(key_id)

    async def _listen(self) -> None:
        info = connection_info(self._database.url, role=self._database.role)
        while True:
            try:
                connection = await psycopg.AsyncConnection[Any].connect(
                    info, autocommit=True
                )
                async with connection:
                    await connection.execute("LISTEN fleet_events")
                    self._wake.set()
                    async for _ in connection.notifies():
                        self._wake.set()
            except (psycopg.Error, OSError) as error:
                log.warning("routes.not_listening", extra={"error": repr(error)})
            await asyncio.sleep(POLL_SECONDS)
