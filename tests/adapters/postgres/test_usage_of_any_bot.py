"""Usage that was rolled up before there was a facet without bots gets it when migrated."""

from __future__ import annotations

from pathlib import Path

import psycopg

from adapters.bootstrap.followers import event_logs
from adapters.follower import Reader, ViewFollower, catch_up
from adapters.postgres.usage_rollup import PostgresUsageRollup
from adapters.rebuild import outdated, rebuild
from domain.log import CALLS
from projections.usage_rollup import Facet, UsageRollupProjector
from tests.projections.given import calls
from tests.projections.given_logs import database, record, recorded

FILE = Path(__file__).parents[3] / "migrations" / "0029_usage_of_any_bot.sql"
# What of today's database was not there before that file.
BEFORE = """
DELETE FROM usage_rollup WHERE facet = 'any_bot';
UPDATE view_position SET version = 1 WHERE view = 'usage_rollup';
DROP INDEX usage_rollup_minute_bot, usage_rollup_hour_bot;
"""


def test_what_is_there_is_told_without_bots_too(database_url: str) -> None:
    with recorded(database_url, calls=calls(60)) as logs, database(database_url) as opened:
        view, reader = PostgresUsageRollup(opened), Reader(event_logs(opened)[CALLS])
        follower = ViewFollower(UsageRollupProjector(), view)
        catch_up(follower, reader)
        rows = set(view.every())
        with psycopg.connect(database_url) as owner:
            owner.execute(BEFORE)
        assert 0 < len(kept := set(view.every())) < len(rows)
        assert not any(row.facet is Facet.ANY_BOT for row in kept)
        assert outdated(database_url) == [UsageRollupProjector.name]

        with psycopg.connect(database_url) as owner:
            owner.execute(FILE.read_bytes())

        assert set(view.every()) == rows
        assert outdated(database_url) == []
        record(logs[CALLS], calls(5, seed=8))
        catch_up(follower, reader)
    assert not rebuild(database_url, UsageRollupProjector.name, check=True)
