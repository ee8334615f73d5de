"""Quotas in PostgreSQL: limit and event are one, balances are seen with the logs."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

import adapters.postgres.quotas
from adapters.bootstrap.followers import event_logs
from adapters.bootstrap.quota_commands import register_quotas
from adapters.postgres.database import Database
from adapters.postgres.quotas import PostgresQuotaBalances, PostgresQuotaTable
from application.bus import Bus
from application.event_log import Caller
from application.quotas import EditQuota, Raise, RemoveQuota, SetQuota
from domain.errors import ConcurrentChange, InvalidFields
from domain.holds import Balance
from domain.ids import QuotaId, TeamId
from domain.log import CALLS, FLEET
from domain.quotas import QuotaIsSetAlready, Window
from domain.windows import EPOCH, window_of
from tests.held_calls import HeldCalls, quota_of

TEAM = TeamId(uuid4())
ALICE = Caller("user:alice", team_id=TEAM, correlation_id="request-1")


class Quotas:
    """The control plane's quotas, under its role."""

    def __init__(self, database: Database) -> None:
        self.logs = event_logs(database)
        self.table = PostgresQuotaTable(database)
        self.balances = PostgresQuotaBalances(database)
        self.bus = Bus(database.unit_of_work)
        register_quotas(self.bus, self.logs[FLEET], table=self.table)

    def set(self, window: Window = Window.TOTAL, time_zone: str = "UTC") -> QuotaId:
        quota_id = QuotaId(uuid4())
        quota = replace(quota_of(TEAM, window), time_zone=time_zone)
        self.bus.handle(SetQuota(quota_id=quota_id, quota=quota), by=ALICE)
        return quota_id

    def edit(self, quota_id: QuotaId, limit: int | None, raised: Raise | None) -> None:
        command = EditQuota(
            quota_id=quota_id,
            team_id=TEAM,
            limit=limit,
            warn=True,
            warn_at_permille=None,
            mode=None,
            raised=raised,
            expected_version=None,
            now=datetime.now(UTC),
        )
        self.bus.handle(command, by=ALICE)


@pytest.fixture
def api(database_url: str) -> Iterator[Database]:
    database = Database(database_url, role="clawbot_api", size=6)
    database.open()
    yield database
    database.close()


@pytest.fixture
def quotas(api: Database) -> Quotas:
    return Quotas(api)


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        return connection.execute(query.encode()).fetchall()


def booked(url: str, quota_id: UUID, balance: Balance, start: datetime = EPOCH) -> None:
    """The balance as calls would have left it, written under the proxy's role."""
    with psycopg.connect(url) as connection:
        connection.execute("SET ROLE clawbot_proxy")
        connection.execute(
            "INSERT INTO quota_balance (quota_id, window_start, settled, held) "
            "VALUES (%s, %s, %s, %s)",
            (quota_id, start, balance.settled, balance.held),
        )


def test_the_table_says_what_the_events_say(quotas: Quotas, database_url: str) -> None:
    quota_id = quotas.set(Window.DAY)
    until = datetime.now(UTC) + timedelta(hours=1)
    quotas.edit(quota_id, 50, Raise(by=7, until=until))
    found = rows(database_url, "SELECT * FROM quota")
    scope = f"{TEAM}:team:{TEAM}"
    assert found == [
        (
            *(quota_id, TEAM, "team", str(TEAM), scope, "tokens", "day", "UTC"),
            *(50, 7, until, None, "block", 3),
        )
    ]
    quotas.edit(quota_id, None, Raise(by=0, until=until))
    ended = rows(database_url, 'SELECT "limit", raised_by, raised_until FROM quota')
    assert ended == [(50, 0, None)]
    command = RemoveQuota(quota_id=quota_id, team_id=TEAM, expected_version=None)
    quotas.bus.handle(command, by=ALICE)
    assert rows(database_url, "SELECT * FROM quota") == []


def test_a_limit_is_not_in_force_without_its_event(
    quotas: Quotas, database_url: str
) -> None:
    quota_id = quotas.set()
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE fleet_events ADD CHECK (topic <> 'quota.edited')")
    with pytest.raises(psycopg.errors.CheckViolation):
        quotas.edit(quota_id, 5, None)
    assert rows(database_url, 'SELECT "limit", version FROM quota') == [(100, 1)]


def test_an_event_is_not_recorded_without_its_limit(
    quotas: Quotas, database_url: str
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE quota ADD CHECK (metric <> 'tokens')")
    with pytest.raises(psycopg.errors.CheckViolation):
        quotas.set()
    assert quotas.logs[FLEET].head() == 0


def test_a_zone_that_the_database_does_not_know_is_refused(
    quotas: Quotas, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.quotas.time_zones", lambda: frozenset({"Europe/Atlantis"}))
    with pytest.raises(InvalidFields) as refused:
        quotas.set(time_zone="Europe/Atlantis")
    assert refused.value.codes == {"time_zone": "unknown"}
    assert quotas.logs[FLEET].head() == 0


def test_of_the_same_quota_set_by_many_at_once_one_is_set(quotas: Quotas) -> None:
    def set_one(_: int) -> QuotaId | None:
        try:
            return quotas.set(Window.MONTH)
        except (QuotaIsSetAlready, ConcurrentChange):
            return None

    with ThreadPoolExecutor(6) as pool:
        outcome = list(pool.map(set_one, range(6)))
    (one,) = [quota_id for quota_id in outcome if quota_id is not None]
    assert quotas.table.count(TEAM) == 1
    assert quotas.balances.now(TEAM, one) is not None


def test_quotas_are_counted_by_team(quotas: Quotas) -> None:
    for window in (Window.DAY, Window.HOUR):
        quotas.set(window)
    assert (quotas.table.count(TEAM), quotas.table.count(uuid4())) == (2, 0)


def test_a_balance_is_seen_with_the_limit_in_force_and_both_positions(
    quotas: Quotas, database_url: str
) -> None:
    quota_id = quotas.set()
    later = datetime.now(UTC) + timedelta(hours=1)
    quotas.edit(quota_id, 50, Raise(by=7, until=later))
    unused = quotas.balances.now(TEAM, quota_id)
    assert unused is not None
    assert (unused.balance.settled, unused.balance.held) == (0, 0)
    booked(database_url, quota_id, Balance(settled=3, held=4))
    seen = quotas.balances.now(TEAM, quota_id)
    assert seen is not None
    assert (seen.fleet, seen.calls) == (quotas.logs[FLEET].head(), 0)
    balance = seen.balance
    assert (balance.limit, balance.settled, balance.held) == (57, 3, 4)
    assert (balance.window_start, balance.window_end) == (EPOCH, None)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE quota SET raised_until = now() - interval '1 second'")
    over = quotas.balances.now(TEAM, quota_id)
    assert over is not None
    assert over.balance.limit == 50
    assert quotas.balances.now(uuid4(), quota_id) is None
    assert quotas.balances.now(TEAM, uuid4()) is None


def test_a_balance_is_that_of_the_present_window(quotas: Quotas, database_url: str) -> None:
    quota_id = quotas.set(Window.MONTH, "Asia/Shanghai")
    start, end = window_of(Window.MONTH, "Asia/Shanghai", datetime.now(UTC))
    booked(database_url, quota_id, Balance(settled=3), start)
    booked(database_url, quota_id, Balance(settled=9), start - timedelta(days=31))
    seen = quotas.balances.now(TEAM, quota_id)
    assert seen is not None
    assert (seen.balance.settled, seen.balance.window_end) == (3, end)


def test_balances_of_several_windows_come_at_once_but_those_of_removed_quotas(
    quotas: Quotas, database_url: str
) -> None:
    first, second, gone = quotas.set(), quotas.set(Window.DAY), uuid4()
    for quota_id in (first, second, gone):
        booked(database_url, quota_id, Balance(settled=1, held=2))
    asked = [(one, EPOCH) for one in (first, second, gone, uuid4())]
    found = quotas.balances.of([*asked, (first, EPOCH + timedelta(days=1))])
    assert {one.quota_id for one in found} == {first, second}
    assert {(one.settled, one.held, one.limit) for one in found} == {(1, 2, 100)}
    assert quotas.balances.of([]) == []


def test_calls_that_name_a_quota_are_found_in_the_log(
    quotas: Quotas, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapters.postgres.quotas, "PAGE", 2)
    proxy = Database(database_url, role="clawbot_proxy", size=1)
    proxy.open()
    try:
        log = event_logs(proxy)[CALLS]
        mine, other = (HeldCalls(log, uuid4(), quota_of(TEAM)) for _ in range(2))
        mine.used(5)
        other.used(7)
        mine.refused(200)
        mine.admitted(3)
    finally:
        proxy.close()
    quota_id = mine.hold(0).quota_id

    def positions(after: int, upto: int) -> list[int]:
        found = quotas.balances.mentions(quota_id, after=after, upto=upto)
        return [one.position for one in found]

    assert positions(0, 100) == [1, 2, 5, 6]
    assert positions(1, 4) == [2]
    back = quotas.balances.holds_back(quota_id, after=0, upto=100)
    assert [one.position for one in back] == [6, 1]
    head, table = quotas.balances.snapshot()
    assert (head, table) == (6, {})


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (
            "clawbot_api",
            {"quota": "SELECT INSERT UPDATE DELETE", "quota_balance": "SELECT"},
        ),
        ("clawbot_proxy", {"quota": "SELECT", "quota_balance": "SELECT INSERT UPDATE"}),
        ("clawbot_projector", {"quota": "SELECT", "quota_balance": "SELECT INSERT UPDATE"}),
        ("clawbot_worker", {"quota": "SELECT", "quota_balance": "SELECT INSERT UPDATE"}),
    ],
)
def test_each_process_may_do_what_it_does_and_no_more(
    database_url: str, role: str, may: dict[str, str]
) -> None:
    for table, rights in may.items():
        found = rows(
            database_url,
            f"SELECT r FROM unnest(ARRAY['SELECT','INSERT','UPDATE','DELETE','TRUNCATE']) "
            f"AS r WHERE has_table_privilege('{role}', '{table}', r)",
        )
        assert [right for (right,) in found] == rights.split()
