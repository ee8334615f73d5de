"""Whether a process can do its work: what it needs, and how far its views are behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

import orjson
from psycopg.sql import SQL, Identifier

from adapters.postgres.database import Cursor, Database
from adapters.postgres.recorder import TABLES
from adapters.postgres.view_copy import copied_view
from application.event_log import EventLog
from application.readiness import Dependency, Lag, Look
from domain.errors import Unavailable
from domain.log import CALLS, FLEET
from domain.parking import ParkedProjection, ProjectionParked, projection_id

SEALER = "sealer"
Place = tuple[str, int]  # a log, and a position in it


class DatabaseReadiness:
    """Plays `Readiness` for a process that needs the database, and looks at more."""

    def __init__(
        self,
        database: Database,
        logs: Mapping[str, EventLog],
        *,
        more: Sequence[Callable[[], Dependency]] = (),
    ) -> None:
        self._database = database
        self._logs = logs
        self._more = more

    def look(self) -> Look:
        """One look around; a database that does not answer is said to be not ready."""
        more = tuple(look() for look in self._more)
        try:
            with self._database.cursor() as cursor:
                at = {**_positions(cursor), **_sealed(cursor)}
            heads = {name: log.head() for name, log in self._logs.items()}
            with self._database.cursor() as cursor:
                lags = list(_lags(cursor, at, heads))
            parked = self._parked({name for name, _ in at})
        except Unavailable:
            return Look(
                dependencies=(Dependency(name="database", ready=False), *more), views=()
            )
        copies = [(copied_view(lag.name), lag) for lag in lags]
        return Look(
            dependencies=(Dependency(name="database", ready=True), *more),
            views=[lag for view, lag in copies if view is None and lag.name != SEALER],
            copies=[
                Lag(name=view, log=lag.log, behind=lag.behind, seconds=lag.seconds)
                for view, lag in copies
                if view is not None
            ],
            parked=parked,
            sealing=[lag for lag in lags if lag.name == SEALER],
        )

    def _parked(self, names: set[str]) -> list[ProjectionParked]:
        streams = [projection_id(name) for name in sorted(names)]
        found = self._logs[FLEET].read_all(ParkedProjection(), streams)
        standing = [one.state.parked for one in found if one.state.parked is not None]
        return sorted(standing, key=lambda one: one.projection)


def _positions(cursor: Cursor) -> dict[tuple[str, str], int]:
    """How far each follower has read each log."""
    cursor.execute("SELECT view, log, position FROM view_position ORDER BY view, log")
    return {(view, log): position for view, log, position in cursor.fetchall()}


def _sealed(cursor: Cursor) -> dict[tuple[str, str], int]:
    """How far the sealer has sealed each log."""
    cursor.execute("SELECT fleet_position, calls_position FROM log_state")
    fleet, calls = cursor.fetchone() or (0, 0)
    return {(SEALER, FLEET): fleet, (SEALER, CALLS): calls}


def _lags(
    cursor: Cursor, at: Mapping[tuple[str, str], int], heads: Mapping[str, int]
) -> Iterator[Lag]:
    waiting = {
        (log, position) for (_, log), position in at.items() if position < heads[log]
    }
    since, now = dict(_recorded(cursor, waiting)), datetime.now(UTC)
    for (name, log), position in at.items():
        recorded = since.get((log, position))
        seconds = 0.0 if recorded is None else (now - recorded).total_seconds()
        yield Lag(
            name=name,
            log=log,
            behind=max(0, heads[log] - position),
            seconds=round(max(0.0, seconds), 3),
        )


def _recorded(cursor: Cursor, places: set[Place]) -> Iterator[tuple[Place, datetime]]:
    """When the event behind each place was recorded."""
    for log in {log for log, _ in places}:
        cursor.execute(
            SQL(
                "SELECT place, next.state FROM unnest(%s::bigint[]) AS place, "
                "LATERAL (SELECT state FROM {} WHERE notification_id > place "
                "ORDER BY notification_id LIMIT 1) AS next"
            ).format(Identifier(TABLES[log])),
            ([position for name, position in places if name == log],),
        )
        for position, state in cursor.fetchall():
            recorded = _said_at(state)
            if recorded is not None:
                yield (log, position), recorded


def _said_at(state: bytes) -> datetime | None:
    """When it says that it was recorded; None if it is no event of ours."""
    try:
        return datetime.fromisoformat(orjson.loads(state)["at"])
    except (ValueError, KeyError, TypeError):
        return None
