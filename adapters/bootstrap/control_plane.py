"""Wires the control plane: everything that the api's routes may ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from adapters.bootstrap.commands import bus_of
from adapters.bootstrap.erasures import ledger_of
from adapters.bootstrap.instance import Opened, open_instance
from adapters.bootstrap.quota_commands import register_quotas
from adapters.catalog.equipment_catalog import load_equipment_catalog
from adapters.catalog.loader import load_catalog
from adapters.catalog.routing_catalog import load_routing_catalog
from adapters.door.client import DoorClient
from adapters.erasure_ledger import FileErasures
from adapters.event_store import EventMapper
from adapters.jobs.reached import RabbitmqLook
from adapters.key_check import KeyCheckClient
from adapters.mail import mailer_of
from adapters.outside import CheckedOutside
from adapters.postgres.audit_trail import PostgresAuditTrail
from adapters.postgres.call_views import (
    PostgresCallLog,
    PostgresKeyHealths,
)
from adapters.postgres.database import Database
from adapters.postgres.fleet_views import PostgresBotDirectory, PostgresKeyRing
from adapters.postgres.idempotency import PostgresIdempotency
from adapters.postgres.notices import PostgresNoticeReaders, PostgresNotices
from adapters.postgres.quotas import (
    PostgresQuotaBalances,
    PostgresQuotaList,
    PostgresQuotaTable,
)
from adapters.postgres.reading import look_at, reading_from
from adapters.postgres.recorder import PostgresRecorder
from adapters.postgres.routing_views import (
    PostgresModelPrices,
    PostgresPastCalls,
    PostgresRoutingStatistics,
)
from adapters.postgres.sealed_log import PostgresSealedLog
from adapters.postgres.usage_rollup import PostgresUsageRollup
from adapters.postgres.vault import PostgresInstanceKeys, PostgresPeople, PostgresVault
from adapters.postgres.webhooks import PostgresDeliveryLog
from adapters.price_list import BuiltInPrices
from adapters.probe import VendorProber
from adapters.rates.wiring import counted_by, redis_keeper, request_limits
from adapters.readiness import DatabaseReadiness
from adapters.runtimes import AskedRuntimes
from adapters.sealing.team_bundle import TeamLog
from adapters.settings import Settings
from adapters.sign_in.providers import providers_of
from adapters.sms import texter_of
from application.bus import Bus
from application.event_log import EventLog
from application.identities import SignInProviders
from application.mail import Mailer, Texter
from application.rates import RequestLimits
from application.readiness import Dependency
from application.runtimes import ContainerDefaults
from domain.catalog import Catalog
from domain.equipment_catalog import EquipmentCatalog
from domain.log import CALLS, FLEET
from domain.routing_catalog import RoutingCatalog

ROLE = "clawbot_api"
CONNECTIONS = 12


@dataclass(frozen=True, kw_only=True)
class ControlPlane:
    """What `api.wired.Wired` asks for."""

    bus: Bus
    fleet: EventLog
    calls: EventLog
    bot_directory: PostgresBotDirectory
    key_ring: PostgresKeyRing
    key_health: PostgresKeyHealths
    quota_list: PostgresQuotaList
    quota_balances: PostgresQuotaBalances
    key_models: KeyCheckClient
    prober: VendorProber
    call_log: PostgresCallLog
    usage_rollup: PostgresUsageRollup
    audit_trail: PostgresAuditTrail
    sealed_log: PostgresSealedLog
    team_export: TeamLog
    model_prices: PostgresModelPrices
    price_list: BuiltInPrices
    routing_statistics: PostgresRoutingStatistics
    past_calls: PostgresPastCalls
    notices: PostgresNotices
    notice_readers: PostgresNoticeReaders
    delivery_log: PostgresDeliveryLog
    routing_catalog: RoutingCatalog
    people: PostgresPeople
    erasures: FileErasures
    mailer: Mailer
    texter: Texter
    sign_in_providers: SignInProviders
    public_url: str
    catalog: Catalog
    instance_keys: PostgresInstanceKeys
    egress_allow: tuple[str, ...]
    proxy_base_url: str
    idempotency: PostgresIdempotency
    readiness: DatabaseReadiness
    request_limits: RequestLimits
    runtimes: AskedRuntimes
    fleet_watch: DoorClient
    equipment_catalog: EquipmentCatalog
    outside: CheckedOutside
    container_defaults: ContainerDefaults


@contextmanager
def control_plane(settings: Settings, url: str) -> Iterator[ControlPlane]:
    """The control plane; its connections are closed at the end."""
    redis = redis_keeper(settings.redis_url) if settings.redis_url else None
    with ExitStack() as stack:
        opened = open_instance(settings, url, role=ROLE, size=CONNECTIONS)
        stack.callback(opened.database.close)
        pass_key = opened.instance_keys.get("key-check")
        proxy = KeyCheckClient(settings.bots_proxy_url, pass_key)
        stack.callback(proxy.close)
        door_key = opened.instance_keys.get("door")
        door = DoorClient(settings.worker_url, door_key)
        stack.callback(door.close)
        rates = stack.enter_context(counted_by(url, role=ROLE, redis=redis))
        limits = request_limits(settings, rates)
        more = [redis.look] if redis else []
        if settings.rabbitmq_url:
            more.append(RabbitmqLook(settings.rabbitmq_url).look)
        reading = stack.enter_context(
            reading_from(settings.read_database_url, opened.database, size=CONNECTIONS)
        )
        if reading is not opened.database:
            more.append(partial(look_at, reading))
        yield _wired(settings, opened, reading, proxy, door, limits, more)


def _wired(  # noqa: PLR0913, PLR0917 - what the control plane stands on
    settings: Settings,
    opened: Opened,
    reading: Database,
    proxy: KeyCheckClient,
    door: DoorClient,
    limits: RequestLimits,
    more: Sequence[Callable[[], Dependency]],
) -> ControlPlane:
    database = opened.database
    fleet = EventLog(FLEET, PostgresRecorder(database, FLEET), EventMapper())
    calls = EventLog(CALLS, PostgresRecorder(database, CALLS), EventMapper())
    people = PostgresPeople(database.cursor, opened.envelope)
    vault = PostgresVault(database.cursor, opened.envelope, opened.instance_keys)
    views = {
        "bot_directory": PostgresBotDirectory(database),
        "key_ring": PostgresKeyRing(database),
        "key_health": PostgresKeyHealths(database),
        "quota_list": PostgresQuotaList(database),
        "quota_balances": PostgresQuotaBalances(database),
        "call_log": PostgresCallLog(reading),
        "usage_rollup": PostgresUsageRollup(reading),
        "audit_trail": PostgresAuditTrail(reading),
        "sealed_log": PostgresSealedLog(reading),
        "team_export": TeamLog(reading),
        "model_prices": PostgresModelPrices(database),
        "routing_statistics": PostgresRoutingStatistics(reading),
        "past_calls": PostgresPastCalls(reading),
        "notices": PostgresNotices(database),
        "notice_readers": PostgresNoticeReaders(database),
        "delivery_log": PostgresDeliveryLog(database),
    }
    bus = bus_of(fleet, unit_of_work=database.unit_of_work, vault=vault, people=people)
    register_quotas(bus, fleet, table=PostgresQuotaTable(database))
    return ControlPlane(
        bus=bus,
        fleet=fleet,
        calls=calls,
        people=people,
        erasures=ledger_of(settings),
        mailer=mailer_of(
            settings.clawbot_smtp_url,
            settings.clawbot_data_dir / "mail",
            settings.clawbot_mail_from,
        ),
        texter=texter_of(
            settings.clawbot_sms_url,
            settings.clawbot_data_dir / "sms",
            egress_allow=settings.egress_allow,
        ),
        sign_in_providers=providers_of(
            settings.clawbot_oidc, egress_allow=settings.egress_allow
        ),
        public_url=settings.public_url,
        catalog=load_catalog(),
        price_list=BuiltInPrices(),
        routing_catalog=load_routing_catalog(),
        instance_keys=opened.instance_keys,
        key_models=proxy,
        prober=VendorProber(egress_allow=settings.egress_allow),
        egress_allow=settings.egress_allow,
        proxy_base_url=settings.bots_proxy_url,
        idempotency=PostgresIdempotency(database, opened.instance_keys),
        readiness=DatabaseReadiness(database, {FLEET: fleet, CALLS: calls}, more=more),
        request_limits=limits,
        runtimes=AskedRuntimes(door.engine_status),
        fleet_watch=door,
        equipment_catalog=load_equipment_catalog(),
        outside=CheckedOutside(egress_allow=settings.egress_allow),
        container_defaults=ContainerDefaults(
            image=settings.bot_image,
            allowed_images=settings.bot_images_allowed,
            port_start=settings.bot_port_start,
        ),
        **views,  # type: ignore[arg-type]
    )
