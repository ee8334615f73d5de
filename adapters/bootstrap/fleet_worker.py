"""Wires what looks after bots: the engine, their folders, the reconciler and its loop."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID, uuid5

from adapters.bootstrap.instance import Opened
from adapters.catalog.equipment_catalog import load_equipment_catalog
from adapters.catalog.loader import load_catalog
from adapters.catalog.routing_catalog import load_routing_catalog
from adapters.crypto import hmac_sha256
from adapters.docker.engine import DockerEngine
from adapters.docker.naming import proxy_url
from adapters.docker.setup import EngineSetup
from adapters.docker.swarm import SwarmEngine
from adapters.docker.transport import EngineAddress
from adapters.model_limits import shipped_model_limits
from adapters.no_engine import NoEngine
from adapters.postgres.fleet_views import PostgresBotDirectory, PostgresKeyRing
from adapters.postgres.opened_secrets import PostgresOpenedSecrets
from adapters.reconciler.gateways import GatewayReaders
from adapters.reconciler.locks import PostgresBotLocks
from adapters.reconciler.loop import ReconcilerLoop
from adapters.reconciler.roll import DirectoryRoll
from adapters.settings import Settings
from adapters.workspace.store import WorkspaceFolders, container_user
from adapters.workspace.team_keys import RingOfKeys
from adapters.workspace.workspaces import KeptWorkspaces
from application.bus import Bus
from application.container_tokens import ContainerTokens
from application.engines import Engine
from application.event_log import EventLog
from application.orphans import Orphans
from application.reconciling import Reconciler
from application.workspace_facts import FactsOfBots, Sources
from application.workspace_models import LinkedModels

ENGINE = "engine"  # what the labels' instance id is made from, with the instance's own
TOKEN_PREFIX = "cbt_"  # noqa: S105 - as `api/tokens.py` makes them
TOKEN_BYTES = 32


@dataclass(frozen=True, kw_only=True)
class FleetWorker:
    """What a worker does for bots that have a container."""

    engine: Engine
    workspaces: KeptWorkspaces
    orphans: Orphans
    loop: ReconcilerLoop


@contextmanager
def fleet_worker(
    settings: Settings,
    opened: Opened,
    fleet: EventLog,
    bus: Bus,
    *,
    over: threading.Event,
) -> Iterator[FleetWorker]:
    """The parts, of which nothing runs yet; set `over` before the end."""
    with ExitStack() as stack:
        engine = _engine(settings, opened)
        stack.callback(engine.close)
        locks = PostgresBotLocks(opened.database.url, role=opened.database.role)
        stack.callback(locks.close)
        workspaces = _workspaces(settings, opened, fleet)
        directory = PostgresBotDirectory(opened.database)
        roll = DirectoryRoll(partial(directory.of_runtime, engine.name), engine.name)
        readers = GatewayReaders(workspaces.gateway_token)
        reconciler = Reconciler(
            engine=engine,
            workspaces=workspaces,
            readers=readers,
            tokens=_tokens(settings, opened, workspaces, bus),
            roll=roll,
            locks=locks,
            event_log=fleet,
            bus=bus,
            clock=lambda: datetime.now(UTC),
        )
        yield FleetWorker(
            engine=engine,
            workspaces=workspaces,
            orphans=Orphans(
                engine=engine, workspaces=workspaces, roll=roll, event_log=fleet
            ),
            loop=ReconcilerLoop(reconciler, engine, stop=over),
        )


def _engine(settings: Settings, opened: Opened) -> DockerEngine | SwarmEngine | NoEngine:
    if settings.clawbot_runtime == "external":
        return NoEngine()
    setup, address = engine_setup(settings, opened), engine_address(settings)
    if settings.clawbot_runtime == SwarmEngine.name:
        return SwarmEngine(setup, address, proxy_container=settings.clawbot_swarm_proxy)
    return DockerEngine(setup, address)


def engine_address(settings: Settings) -> EngineAddress:
    """Where the settings say that the engine is."""
    return EngineAddress(
        host=settings.docker_host,
        tls_verify=settings.docker_tls_verify,
        cert_path=settings.docker_cert_path,
    )


def engine_instance(opened: Opened) -> UUID:
    """The instance's id on engines and in the host's firewall, which is no secret."""
    return uuid5(opened.envelope.instance_id, ENGINE)


def engine_setup(settings: Settings, opened: Opened) -> EngineSetup:
    """What the engine is told of this instance."""
    return EngineSetup(
        instance=engine_instance(opened),
        data_dir=bot_data_dir(settings),
        secrets_dir=bot_secrets_dir(settings),
        images_allowed=(settings.bot_image, *settings.bot_images_allowed),
        proxy_address=settings.clawbot_proxy_host,
        proxy_port=settings.clawbot_proxy_port,
        user=container_user(),
        subnets=settings.clawbot_bot_subnets,
        dns=settings.clawbot_bot_dns,
        has_firewall=settings.clawbot_bot_firewall,
        constraints=settings.clawbot_swarm_constraints,
    )


def bot_data_dir(settings: Settings) -> Path:
    """Where bots' folders are."""
    return settings.bot_data_dir or settings.clawbot_data_dir / "bots"


def bot_secrets_dir(settings: Settings) -> Path:
    """Where the secrets of bots' containers are."""
    return settings.bot_secrets_dir or settings.clawbot_data_dir / "bot-secrets"


def _workspaces(settings: Settings, opened: Opened, fleet: EventLog) -> KeptWorkspaces:
    store = WorkspaceFolders(bot_data_dir(settings), bot_secrets_dir(settings))
    sources = Sources(
        event_log=fleet,
        equipment=load_equipment_catalog(),
        models=LinkedModels(
            load_catalog(), load_routing_catalog(), shipped_model_limits().output_limit
        ),
        keys=RingOfKeys(PostgresKeyRing(opened.database)),
        vault=PostgresOpenedSecrets(opened.database, opened.envelope),
        surrogate_key=opened.instance_keys.get("door"),
        proxy_url=proxy_url(settings.clawbot_proxy_port),
    )
    return KeptWorkspaces(store, FactsOfBots(sources))


def _tokens(
    settings: Settings, opened: Opened, workspaces: KeptWorkspaces, bus: Bus
) -> ContainerTokens:
    key, ttl = opened.instance_keys.get("token"), settings.proxy_token_ttl
    return ContainerTokens(
        workspaces=workspaces,
        bus=bus,
        make=lambda: TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES),
        hash_of=lambda token: hmac_sha256(key, token.encode()).hex(),
        life=timedelta(seconds=ttl) if ttl else None,
    )
