"""Reports come from a real streaming replica, and from nowhere else while it is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest
from fastapi.testclient import TestClient

from adapters.bootstrap.control_plane import control_plane
from adapters.bootstrap.instance import prepare
from adapters.event_store import EventMapper
from adapters.follower import Reader, ViewFollower, catch_up
from adapters.postgres.audit_trail import PostgresAuditTrail
from adapters.postgres.database import Database
from adapters.postgres.embedded import EmbeddedPostgres
from adapters.postgres.recorder import PostgresRecorder
from adapters.settings import Settings
from api.app import create_app
from application.event_log import EventLog
from domain.log import FLEET
from projections.audit_trail import AuditTrailProjector
from tests.adapters.postgres.replica import primary_and_replica
from tests.api.cli.running import A_KEY
from tests.api.rehearsal import REHEARSAL

ADA = {"email": "ada@example.com", "password": "nine brave otters", "name": "Ada"}


@dataclass
class Reports:
    """A control plane that reads reports from a replica."""

    client: TestClient
    primary: str
    replica: str
    standby: EmbeddedPostgres

    def projected(self) -> None:
        """The audit trail is at the head of the fleet log, in the primary."""
        with closing(Database(self.primary, role="clawbot_projector", size=2)) as database:
            database.open()
            log = EventLog(FLEET, PostgresRecorder(database, FLEET), EventMapper())
            trail = ViewFollower(AuditTrailProjector(), PostgresAuditTrail(database))
            catch_up(trail, Reader(log))

    def replayed(self, how: str) -> None:
        """What the primary writes is read by the replica, or waits: `resume`, `pause`."""
        with psycopg.connect(self.replica, autocommit=True) as connection:
            connection.execute(f"SELECT pg_wal_replay_{how}()")

    def audit(self, me: dict[str, str], after: str | None = None) -> httpx.Response:
        params = {} if after is None else {"after_position": after}
        answer: httpx.Response = self.client.get(  # type: ignore[assignment]
            "/api/audit/events", headers=me, params=params
        )
        return answer


@pytest.fixture
def reports(tmp_path: Path) -> Iterator[Reports]:
    with ExitStack() as stack:
        primary, replica, standby = stack.enter_context(primary_and_replica())
        settings = Settings(
            _env_file=None,
            database_url=primary,
            read_database_url=replica,
            bot_master_key=A_KEY,
            clawbot_data_dir=tmp_path,
        )
        prepare(settings, primary)
        system = stack.enter_context(control_plane(settings, primary))
        client = stack.enter_context(TestClient(create_app(system, REHEARSAL)))
        yield Reports(client, primary, replica, standby)


def test_reports_are_read_from_the_replica_and_say_how_far_it_saw(reports: Reports) -> None:
    registered = reports.client.post("/api/auth/register", json=ADA)
    me = {"Authorization": f"Bearer {registered.json()['access_token']}"}
    made = registered.headers["X-Log-Position"]
    reports.projected()
    assert reports.audit(me, after=made).status_code == 200

    reports.replayed("pause")
    bot = {"name": "A", "hostname": "a-1"}
    written = reports.client.post("/api/bot", json=bot, headers=me)
    reports.projected()
    seen = reports.audit(me)
    assert "bot.created" not in {event["type"] for event in seen.json()["items"]}
    assert seen.headers["X-Log-Position"].partition(",")[0] == made
    assert reports.client.get("/api/bot/a-1", headers=me).status_code == 200

    reports.replayed("resume")
    seen = reports.audit(me, after=written.headers["X-Log-Position"])
    assert "bot.created" in {event["type"] for event in seen.json()["items"]}

    reports.standby.stop()
    assert reports.audit(me).status_code == 503
    assert reports.client.get("/api/bot/a-1", headers=me).status_code == 200
    ready = reports.client.get("/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
