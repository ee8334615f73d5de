"""Usage that was rolled up before there was a facet without bots gets it when migrated."""

from __future__ import annotations

import psycopg

from adapters.bootstrap.followers import event_logs
from adapters.follower import Reader, ViewFollower, catch_up
from adapters.postgres.migrator import migrate
from adapters.postgres.usage_rollup import PostgresUsageRollup
from adapters.rebuild import outdated, rebuild
from domain.log import CALLS
from projections.usage_rollup import Facet, UsageRollupProjector
from tests.databases import new_database, url_of
from tests.projections.given import calls
from tests.projections.given_logs import database, record, recorded

BEFORE = 28


def test_what_is_there_is_told_without_bots_too(database_server: str) -> None:
    with new_database(database_server) as name:
        url = url_of(database_server, name)
        migrate(url, upto=BEFORE)
        with recorded(url, calls=calls(60)) as logs, database(url) as opened:
            view, reader = PostgresUsageRollup(opened), Reader(event_logs(opened)[CALLS])
            follower = ViewFollower(UsageRollupProjector(), view)
            catch_up(follower, reader)
            rows = set(view.every())
            with psycopg.connect(url) as owner:
                owner.execute("DELETE FROM usage_rollup WHERE facet = 'any_bot'")
                owner.execute("UPDATE view_position SET version = 1")
            assert len(rows) > len(kept := set(view.every())) > 0
            assert not any(row.facet is Facet.ANY_BOT for row in kept)

            assert migrate(url)[0].startswith(f"{BEFORE + 1:04}_")

            assert set(view.every()) == rows
            assert outdated(url) == []
            record(logs[CALLS], calls(5, seed=8))
            catch_up(follower, reader)
        assert not rebuild(url, UsageRollupProjector.name, check=True)
