"""Wires the projector: every view with its projector, every policy, the reaper."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from adapters.bootstrap.instance import refuse_unmigrated
from adapters.bootstrap.quota_commands import register_notes
from adapters.event_store import EventMapper
from adapters.follower import Follower, PolicyFollower, Reader, ViewFollower
from adapters.jobs.broker import broker_of
from adapters.jobs.key_rounds import KeyRounds
from adapters.jobs.queue import DramatiqJobQueue
from adapters.months.ahead import MonthsAhead
from adapters.parking import Parking, register_parking
from adapters.postgres.audit_trail import PostgresAuditTrail
from adapters.postgres.call_views import (
    PostgresCallLog,
    PostgresKeyHealths,
)
from adapters.postgres.database import Database
from adapters.postgres.fleet_views import (
    PostgresBotDirectory,
    PostgresBotRoutes,
    PostgresKeyRing,
    PostgresKeyRoutes,
)
from adapters.postgres.notices import PostgresNoticeReaders, PostgresNotices
from adapters.postgres.quotas import PostgresQuotaBalances, PostgresQuotaList
from adapters.postgres.reaper import Reaper
from adapters.postgres.recorder import PostgresRecorder
from adapters.postgres.routing_views import (
    PostgresModelPrices,
    PostgresPastCalls,
    PostgresRoutingShelves,
    PostgresRoutingStatistics,
)
from adapters.postgres.secret_removal import PostgresSecretRemoval
from adapters.postgres.usage_rollup import PostgresUsageRollup
from adapters.postgres.view import PostgresView
from adapters.postgres.view_positions import PostgresPositions
from adapters.postgres.webhooks import PostgresDeliveryPlan
from adapters.settings import Settings
from application import key_states, keys
from application.bus import Bus
from application.event_log import EventLog
from application.looking_after import LookAfterBots
from application.policies import CheckRequestedKeys, FollowVerdicts
from application.ports import JobQueue
from application.quota_notices import WarnOfQuotas
from application.webhook_deliveries import DeliveryPlan
from application.webhooks import PostToWebhooks
from domain.log import CALLS, FLEET
from projections.audit_trail import AuditTrailProjector
from projections.bot_directory import BotDirectoryProjector
from projections.call_log import CallLogProjector
from projections.key_health import KeyHealthProjector
from projections.key_ring import KeyRing, KeyRingProjector
from projections.model_prices import ModelPricesProjector
from projections.notices import NoticeReadersProjector, NoticesProjector
from projections.past_calls import PastCallsProjector
from projections.quota_list import QuotaListProjector
from projections.route_projectors import BotRoutesProjector, KeyRoutesProjector
from projections.routing_shelves import RoutingShelvesProjector
from projections.routing_statistics import RoutingStatisticsProjector
from projections.usage_rollup import UsageRollupProjector
from projections.view import Projector

ROLE = "clawbot_projector"

VIEWS: Mapping[str, tuple[type[Projector[Any]], type[PostgresView[Any]]]] = {
    projector.name: (projector, view)
    for projector, view in (
        (BotDirectoryProjector, PostgresBotDirectory),
        (KeyRingProjector, PostgresKeyRing),
        (BotRoutesProjector, PostgresBotRoutes),
        (KeyRoutesProjector, PostgresKeyRoutes),
        (CallLogProjector, PostgresCallLog),
        (UsageRollupProjector, PostgresUsageRollup),
        (AuditTrailProjector, PostgresAuditTrail),
        (KeyHealthProjector, PostgresKeyHealths),
        (QuotaListProjector, PostgresQuotaList),
        (ModelPricesProjector, PostgresModelPrices),
        (RoutingShelvesProjector, PostgresRoutingShelves),
        (RoutingStatisticsProjector, PostgresRoutingStatistics),
        (PastCallsProjector, PostgresPastCalls),
        (NoticesProjector, PostgresNotices),
        (NoticeReadersProjector, PostgresNoticeReaders),
    )
}


@dataclass(frozen=True, kw_only=True)
class Followers:
    """Everything that moves along the logs, and what is done beside it."""

    readers: Mapping[str, Reader]
    followers: tuple[Follower, ...]
    reaper: Reaper
    key_rounds: KeyRounds
    months_ahead: MonthsAhead
    key_ring: KeyRing
    jobs: JobQueue
    deliveries: DeliveryPlan
    parking: Parking


def event_logs(database: Database) -> dict[str, EventLog]:
    """Both logs, by name."""
    return {
        name: EventLog(name, PostgresRecorder(database, name), EventMapper())
        for name in (FLEET, CALLS)
    }


@contextmanager
def followers(
    settings: Settings, url: str, *, over: threading.Event
) -> Iterator[Followers]:
    """What the projector runs; set `over` before the end, where everything is closed.

    `BadSetup`: the database is not migrated. No master key is needed, and none is read.
    """
    refuse_unmigrated(url)
    # A connection for each follower, and for what else the projector does.
    database = Database(url, role=ROLE, size=len(VIEWS) + 8)
    database.open()
    try:
        with broker_of(settings, url, role=ROLE, over=over) as broker:
            jobs, logs = DramatiqJobQueue(broker), event_logs(database)
            views = (ViewFollower(p(), v(database)) for p, v in VIEWS.values())
            bus, positions = _bus(database, logs[FLEET]), PostgresPositions(database)
            key_ring = PostgresKeyRing(database)
            deliveries = PostgresDeliveryPlan(database)
            post_to_webhooks = PostToWebhooks(logs[FLEET], deliveries, jobs)
            warn_of_quotas = WarnOfQuotas(bus, PostgresQuotaBalances(database))
            yield Followers(
                readers={name: Reader(event_log) for name, event_log in logs.items()},
                followers=(
                    *views,
                    PolicyFollower(CheckRequestedKeys(jobs), positions),
                    PolicyFollower(FollowVerdicts(bus), positions),
                    PolicyFollower(LookAfterBots(jobs), positions),
                    PolicyFollower(warn_of_quotas, positions),
                    PolicyFollower(post_to_webhooks, positions),
                ),
                reaper=Reaper(database, logs[CALLS]),
                key_rounds=KeyRounds(key_ring, bus),
                months_ahead=MonthsAhead(database),
                key_ring=key_ring,
                jobs=jobs,
                deliveries=deliveries,
                parking=Parking(bus, logs[FLEET]),
            )
    finally:
        database.close()


def _bus(database: Database, fleet: EventLog) -> Bus:
    """What policies and time may ask for: nothing that people do."""
    bus = Bus(database.unit_of_work)
    secrets = PostgresSecretRemoval(database)
    bus.register(key_states.ReportKey, partial(key_states.report_key, event_log=fleet))
    bus.register(key_states.RecoverKey, partial(key_states.recover_key, event_log=fleet))
    bus.register(
        key_states.RetireSecrets,
        partial(key_states.retire_secrets, event_log=fleet, secrets=secrets),
    )
    bus.register(keys.CheckProviderKey, partial(keys.check_provider_key, event_log=fleet))
    register_notes(bus, fleet)
    register_parking(bus, fleet)
    return bus
