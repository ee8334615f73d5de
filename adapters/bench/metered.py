"""What the proxy needs in order to be measured: a database, a team with a key and a bot.

Made as the control plane makes them: migrations, vault, commands through the bus.
"""

from __future__ import annotations

import base64
import hmac
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from adapters.bench.asking import PLAIN_MODEL, STREAM_MODEL
from adapters.bootstrap.commands import bus_of
from adapters.bootstrap.instance import open_instance, postgres_folder, prepare
from adapters.bootstrap.quota_commands import register_quotas
from adapters.event_store import EventMapper
from adapters.postgres.embedded import EmbeddedPostgres
from adapters.postgres.quotas import PostgresQuotaTable
from adapters.postgres.recorder import PostgresRecorder
from adapters.postgres.vault import PostgresPeople, PostgresVault
from adapters.settings import Settings
from application.bots import CreateBot
from application.bus import Bus
from application.event_log import Caller, EventLog
from application.keys import AddProviderKey
from application.model_prices import SetModelPrice
from application.ports import Secret
from application.quotas import SetQuota
from domain.bot_events import ProviderLink
from domain.ids import BotId, LinkId, ProviderKeyId, QuotaId, TeamId
from domain.log import FLEET
from domain.model_prices import Rates
from domain.quotas import MOST, Metric, Mode, QuotaSet, Scope, ScopeKind, Window

ROLE = "clawbot_api"


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """A prepared database; `environment` is what its proxy is told, the tokens bots'."""

    environment: dict[str, str]
    token: str
    paced_token: str  # of the bot that calls the upstream of the open streams
    budget_token: str  # of the bot whose every call is under three quotas


@contextmanager
def database(folder: Path) -> Iterator[str]:
    """The URL of a server of our own, its data in the folder."""
    settings = Settings(clawbot_data_dir=folder)
    with EmbeddedPostgres(postgres_folder(settings)) as server:
        yield server.url


def instance(url: str, *, vendor_url: str, paced_url: str) -> Instance:
    """The database is migrated and knows three bots, each with one of the vendors' keys."""
    master_key = "k1:" + base64.b64encode(os.urandom(32)).decode()
    settings = Settings(
        database_url=url,
        bot_master_key=master_key,
        bot_master_key_file=None,
        egress_allow=(vendor_url, paced_url),
    )
    prepare(settings, url)
    opened = open_instance(settings, url, role=ROLE, size=2)
    try:
        token_key = opened.instance_keys.get("token")
        vault = PostgresVault(opened.database.cursor, opened.envelope, opened.instance_keys)
        fleet = EventLog(FLEET, PostgresRecorder(opened.database, FLEET), EventMapper())
        bus = bus_of(
            fleet,
            unit_of_work=opened.database.unit_of_work,
            vault=vault,
            people=PostgresPeople(opened.database.cursor, opened.envelope),
        )
        register_quotas(bus, fleet, table=PostgresQuotaTable(opened.database))
        token = _bot(bus, token_key, "bench", vendor_url)
        paced_token = _bot(bus, token_key, "paced", paced_url)
        budget_token = _bot(bus, token_key, "budgets", vendor_url, quotas=True)
    finally:
        opened.database.close()
    environment = {
        "DATABASE_URL": url,
        "BOT_MASTER_KEY": master_key,
        "EGRESS_ALLOW": f"{vendor_url},{paced_url}",
    }
    return Instance(
        environment=environment,
        token=token,
        paced_token=paced_token,
        budget_token=budget_token,
    )


def _bot(
    bus: Bus, token_key: bytes, name: str, vendor_url: str, *, quotas: bool = False
) -> str:
    """A new team's bot, with a key for the vendor at this URL; its token."""
    token = "cbt_" + secrets.token_urlsafe(32)
    token_hash = hmac.digest(token_key, token.encode(), sha256).hex()
    add_key, create_bot = _commands(name, vendor_url, token_hash)
    by = Caller(actor="system:bench", team_id=add_key.team_id)
    bus.handle(add_key, by=by)
    bus.handle(create_bot, by=by)
    for price in _prices(add_key):
        bus.handle(price, by=by)
    if quotas:
        for command in _quotas(add_key, create_bot):
            bus.handle(command, by=by)
    return token


def _prices(add_key: AddProviderKey) -> Iterator[SetModelPrice]:
    """Calls cost something, as users' do; no price list has the simulator's models."""
    rates = Rates(input=250_000, output=2_000_000)
    for model in (PLAIN_MODEL, STREAM_MODEL):
        yield SetModelPrice(
            team_id=add_key.team_id, vendor=add_key.vendor, model=model, rates=rates
        )


def _quotas(add_key: AddProviderKey, create_bot: CreateBot) -> Iterator[SetQuota]:
    """Of the team, the bot and the key, each of another metric; never used up."""
    team_id = add_key.team_id
    for kind, scope_id, metric, window in (
        (ScopeKind.TEAM, team_id, Metric.TOKENS, Window.MONTH),
        (ScopeKind.BOT, create_bot.bot_id, Metric.COST_MICRO_USD, Window.DAY),
        (ScopeKind.PROVIDER_KEY, add_key.key_id, Metric.REQUESTS, Window.MINUTE),
    ):
        quota = QuotaSet(
            team_id=team_id,
            scope=Scope(kind=kind, id=str(scope_id)),
            metric=metric,
            window=window,
            limit=MOST,
            time_zone="UTC",
            warn_at_permille=None,
            mode=Mode.BLOCK,
        )
        yield SetQuota(quota_id=QuotaId(uuid4()), quota=quota)


def _commands(
    name: str, vendor_url: str, token_hash: str
) -> tuple[AddProviderKey, CreateBot]:
    """A key of a new team, and a bot that may use it for every model."""
    team_id, key_id = TeamId(uuid4()), ProviderKeyId(uuid4())
    add_key = AddProviderKey(
        key_id=key_id,
        team_id=team_id,
        vendor="openai",
        label=name,
        secret=Secret(b"sk-bench-" + secrets.token_hex(16).encode()),
        base_url=vendor_url,
        origin=vendor_url,
        tags=(),
        models=(),
        allow_paths="inference",
    )
    link = ProviderLink(
        link_id=LinkId(uuid4()),
        provider_key_id=key_id,
        vendor=None,
        tag=None,
        models=("*",),
        primary_model=None,
    )
    create_bot = CreateBot(
        bot_id=BotId(uuid4()),
        team_id=team_id,
        hostname=name,
        name=name,
        tags=(),
        links=(link,),
        token_hash=token_hash,
        now=datetime.now(UTC),
    )
    return add_key, create_bot


class CallLog:
    """What the calls log says of a run."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._connection = connection

    def position(self) -> int:
        """The last event's."""
        return self._number("SELECT coalesce(max(notification_id), 0) FROM calls_events")

    def events(self, topic: str) -> int:
        """How many of the topic there are."""
        return self._number("SELECT count(*) FROM calls_events WHERE topic = %s", topic)

    def commits(self, after: int, upto: int) -> int:
        """How many transactions wrote the events between these positions."""
        return self._number(
            "SELECT count(DISTINCT xmin::text) FROM calls_events"
            " WHERE notification_id > %s AND notification_id <= %s",
            after,
            upto,
        )

    def _number(self, query: str, *values: str | int) -> int:
        row = self._connection.execute(query, values).fetchone()
        assert row is not None
        return int(row[0])


@contextmanager
def call_log(url: str) -> Iterator[CallLog]:
    """The log of the calls in that database."""
    with psycopg.connect(url, autocommit=True) as connection:
        yield CallLog(connection)
