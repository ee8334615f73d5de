"""A proxy's route table: loaded from its tables, then as new as the fleet log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest

from adapters import routes
from adapters.bootstrap.followers import VIEWS, event_logs
from adapters.event_store import EventMapper
from adapters.follower import Reader, ViewFollower, catch_up
from adapters.postgres.recorder import PostgresRecorder
from adapters.routes import CATCH_UP_SECONDS, RouteFollower
from application.event_log import EventLog
from domain.bot_events import BotDeleted, BotRoutingSet
from domain.keys import ProviderKeyRemoved
from domain.log import FLEET
from domain.model_prices import ModelPriceRemoved
from domain.routing_policy import FallbackChain, RoutingShelf
from projections.route_table import RouteTable
from tests.databases import url_of
from tests.projections.given import (
    FLEET_HISTORY,
    OTHER_TEAM,
    TEAM,
    Happened,
    bot,
    key,
    token,
)
from tests.projections.given_logs import database, record, recorded
from tests.projections.given_routing import GPT, POLICY, chain_set, price

pytestmark = pytest.mark.anyio


@dataclass
class Scene:
    """A follower at work, and what it told of keys."""

    follower: RouteFollower
    told: list[UUID]

    @property
    def table(self) -> RouteTable:
        return self.follower.table


@asynccontextmanager
async def following(url: str) -> AsyncIterator[Scene]:
    told: list[UUID] = []
    with database(url, "clawbot_proxy") as opened:
        chain = FallbackChain(id="built-in", steps=(GPT,))
        follower = RouteFollower(
            opened,
            event_logs(opened)[FLEET],
            on_key=told.append,
            built_in=RoutingShelf(chains={"built-in": chain}),
        )
        follower.start()
        try:
            await until(lambda: follower.current)
            yield Scene(follower, told)
        finally:
            await follower.stop()


async def until(condition: Callable[[], bool], *, seconds: float = 10) -> float:
    """It is so; how many seconds that took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "it did not come to be"
        await asyncio.sleep(0.005)
    return time.monotonic() - began


def happen(url: str, *happened: Happened) -> None:
    with database(url, "clawbot_api") as api:
        record(event_logs(api)[FLEET], happened)


def bring(url: str, *names: str, upto: int | None = None) -> None:
    """These tables to the log's head, or to a position."""
    with database(url) as opened:
        for name in names:
            projector, view = VIEWS[name]
            follower = ViewFollower(projector(), view(opened))
            catch_up(follower, Reader(event_logs(opened)[FLEET]), upto=upto)


def routed() -> tuple[Happened, ...]:
    policy = BotRoutingSet(policy=POLICY)
    return bot(1, TEAM, policy), (UUID(int=8), [chain_set("ours", TEAM)])


def contents(table: RouteTable) -> tuple[object, ...]:
    return table.bots, table.keys, table.prices.rows, table.shelves.rows


async def test_it_is_the_same_from_the_log_alone_and_from_tables_however_far_they_are(
    database_url: str,
) -> None:
    with recorded(database_url, fleet=FLEET_HISTORY):
        async with following(database_url) as scene:
            from_the_log = contents(scene.table)
            assert scene.follower.position > 0
        assert all(from_the_log)
        tables = tuple(part.projector.name for part in routes.PARTS)
        for views, upto in (
            (tables, 5),  # level with each other
            (tables[:1], 9),  # not level
            (tables, None),  # at the head
        ):
            bring(database_url, *views, upto=upto)
            async with following(database_url) as scene:
                assert contents(scene.table) == from_the_log, (views, upto)


async def test_what_happens_is_known_at_once_and_without_being_asked(
    database_url: str,
) -> None:
    async with following(database_url) as scene:
        now = datetime.now(UTC)
        await asyncio.to_thread(happen, database_url, bot(1, TEAM, token(1, 0)))
        assert await until(lambda: bool(scene.table.bots)) < 0.5
        assert scene.table.use_of("hash-1", now) is not None
        await asyncio.to_thread(happen, database_url, (UUID(int=1), [BotDeleted()]))
        assert await until(lambda: not scene.table.bots) < 0.5
        assert scene.table.use_of("hash-1", now) is None


async def test_a_teams_price_is_in_force_as_soon_as_it_is_set(database_url: str) -> None:
    price_id = UUID(int=9)
    async with following(database_url) as scene:
        await asyncio.to_thread(happen, database_url, (price_id, [price(2, TEAM)]))
        await until(lambda: scene.follower.team_price(TEAM, "openai", "GPT-5") is not None)
        assert scene.follower.team_price(OTHER_TEAM, "openai", "gpt-5") is None
        assert scene.follower.team_price(TEAM, "custom", "gpt-5") is None
        akin = scene.follower.team_prices_akin
        assert len(akin(TEAM, "openai", "gpt-5-2025-08-07")) == 1
        assert not akin(OTHER_TEAM, "openai", "gpt-5-2025-08-07")
        await asyncio.to_thread(happen, database_url, (price_id, [ModelPriceRemoved()]))
        await until(lambda: scene.follower.team_price(TEAM, "openai", "gpt-5") is None)


async def test_a_bots_policy_and_the_teams_entries_are_known_as_soon_as_they_are_set(
    database_url: str,
) -> None:
    async with following(database_url) as scene:
        await asyncio.to_thread(happen, database_url, *routed())
        await until(lambda: scene.table.shelves.version(TEAM) == 1)
        bot_route = scene.table.bots[UUID(int=1)]
        assert (bot_route.routing, bot_route.routing_version) == (POLICY, 2)
        assert set(scene.table.shelves.of(TEAM).chains) == {"built-in", "ours"}
        assert set(scene.table.shelves.of(OTHER_TEAM).chains) == {"built-in"}
        assert scene.table.shelves.version(OTHER_TEAM) == 0


async def test_keys_that_change_or_go_are_told(database_url: str) -> None:
    async with following(database_url) as scene:
        await asyncio.to_thread(happen, database_url, key(7))
        await until(lambda: UUID(int=7) in scene.table.keys)
        scene.told.clear()
        await asyncio.to_thread(happen, database_url, (UUID(int=7), [ProviderKeyRemoved()]))
        await until(lambda: UUID(int=7) not in scene.table.keys)
        assert scene.told == [UUID(int=7)]


async def test_it_keeps_up_by_looking_where_nobody_rings(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psycopg.AsyncConnection, "connect", _no_connection)
    async with following(database_url) as scene:
        await asyncio.to_thread(happen, database_url, bot(1))
        assert await until(lambda: bool(scene.table.bots)) < 2


async def _no_connection(*_: object, **__: object) -> None:
    raise psycopg.OperationalError


async def test_catching_up_reads_what_was_recorded_before_it_was_asked(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psycopg.AsyncConnection, "connect", _no_connection)
    monkeypatch.setattr(routes, "POLL_SECONDS", 60)
    async with following(database_url) as scene:
        for number in range(1, 20):
            await asyncio.to_thread(happen, database_url, bot(number))
            await asyncio.gather(*(scene.follower.catch_up() for _ in range(50)))
            assert len(scene.table.bots) == number


async def test_callers_that_catch_up_at_the_same_time_share_rounds(
    database_url: str,
) -> None:
    reads: list[int] = []

    class Counting(PostgresRecorder):
        def max_notification_id(self) -> int | None:
            reads.append(1)
            return super().max_notification_id()

    with database(database_url, "clawbot_proxy") as opened:
        log = EventLog(FLEET, Counting(opened, FLEET), EventMapper())
        follower = RouteFollower(opened, log, on_key=lambda _: None)
        follower.start()
        await until(lambda: follower.current)
        reads.clear()
        await asyncio.gather(*(follower.catch_up() for _ in range(500)))
        await follower.stop()
    assert 0 < len(reads) < 10


async def test_a_round_that_fails_is_told_and_what_it_left_half_done_is_read_anew(
    database_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with following(database_url) as scene:
        monkeypatch.setattr(scene.follower, "_on_key", _no_room)
        await asyncio.to_thread(happen, database_url, bot(1), key(7))
        await until(lambda: "routes.failed" in caplog.messages)
        monkeypatch.setattr(scene.follower, "_on_key", scene.told.append)
        await until(lambda: scene.told == [UUID(int=7)], seconds=4)
        assert (set(scene.table.bots), set(scene.table.keys)) == (
            {UUID(int=1)},
            {UUID(int=7)},
        )


def _no_room(*_: object) -> None:
    raise MemoryError


async def test_it_says_when_it_is_behind_and_heals_by_itself(
    database_server: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "STALE_SECONDS", 1.5)
    async with following(database_url) as scene:
        shut(database_server, database_url)
        await until(lambda: not scene.follower.current, seconds=5)
        began = time.monotonic()
        await scene.follower.catch_up()
        assert time.monotonic() - began < CATCH_UP_SECONDS + 0.1
        open_again(database_server, database_url)
        happen(database_url, bot(1))
        assert await until(lambda: scene.follower.current) < 5
        await until(lambda: bool(scene.table.bots))
        happen(database_url, bot(2))
        assert await until(lambda: len(scene.table.bots) == 2) < 3


def _as_admin(server: str, statement: str) -> None:
    with psycopg.connect(url_of(server, "postgres"), autocommit=True) as admin:
        admin.execute(statement.encode())


def shut(server: str, url: str) -> None:
    """Nobody can connect to the database, and nobody is connected."""
    name = url.rpartition("/")[2]
    _as_admin(server, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    _as_admin(
        server,
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
    )


def open_again(server: str, url: str) -> None:
    _as_admin(server, f"ALTER DATABASE {url.rpartition('/')[2]} ALLOW_CONNECTIONS true")
