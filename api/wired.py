"""What the routes need of the wired system, and how they get at it.

`adapters/bootstrap.py` builds something of this shape; `create_app` keeps it on the app.
"""

from __future__ import annotations

from typing import Annotated, Literal, Protocol

from fastapi import Depends, Request

from application.balances import QuotaBalances
from application.bus import Bus
from application.event_log import EventLog
from application.fleet_watch import FleetWatch
from application.idempotency import IdempotencyStore
from application.identities import SignInProviders
from application.mail import Mailer, Texter
from application.ports import ErasureLedger, KeyModels, People, PriceList, Prober
from application.rates import RequestLimits
from application.readiness import Readiness
from application.runtimes import ContainerDefaults, Runtimes
from application.sealing import SealedLog, TeamExport
from application.skill_sources import Outside
from application.webhook_deliveries import DeliveryLog
from domain.catalog import Catalog
from domain.equipment_catalog import EquipmentCatalog
from domain.routing_catalog import RoutingCatalog
from domain.routing_decision import RoutingRecord
from projections.audit_trail import AuditTrail
from projections.bot_directory import BotDirectory
from projections.call_log import CallLog
from projections.key_health import KeyHealths
from projections.key_ring import KeyRing
from projections.model_prices import ModelPrices
from projections.notices import NoticeReaders, Notices
from projections.past_calls import PastCalls
from projections.quota_list import QuotaList
from projections.route_table import BotRoute, RouteTable
from projections.routing_statistics import RoutingStatistics
from projections.usage_rollup import UsageRollup


class InstanceKeys(Protocol):
    """Random keys of this instance, 32 bytes each, the same for ever."""

    def get(
        self, purpose: Literal["token", "email", "sign-in", "cursor", "link"]
    ) -> bytes: ...


class Wired(Protocol):
    """The system behind the routes."""

    @property
    def bus(self) -> Bus: ...
    @property
    def fleet(self) -> EventLog: ...
    @property
    def calls(self) -> EventLog: ...
    @property
    def bot_directory(self) -> BotDirectory: ...
    @property
    def key_ring(self) -> KeyRing: ...
    @property
    def key_health(self) -> KeyHealths: ...
    @property
    def quota_list(self) -> QuotaList: ...
    @property
    def quota_balances(self) -> QuotaBalances: ...
    @property
    def prober(self) -> Prober: ...
    @property
    def key_models(self) -> KeyModels: ...
    @property
    def call_log(self) -> CallLog: ...
    @property
    def usage_rollup(self) -> UsageRollup: ...
    @property
    def audit_trail(self) -> AuditTrail: ...
    @property
    def sealed_log(self) -> SealedLog: ...
    @property
    def team_export(self) -> TeamExport: ...
    @property
    def model_prices(self) -> ModelPrices: ...
    @property
    def routing_statistics(self) -> RoutingStatistics: ...
    @property
    def past_calls(self) -> PastCalls: ...
    @property
    def notices(self) -> Notices: ...
    @property
    def notice_readers(self) -> NoticeReaders: ...
    @property
    def delivery_log(self) -> DeliveryLog: ...
    @property
    def routing_catalog(self) -> RoutingCatalog: ...
    @property
    def price_list(self) -> PriceList: ...
    @property
    def people(self) -> People: ...
    @property
    def erasures(self) -> ErasureLedger: ...
    @property
    def mailer(self) -> Mailer: ...
    @property
    def texter(self) -> Texter: ...
    @property
    def sign_in_providers(self) -> SignInProviders: ...
    @property
    def public_url(self) -> str: ...
    @property
    def catalog(self) -> Catalog: ...
    @property
    def instance_keys(self) -> InstanceKeys: ...
    @property
    def egress_allow(self) -> tuple[str, ...]: ...
    @property
    def proxy_base_url(self) -> str: ...
    @property
    def idempotency(self) -> IdempotencyStore: ...
    @property
    def readiness(self) -> Readiness: ...
    @property
    def runtimes(self) -> Runtimes: ...
    @property
    def fleet_watch(self) -> FleetWatch: ...
    @property
    def equipment_catalog(self) -> EquipmentCatalog: ...
    @property
    def outside(self) -> Outside: ...
    @property
    def container_defaults(self) -> ContainerDefaults: ...
    @property
    def request_limits(self) -> RequestLimits: ...


def _system(request: Request) -> Wired:
    return request.app.state.system  # type: ignore[no-any-return]


TheSystem = Annotated[Wired, Depends(_system)]


class Rehearsal(Protocol):
    """What the proxy would decide about a call that nobody makes."""

    def decide(
        self, table: RouteTable, bot: BotRoute, path: str, body: bytes
    ) -> RoutingRecord | None:
        """The record that the call would keep; None: no `auto` call has such a path."""


def _rehearsal(request: Request) -> Rehearsal:
    return request.app.state.rehearsal  # type: ignore[no-any-return]


TheRehearsal = Annotated[Rehearsal, Depends(_rehearsal)]
