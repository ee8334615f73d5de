"""A key check from the request to the verdict, through every process that has a part."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from adapters.postgres.fleet_views import PostgresKeyRing
from adapters.simulator import started
from domain.keys import KeyStatus
from projections.key_ring import KeyRow
from tests.adapters.jobs.given import TEAM, control_plane, eventually, running, settings_of

KEY = "sk-simulated-0123456789abcdef"


@pytest.mark.parametrize("broker", ["postgres", "rabbitmq"])
def test_a_requested_check_ends_with_the_verdict_of_the_vendor(
    broker: str,
    database_url: str,
    tmp_path: Path,
    free_port: int,
    request: pytest.FixtureRequest,
) -> None:
    rabbitmq = request.getfixturevalue("rabbitmq_url") if broker == "rabbitmq" else None
    with started(key=KEY) as vendor:
        settings = settings_of(
            database_url,
            tmp_path,
            clawbot_proxy_port=free_port,
            egress_allow=(vendor.url,),
            rabbitmq_url=rabbitmq,
        )
        with (
            control_plane(settings, database_url) as fleet,
            running("projector", settings),
            running("proxy", settings),
            running("worker", settings),
        ):
            good = fleet.add_key(vendor="openai", secret=KEY, origin=vendor.url)
            bad = fleet.add_key(vendor="openai", secret=KEY + "x", origin=vendor.url)
            fleet.ask_for_check(good)
            fleet.ask_for_check(bad)

            assert fleet.verdict(good) == "ok"
            assert fleet.verdict(bad) == "dead"
            last = fleet.event_log.history(good)[-1]
            assert (last.actor, last.team_id) == ("system:worker", TEAM)
            assert last.correlation_id == "req-1"
            assert last.causation_id == f"provider_key:{good}:2"

            ring = PostgresKeyRing(fleet.database)
            eventually(
                lambda: (
                    {row.key_id: row.status for row in _all(ring)}
                    == {good: KeyStatus.ACTIVE, bad: KeyStatus.DEAD}
                )
            )
            eventually(lambda: _calls(database_url) == [(200, None), (401, None)])


def _all(ring: PostgresKeyRing) -> list[KeyRow]:
    return ring.of_team(TEAM, after=None, limit=10)


def _calls(url: str) -> list[tuple[int, object]]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT http_status, bot_id FROM call_log ORDER BY http_status"
        ).fetchall()
