"""Opens everything that the proxy works with; `proxy/main.py` puts the proxy on top."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from adapters.bootstrap.instance import open_instance
from adapters.catalog.loader import load_catalog
from adapters.catalog.routing_catalog import load_routing_catalog
from adapters.event_store import EventMapper
from adapters.model_limits import ModelLimits, shipped_model_limits
from adapters.outbound import CheckedResolver
from adapters.postgres.database import GET_CONNECTION_SECONDS, connection_info
from adapters.postgres.meter import PostgresMeter
from adapters.postgres.open_vault import PostgresOpenVault
from adapters.postgres.recorder import PostgresRecorder
from adapters.prices import shipped_price_book
from adapters.routes import RouteFollower
from adapters.settings import Settings
from adapters.team_prices import TeamPriceBook
from application.event_log import EventLog
from application.watch import Watch
from domain.catalog import Catalog
from domain.log import FLEET
from domain.routing_catalog import RoutingCatalog

ROLE = "clawbot_proxy"
VAULT_CONNECTIONS = 4


@dataclass(frozen=True, kw_only=True)
class DataPlane:
    """What a running proxy works with."""

    routes: RouteFollower
    meter: PostgresMeter
    vault: PostgresOpenVault
    resolver: CheckedResolver
    worker_resolver: CheckedResolver  # for the worker's door and nothing else
    worker_url: str
    catalog: Catalog
    prices: TeamPriceBook
    limits: ModelLimits
    routing: RoutingCatalog
    token_key: bytes
    pass_key: bytes
    door_key: bytes


@asynccontextmanager
async def data_plane(
    settings: Settings, url: str, watch: Watch
) -> AsyncIterator[DataPlane]:
    """All of it, in the running event loop; at the end all is written and closed."""
    async with AsyncExitStack() as stack:
        yield await _started(settings, url, watch, stack)


async def _started(
    settings: Settings, url: str, watch: Watch, stack: AsyncExitStack
) -> DataPlane:
    """All of it at work; the stack ends it, and what there is of it if it fails here."""
    opened = open_instance(settings, url, role=ROLE, size=4)
    stack.callback(opened.database.close)
    pool = AsyncConnectionPool[psycopg.AsyncConnection[Any]](
        connection_info(url, role=ROLE),
        kwargs={"autocommit": True},
        min_size=1,
        max_size=VAULT_CONNECTIONS,
        timeout=GET_CONNECTION_SECONDS,
        reconnect_timeout=2,
        check=AsyncConnectionPool.check_connection,
        open=False,
    )
    await pool.open()
    stack.push_async_callback(pool.close)
    vault = PostgresOpenVault(pool, opened.envelope)
    stack.callback(vault.close)
    fleet = EventLog(FLEET, PostgresRecorder(opened.database, FLEET), EventMapper())
    shelf = load_routing_catalog().shelf
    routes = RouteFollower(opened.database, fleet, on_key=vault.forget, built_in=shelf)
    stack.push_async_callback(routes.stop)
    meter = PostgresMeter(url, role=ROLE, watch=watch)
    stack.push_async_callback(meter.stop)
    plane = DataPlane(
        routes=routes,
        meter=meter,
        vault=vault,
        resolver=CheckedResolver(egress_allow=settings.egress_allow),
        worker_resolver=CheckedResolver(egress_allow=(settings.worker_url,)),
        worker_url=settings.worker_url,
        catalog=load_catalog(),
        prices=TeamPriceBook(
            await asyncio.to_thread(shipped_price_book),  # half a second of reading
            routes.team_price,
            routes.team_prices_akin,
        ),
        limits=shipped_model_limits(),
        routing=load_routing_catalog(),
        token_key=opened.instance_keys.get("token"),
        pass_key=opened.instance_keys.get("key-check"),
        door_key=opened.instance_keys.get("door"),
    )
    routes.start()
    await meter.start()
    await routes.catch_up()
    return plane
