"""What the views answer: of one team, in order, page by page, and adding up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from adapters.bootstrap.followers import VIEWS, event_logs
from adapters.follower import Reader, ViewFollower, catch_up
from adapters.memory import MemoryBotDirectory, MemoryKeyRing
from adapters.postgres.audit_trail import PostgresAuditTrail
from adapters.postgres.call_views import PostgresCallLog
from adapters.postgres.database import Database
from adapters.postgres.fleet_views import PostgresBotDirectory, PostgresKeyRing
from adapters.postgres.usage_rollup import PostgresUsageRollup
from domain.calls import CallAbandoned, CallRefused, CallStatus
from domain.keys import KeyStatus, OldSecret
from domain.log import CALLS, FLEET
from domain.verdicts import Verdict
from projections.audit_trail import AuditFilter
from projections.bot_directory import BotDirectory, BotDirectoryProjector
from projections.bot_status import BotStatus
from projections.key_ring import KeyRing, KeyRingProjector
from projections.latency_sketch import sketch_of
from projections.usage import UsageFilter, UsageTotals
from projections.usage_rollup import Part
from projections.usage_steps import Step
from tests.projections.given import (
    FLEET_HISTORY,
    KEY,
    LATER,
    NOON,
    OTHER_TEAM,
    TEAM,
    Happened,
    admitted,
    bot,
    calls,
    corrected,
    facts,
    settled,
    tokens,
)
from tests.projections.given_logs import database, memory_logs, record, recorded

REFUSED, OPEN, SETTLED, LATE, FOREIGN = (UUID(int=n) for n in range(101, 106))
BEFORE, NOW = tokens(25, None), tokens(30, 5)
CALL_HISTORY: list[Happened] = [
    (REFUSED, [CallRefused(facts=facts(1), code="no-usable-key")]),
    (OPEN, [admitted(facts(2))]),
    (SETTLED, [admitted(facts(70)), settled(facts(70), tokens(100, 20), 33)]),
    (
        LATE,
        [
            admitted(facts(71, bot=2, vendor="anthropic")),
            CallAbandoned(facts=facts(71, bot=2, vendor="anthropic"), usage=BEFORE),
            corrected(facts(71, bot=2, vendor="anthropic"), BEFORE, NOW, 4),
        ],
    ),
    (FOREIGN, [admitted(facts(3, team=OTHER_TEAM)), settled(facts(3, team=OTHER_TEAM))]),
]
MORE_BOTS = [bot(20 + n, TEAM) for n in range(3)]


@dataclass(frozen=True)
class Fleet:
    bots: BotDirectory
    keys: KeyRing


@dataclass(frozen=True)
class Calls:
    call_log: PostgresCallLog
    usage: PostgresUsageRollup
    audit: PostgresAuditTrail


def fill(opened: Database) -> None:
    logs = event_logs(opened)
    for projector, view in VIEWS.values():
        for log in projector.logs:
            catch_up(ViewFollower(projector(), view(opened)), Reader(logs[log]))


@pytest.fixture(params=["memory", "postgres"])
def fleet(request: pytest.FixtureRequest) -> Iterator[Fleet]:
    """The views over the fleet log, after its history."""
    history = [*FLEET_HISTORY, *MORE_BOTS]
    if request.param == "memory":
        log = memory_logs()[FLEET]
        record(log, history)
        views = Fleet(MemoryBotDirectory(), MemoryKeyRing())
        catch_up(ViewFollower(BotDirectoryProjector(), views.bots), Reader(log))
        catch_up(ViewFollower(KeyRingProjector(), views.keys), Reader(log))
        yield views
        return
    url = request.getfixturevalue("database_url")
    with recorded(url, fleet=history), database(url) as opened:
        fill(opened)
        with database(url, "clawbot_api") as api:
            yield Fleet(PostgresBotDirectory(api), PostgresKeyRing(opened))


@pytest.fixture
def call_views(database_url: str) -> Iterator[Calls]:
    """The views over calls as the api has them, after the history above."""
    with (
        recorded(database_url, fleet=FLEET_HISTORY, calls=CALL_HISTORY),
        database(database_url) as opened,
        database(database_url, "clawbot_api") as api,
    ):
        fill(opened)
        yield Calls(PostgresCallLog(api), PostgresUsageRollup(api), PostgresAuditTrail(api))


OURS = UsageFilter(team_id=TEAM)


def test_a_teams_bots_come_by_hostname_and_page_by_page(fleet: Fleet) -> None:
    first = fleet.bots.of_team(TEAM, after="", limit=2)
    second = fleet.bots.of_team(TEAM, after=first[-1].hostname, limit=2)
    names = [row.hostname for row in (*first, *second)]
    assert names == ["bot-1", "bot-20", "bot-21", "bot-22"]
    ada = first[0]
    assert (ada.name, ada.tags, ada.links, ada.version) == ("Ada", (), (), 8)
    assert ada.status is BotStatus.DRAFT
    assert [row.hostname for row in fleet.bots.of_team(OTHER_TEAM, after="", limit=9)] == [
        "bot-2"
    ]


def test_a_teams_keys_come_with_what_the_vendor_said_of_them(fleet: Fleet) -> None:
    keys = fleet.keys.of_team(TEAM, after=None, limit=10)
    assert [(row.key_id.int, row.status, row.verdict) for row in keys] == [
        (10, KeyStatus.ACTIVE, Verdict.OK),
        (13, KeyStatus.NO_FUNDS, Verdict.OVERLOADED),
        (14, KeyStatus.COOLING, None),
        (15, KeyStatus.NO_FUNDS, None),
        (16, KeyStatus.ACTIVE, None),
        (17, KeyStatus.DISABLED, None),
    ]
    assert [
        row.key_id.int for row in fleet.keys.of_team(TEAM, after=UUID(int=10), limit=1)
    ] == [13]
    assert (keys[0].label, keys[0].models, keys[0].allow_paths) == (
        "another",
        ("gpt-5",),
        "all",
    )


def test_only_keys_that_time_does_something_to_are_looked_after(fleet: Fleet) -> None:
    rows = sorted(fleet.keys.awaiting_time(), key=lambda row: row.key_id)
    assert [row.key_id.int for row in rows] == [13, 14, 15, 16]
    assert [row.cooling_until for row in rows] == [None, LATER, None, None]
    assert [row.parked_at is not None for row in rows] == [True, False, True, False]
    assert [row.old_secrets for row in rows] == [
        (),
        (),
        (),
        (OldSecret(version=1, ends_at=LATER),),
    ]
    assert (rows[2].last4, rows[2].secret_version) == ("wxyz", 2)


def test_only_keys_that_await_a_verdict_are_rung_for(fleet: Fleet) -> None:
    assert [row.key_id.int for row in fleet.keys.awaiting_check()] == [11]


def test_the_call_log_comes_newest_first_and_page_by_page(call_views: Calls) -> None:
    first = call_views.call_log.select(OURS, before=None, limit=3)
    before = (first[-1].admitted_at, first[-1].call_id)
    second = call_views.call_log.select(OURS, before=before, limit=3)
    assert [row.call_id for row in first] == [LATE, SETTLED, OPEN]
    assert [row.call_id for row in second] == [REFUSED]
    late = first[0]
    assert (late.status, late.input_tokens, late.cost_micro_usd) == (
        CallStatus.ABANDONED,
        30,
        4,
    )
    assert second[0].error == "no-usable-key"


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (replace(OURS, hostname="bot-2"), [LATE]),
        (replace(OURS, vendor="anthropic"), [LATE]),
        (replace(OURS, status=CallStatus.SETTLED), [SETTLED]),
        (replace(OURS, model="asked-for"), [OPEN]),  # no answer has named one yet
        (replace(OURS, provider_key_id=KEY, vendor="openai"), [SETTLED, OPEN, REFUSED]),
        (replace(OURS, provider_key_id=UUID(int=1)), []),
        (replace(OURS, since=NOON + timedelta(minutes=71)), [LATE]),
        (replace(OURS, until=NOON + timedelta(minutes=2)), [REFUSED]),
        (UsageFilter(team_id=OTHER_TEAM), [FOREIGN]),
    ],
)
def test_calls_are_found_by_what_is_known_of_them(
    call_views: Calls, wanted: UsageFilter, found: list[UUID]
) -> None:
    rows = call_views.call_log.select(wanted, before=None, limit=10)
    assert [row.call_id for row in rows] == found


TOTALS = UsageTotals(
    calls=3,
    settled=1,
    refused=1,
    abandoned=1,
    input_tokens=130,
    output_tokens=25,
    cost_micro_usd=37,
    durations=sketch_of(20),
    first_bytes=sketch_of(10),
)


def test_totals_count_ended_calls_and_agree_in_both_views(call_views: Calls) -> None:
    assert call_views.call_log.totals(OURS) == TOTALS
    assert [part.totals for part in call_views.usage.read(OURS).parts] == [TOTALS]
    minutes = call_views.call_log.by_minute(OURS)
    hours = call_views.usage.read(OURS, step=Step.HOUR).parts
    assert [at for at, _ in minutes] == [NOON + timedelta(minutes=m) for m in (1, 70, 71)]
    assert sum((sums for _, sums in minutes), UsageTotals()) == TOTALS
    refused = UsageTotals(calls=1, refused=1)
    assert Part(start=NOON, group=None, totals=refused) in hours
    assert {part.start for part in hours} == {NOON, NOON + timedelta(hours=1)}


def test_both_views_agree_on_any_calls(database_url: str) -> None:
    with (
        recorded(database_url, calls=calls(80, seed=7)),
        database(database_url) as opened,
    ):
        fill(opened)
        call_log, usage = PostgresCallLog(opened), PostgresUsageRollup(opened)
        for wanted in (
            OURS,
            UsageFilter(team_id=OTHER_TEAM),
            replace(OURS, hostname="bot-1"),
            replace(OURS, vendor="openai", status=CallStatus.ABANDONED),
            replace(OURS, since=NOON + timedelta(hours=1), until=NOON + timedelta(hours=2)),
        ):
            (part,) = usage.read(wanted).parts
            assert call_log.totals(wanted) == part.totals
        assert call_log.totals(OURS).calls > 0


def test_events_are_found_by_what_is_known_of_them(call_views: Calls) -> None:
    def found(wanted: AuditFilter) -> list[tuple[str, int]]:
        rows = call_views.audit.select(wanted, before=None, limit=100)
        return [(row.type, row.version) for row in rows]

    ours = AuditFilter(team_id=TEAM)
    assert found(replace(ours, stream_id=LATE)) == [
        ("call.corrected", 3),
        ("call.abandoned", 2),
        ("call.admitted", 1),
    ]
    assert found(replace(ours, type="bot.renamed")) == [("bot.renamed", 4)]
    assert {kind.partition(".")[0] for kind, _ in found(replace(ours, kind="bot"))} == {
        "bot"
    }
    everything = len(found(ours))
    assert len(found(replace(ours, actors=("user:carol", "user:alice")))) == everything > 30
    assert len(found(replace(ours, correlation_id="request-1"))) == everything
    assert found(replace(ours, actors=("user:bob",))) == []
    assert found(replace(ours, until=NOON)) == []
    assert found(AuditFilter(team_id=OTHER_TEAM)) == []  # by who asked, not by whose bot


def test_the_trail_of_both_logs_is_read_page_by_page(call_views: Calls) -> None:
    ours = AuditFilter(team_id=TEAM)
    whole = call_views.audit.select(ours, before=None, limit=100)
    paged, before = [], None
    while rows := call_views.audit.select(ours, before=before, limit=7):
        paged += rows
        before = (rows[-1].at, rows[-1].log, rows[-1].position)
    assert paged == whole
    assert {row.log for row in whole} == {FLEET, CALLS}


@pytest.mark.parametrize(
    "table", ["bot_directory", "key_ring", "call_log", "usage_rollup", "audit_trail"]
)
def test_a_session_without_a_team_sees_no_row(
    call_views: Calls, database_url: str, table: str
) -> None:
    assert call_views.call_log.totals(OURS).calls
    with psycopg.connect(database_url, options="-c role=clawbot_api") as connection:
        select = f"SELECT count(*) FROM {table}".encode()
        assert connection.execute(select).fetchone() == (0,)
        connection.execute("SELECT set_config('clawbot.team_id', %s, true)", (str(TEAM),))
        assert connection.execute(select).fetchone() != (0,)
