"""Wires the worker's door: the engine's questions, and the relays of bots."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any
from uuid import UUID

import psycopg
from psycopg_pool import AsyncConnectionPool
from starlette.routing import Route

from adapters.bootstrap.fleet_worker import FleetWorker, engine_instance
from adapters.bootstrap.instance import Opened
from adapters.catalog.equipment_catalog import load_equipment_catalog
from adapters.docker.naming import Naming
from adapters.door.engine_routes import engine_routes
from adapters.door.relay_routes import channel_routes, mcp_routes
from adapters.door.serving import door_when_free
from adapters.door.watching import Housekeeping, Watching
from adapters.door.workspace_routes import workspace_routes
from adapters.postgres.database import GET_CONNECTION_SECONDS, connection_info
from adapters.postgres.open_vault import PostgresOpenVault
from adapters.relays.bots import Bots
from adapters.relays.channel.relay import ChannelRelaying
from adapters.relays.channel.trying import ChannelTrying
from adapters.relays.mcp.fence import PluginFence, fenced
from adapters.relays.mcp.forwarding import Forwarding
from adapters.relays.mcp.plugins import Plugins
from adapters.relays.mcp.relay import McpRelaying
from adapters.relays.mcp.sandbox import Sandbox
from adapters.relays.mcp.servers import Servers
from adapters.relays.outbound import Outbound
from adapters.settings import Settings
from application.event_log import EventLog
from domain.bots import Bot

VAULT_CONNECTIONS = 2


@contextmanager
def worker_door(
    settings: Settings, opened: Opened, fleet: EventLog, bots: FleetWorker
) -> Iterator[None]:
    """The door is open until the block ends, once its port is free.

    Of several workers on one machine one has the door, and when that ends another.
    """

    @asynccontextmanager
    async def opening() -> AsyncIterator[list[Route]]:
        async with AsyncExitStack() as stack:
            yield await _routes(settings, opened, fleet, bots, stack)

    host, port = settings.clawbot_worker_host, settings.clawbot_worker_port
    with door_when_free(opening, host=host, port=port):
        yield


async def _routes(
    settings: Settings,
    opened: Opened,
    fleet: EventLog,
    fleet_worker: FleetWorker,
    stack: AsyncExitStack,
) -> list[Route]:
    secret = opened.instance_keys.get("door")
    bots = Bots(fleet)
    stack.callback(bots.close)
    vault = await _vault(opened, stack)
    outbound = Outbound(egress_allow=settings.egress_allow)
    catalog = load_equipment_catalog()
    plugins = Plugins(fleet, catalog, bots, vault)
    stack.callback(plugins.close)
    sandbox = Sandbox(
        programs=settings.clawbot_plugins_path,
        readable=settings.clawbot_plugins_readable,
        guard=_fence(settings, opened, stack),
    )
    servers = Servers(sandbox, preparing=plugins.ready, wanted=plugins.wanted)
    stack.push_async_callback(servers.close)
    workspaces = fleet_worker.workspaces

    def state_of(bot_id: UUID) -> Bot:
        return fleet.read(Bot(), bot_id).state

    tidying = Housekeeping(
        orphans=fleet_worker.orphans.find,
        clean_up=lambda dry_run: fleet_worker.orphans.clean_up(dry_run=dry_run),
        workspace_in_step=lambda bot_id: workspaces.in_step(bot_id, state_of(bot_id)),
    )
    watching = Watching(fleet_worker.engine, tidying, proxy_url=settings.bots_proxy_url)
    stack.callback(watching.close)
    return [
        *engine_routes(watching, secret),
        *workspace_routes(
            lambda bot_id: workspaces.shown(bot_id, state_of(bot_id)), secret
        ),
        *channel_routes(
            ChannelRelaying(bots, vault, outbound),
            ChannelTrying(bots, vault, outbound, catalog.channels),
            secret,
        ),
        *mcp_routes(
            McpRelaying(bots, servers, Forwarding(outbound, plugins.asked)), secret
        ),
    ]


def _fence(settings: Settings, opened: Opened, stack: AsyncExitStack) -> Callable[[], None]:
    """Plugins are kept to the internet while the door is open."""
    mode = settings.clawbot_plugins_fence
    if mode == "off" or (mode == "auto" and os.geteuid() != 0):
        return lambda: None
    tag = Naming(engine_instance(opened)).tag
    fence = PluginFence(tag, opened=settings.clawbot_plugins_networks)
    stack.callback(fence.remove)
    return fenced(fence, required=mode == "required")


async def _vault(opened: Opened, stack: AsyncExitStack) -> PostgresOpenVault:
    """The worker's side of the vault, in the door's loop."""
    pool = AsyncConnectionPool[psycopg.AsyncConnection[Any]](
        connection_info(opened.database.url, role=opened.database.role),
        kwargs={"autocommit": True},
        min_size=0,
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
    return vault
