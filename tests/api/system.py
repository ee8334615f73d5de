"""The control plane for tests: in memory or on PostgreSQL, and a client in front of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from adapters import crypto
from adapters.bootstrap.commands import bus_of
from adapters.bootstrap.followers import VIEWS
from adapters.bootstrap.quota_commands import register_quotas
from adapters.catalog.equipment_catalog import load_equipment_catalog
from adapters.catalog.loader import load_catalog
from adapters.catalog.routing_catalog import load_routing_catalog
from adapters.event_store import EventMapper
from adapters.follower import Reader, ViewFollower, catch_up
from adapters.keyring import Keyring
from adapters.master_key import check
from adapters.memory import (
    MemoryBotDirectory,
    MemoryKeyRing,
    MemoryRecorder,
    MemoryRuntimes,
    no_unit_of_work,
)
from adapters.memory_calls import (
    MemoryAuditTrail,
    MemoryCallLog,
    MemoryKeyHealths,
)
from adapters.memory_fleet import MemoryFleetWatch
from adapters.memory_idempotency import MemoryIdempotency
from adapters.memory_mail import MemoryMailer, MemoryTexter
from adapters.memory_notices import MemoryNoticeReaders, MemoryNotices
from adapters.memory_quotas import (
    MemoryQuotaBalances,
    MemoryQuotaList,
    MemoryQuotaTable,
)
from adapters.memory_rates import memory_limits
from adapters.memory_routing import (
    MemoryModelPrices,
    MemoryPastCalls,
    MemoryRoutingStatistics,
)
from adapters.memory_sealing import MemorySealedLog
from adapters.memory_usage import MemoryUsageRollup
from adapters.memory_vault import (
    MemoryErasures,
    MemoryInstanceKeys,
    MemoryPeople,
    MemoryVault,
)
from adapters.memory_vendors import MemoryVendors
from adapters.memory_webhooks import MemoryDeliveries
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
from adapters.postgres.recorder import PostgresRecorder
from adapters.postgres.routing_views import (
    PostgresModelPrices,
    PostgresPastCalls,
    PostgresRoutingStatistics,
)
from adapters.postgres.sealed_log import PostgresSealedLog
from adapters.postgres.usage_rollup import PostgresUsageRollup
from adapters.postgres.vault import PostgresInstanceKeys, PostgresPeople, PostgresVault
from adapters.postgres.webhooks import PostgresDeliveryLog, PostgresDeliveryPlan
from adapters.price_list import BuiltInPrices
from adapters.sealing.team_bundle import TeamLog
from adapters.vault import Envelope, InstanceKeys
from application.balances import QuotaBalances
from application.bus import Bus
from application.event_log import EventLog
from application.idempotency import IdempotencyStore
from application.identities import SignInProviders
from application.ports import ErasureLedger, People
from application.rates import RequestLimits
from application.runtimes import ContainerDefaults
from application.sealing import SealedLog, TeamExport
from application.webhook_deliveries import DeliveryLog, DeliveryPlan
from domain.catalog import Catalog
from domain.equipment_catalog import EquipmentCatalog
from domain.log import CALLS, FLEET
from domain.routing_catalog import RoutingCatalog
from projections.audit_trail import AuditTrail, AuditTrailProjector
from projections.bot_directory import BotDirectory, BotDirectoryProjector
from projections.call_log import CallLog, CallLogProjector
from projections.key_health import KeyHealthProjector, KeyHealths
from projections.key_ring import KeyRing, KeyRingProjector
from projections.model_prices import ModelPrices, ModelPricesProjector
from projections.notices import (
    NoticeReaders,
    NoticeReadersProjector,
    Notices,
    NoticesProjector,
)
from projections.past_calls import PastCalls, PastCallsProjector
from projections.quota_list import QuotaList, QuotaListProjector
from projections.routing_statistics import RoutingStatistics, RoutingStatisticsProjector
from projections.usage_rollup import UsageRollup, UsageRollupProjector
from tests.api.readiness import AllIsWell

KEYRING = Keyring({"k1": crypto.sha256(b"the master key of the api's tests")})
CATALOG = load_catalog()
LOCAL = "http://127.0.0.1:11434"


@dataclass(kw_only=True)
class System:
    """Plays `Wired`. `pump` does what the projector process does."""

    bus: Bus
    fleet: EventLog
    calls: EventLog
    bot_directory: BotDirectory
    key_ring: KeyRing
    key_health: KeyHealths
    quota_list: QuotaList
    quota_balances: QuotaBalances
    call_log: CallLog
    usage_rollup: UsageRollup
    audit_trail: AuditTrail
    sealed_log: SealedLog
    team_export: TeamExport
    model_prices: ModelPrices
    routing_statistics: RoutingStatistics
    past_calls: PastCalls
    notices: Notices
    notice_readers: NoticeReaders
    delivery_plan: DeliveryPlan
    delivery_log: DeliveryLog
    people: People
    instance_keys: InstanceKeys
    idempotency: IdempotencyStore
    followers: list[ViewFollower]
    catalog: Catalog = CATALOG
    sign_in_providers: SignInProviders = field(default_factory=dict)
    public_url: str = "http://testserver"
    egress_allow: tuple[str, ...] = (LOCAL,)
    proxy_base_url: str = "http://127.0.0.1:3101"
    routing_catalog: RoutingCatalog = field(default_factory=load_routing_catalog)
    price_list: BuiltInPrices = field(default_factory=BuiltInPrices)
    erasures: ErasureLedger = field(default_factory=MemoryErasures)
    vendors: MemoryVendors = field(default_factory=lambda: MemoryVendors((LOCAL,)))
    readiness: AllIsWell = field(default_factory=AllIsWell)
    request_limits: RequestLimits = field(default_factory=memory_limits)
    mailer: MemoryMailer = field(default_factory=MemoryMailer)
    texter: MemoryTexter = field(default_factory=MemoryTexter)
    fleet_watch: MemoryFleetWatch = field(default_factory=MemoryFleetWatch)
    equipment_catalog: EquipmentCatalog = field(default_factory=load_equipment_catalog)
    runtimes: MemoryRuntimes = field(default_factory=MemoryRuntimes)
    container_defaults: ContainerDefaults = field(default_factory=ContainerDefaults)

    @property
    def outside(self) -> CheckedOutside:
        return CheckedOutside(egress_allow=self.egress_allow)

    @property
    def prober(self) -> MemoryVendors:
        return self.vendors

    @property
    def key_models(self) -> MemoryVendors:
        return self.vendors

    def pump(self) -> None:
        """Every view is where the logs are."""
        for follower in self.followers:
            for log in follower.logs:
                catch_up(follower, Reader(self.fleet if log == FLEET else self.calls))


def in_memory() -> System:
    """A system that is gone with the test."""
    fleet = EventLog(FLEET, MemoryRecorder(), EventMapper())
    people = MemoryPeople()
    directory, ring, trail = MemoryBotDirectory(), MemoryKeyRing(), MemoryAuditTrail()
    call_log, by_hour = MemoryCallLog(), MemoryUsageRollup()
    healths, prices = MemoryKeyHealths(), MemoryModelPrices()
    statistics, past = MemoryRoutingStatistics(), MemoryPastCalls()
    notices, readers = MemoryNotices(), MemoryNoticeReaders()
    deliveries = MemoryDeliveries()
    calls = EventLog(CALLS, MemoryRecorder(), EventMapper())
    quota_table, quota_list = MemoryQuotaTable(), MemoryQuotaList()
    bus = bus_of(fleet, unit_of_work=no_unit_of_work, people=people, vault=MemoryVault())
    register_quotas(bus, fleet, table=quota_table)
    return System(
        bus=bus,
        fleet=fleet,
        calls=calls,
        quota_list=quota_list,
        quota_balances=MemoryQuotaBalances(quota_table, fleet=fleet, calls=calls),
        bot_directory=directory,
        key_ring=ring,
        key_health=healths,
        call_log=call_log,
        usage_rollup=by_hour,
        audit_trail=trail,
        sealed_log=MemorySealedLog(),
        team_export=MemorySealedLog(),
        model_prices=prices,
        routing_statistics=statistics,
        past_calls=past,
        notices=notices,
        notice_readers=readers,
        delivery_plan=deliveries,
        delivery_log=deliveries,
        people=people,
        instance_keys=MemoryInstanceKeys(),
        idempotency=MemoryIdempotency(),
        followers=[
            ViewFollower(BotDirectoryProjector(), directory),
            ViewFollower(KeyRingProjector(), ring),
            ViewFollower(KeyHealthProjector(), healths),
            ViewFollower(QuotaListProjector(), quota_list),
            ViewFollower(CallLogProjector(), call_log),
            ViewFollower(UsageRollupProjector(), by_hour),
            ViewFollower(AuditTrailProjector(), trail),
            ViewFollower(ModelPricesProjector(), prices),
            ViewFollower(RoutingStatisticsProjector(), statistics),
            ViewFollower(PastCallsProjector(), past),
            ViewFollower(NoticesProjector(), notices),
            ViewFollower(NoticeReadersProjector(), readers),
        ],
    )


@contextmanager
def on_postgres(url: str) -> Iterator[System]:
    """A system as the api process has it, under its role; `pump` is the projector's."""
    api = Database(url, role="clawbot_api", size=8)
    projector = Database(url, role="clawbot_projector", size=2)
    proxy = Database(url, role="clawbot_proxy", size=2)
    for database in (api, projector, proxy):
        database.open()
    try:
        with api.connection() as connection:
            envelope = Envelope(KEYRING, check(connection, KEYRING))
        instance_keys = PostgresInstanceKeys(api.connection, envelope)
        people = PostgresPeople(api.cursor, envelope)
        fleet = EventLog(FLEET, PostgresRecorder(api, FLEET), EventMapper())
        bus = bus_of(
            fleet,
            unit_of_work=api.unit_of_work,
            people=people,
            vault=PostgresVault(api.cursor, envelope, instance_keys),
        )
        register_quotas(bus, fleet, table=PostgresQuotaTable(api))
        yield System(
            bus=bus,
            fleet=fleet,
            quota_list=PostgresQuotaList(api),
            quota_balances=PostgresQuotaBalances(api),
            # The proxy's role: the api may read this log and not write it.
            calls=EventLog(CALLS, PostgresRecorder(proxy, CALLS), EventMapper()),
            bot_directory=PostgresBotDirectory(api),
            key_ring=PostgresKeyRing(api),
            key_health=PostgresKeyHealths(api),
            call_log=PostgresCallLog(api),
            usage_rollup=PostgresUsageRollup(api),
            audit_trail=PostgresAuditTrail(api),
            sealed_log=PostgresSealedLog(api),
            team_export=TeamLog(api),
            model_prices=PostgresModelPrices(api),
            routing_statistics=PostgresRoutingStatistics(api),
            past_calls=PostgresPastCalls(api),
            notices=PostgresNotices(api),
            notice_readers=PostgresNoticeReaders(api),
            delivery_plan=PostgresDeliveryPlan(projector),
            delivery_log=PostgresDeliveryLog(api),
            people=people,
            instance_keys=instance_keys,
            idempotency=PostgresIdempotency(api, instance_keys),
            followers=[
                ViewFollower(projected(), stored(projector))
                for projected, stored in VIEWS.values()
            ],
        )
    finally:
        for database in (api, projector, proxy):
            database.close()
