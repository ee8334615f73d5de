"""Wires the proxy: route table, meter, vault, upstream, and the application in front."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from adapters.bootstrap.instance import open_instance
from adapters.catalog.loader import load_catalog
from adapters.event_store import EventMapper
from adapters.outbound import CheckedResolver
from adapters.postgres.database import GET_CONNECTION_SECONDS, connection_info
from adapters.postgres.meter import PostgresMeter
from adapters.postgres.open_vault import PostgresOpenVault
from adapters.postgres.recorder import PostgresRecorder
from adapters.routes import RouteFollower
from adapters.settings import Settings
from application.event_log import EventLog
from domain.log import FLEET
from proxy.admission import Admission
from proxy.app import Proxy
from proxy.call import Parts
from proxy.upstream import Upstream

ROLE = "clawbot_proxy"
VAULT_CONNECTIONS = 4


@dataclass(frozen=True, kw_only=True)
class DataPlane:
    """A running proxy."""

    proxy: Proxy
    routes: RouteFollower
    meter: PostgresMeter


@asynccontextmanager
async def data_plane(settings: Settings, url: str) -> AsyncIterator[DataPlane]:
    """The proxy in the running event loop; at the end everything is settled and closed."""
    opened = open_instance(settings, url, role=ROLE, size=4)
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
    vault = PostgresOpenVault(pool, opened.envelope)
    meter = PostgresMeter(url, role=ROLE)
    upstream = Upstream(CheckedResolver(egress_allow=settings.egress_allow))
    fleet = EventLog(FLEET, PostgresRecorder(opened.database, FLEET), EventMapper())
    routes = RouteFollower(opened.database, fleet, on_key=vault.forget)
    admission = Admission(
        routes,
        load_catalog(),
        token_key=opened.instance_keys.get("token"),
        pass_key=opened.instance_keys.get("key-check"),
    )
    routes.start()
    await meter.start()
    await routes.catch_up()
    try:
        parts = Parts(meter=meter, vault=vault, upstream=upstream)
        yield DataPlane(proxy=Proxy(admission, parts), routes=routes, meter=meter)
    finally:
        await upstream.close()
        await meter.stop()
        await routes.stop()
        vault.close()
        await pool.close()
        opened.database.close()
