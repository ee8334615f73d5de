"""An event store's recorder on PostgreSQL, inside the unit of work of the command.

Positions (`notification_id`) become visible in order: whoever inserts first takes the log's
advisory lock and holds it until its transaction ends, so that a follower that has read up
to a position never misses a smaller one. The library's own writers lock the whole table,
which waits for ours and makes ours wait: the two may be mixed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString, cast
from uuid import UUID

import psycopg
from eventsourcing.persistence import IntegrityError, Notification, StoredEvent
from psycopg.sql import SQL, Composed, Identifier

from adapters.postgres.binary_array import (
    Sent,
    bigint_array,
    bytea_array,
    send_arrays,
    text_array,
    uuid_array,
)
from adapters.postgres.database import Database, current_unit

TABLES: dict[str, LiteralString] = {"fleet": "fleet_events", "calls": "calls_events"}
_HEADS: dict[str, LiteralString] = {
    "fleet": "SELECT max(notification_id) FROM {}",
    "calls": "SELECT greatest((SELECT max(notification_id) FROM {}), "
    "(SELECT max(last_position) FROM calls_month_detached))",
}
LOCKS: dict[str, int] = {"fleet": 0x636C6177_01, "calls": 0x636C6177_02}


class PostgresRecorder:
    """Plays `Recorder` for one log; its table is made by the migrations."""

    def __init__(self, database: Database, log: str) -> None:
        self._database = database
        self._log = log
        self._table = TABLES[log]

    def insert_events(self, stored_events: Sequence[StoredEvent]) -> Sequence[int]:
        """The events' positions, all or none; `IntegrityError` if a place is taken."""
        columns = (
            uuid_array([cast("UUID", one.originator_id) for one in stored_events]),
            bigint_array([one.originator_version for one in stored_events]),
            text_array([one.topic for one in stored_events]),
            bytea_array([one.state for one in stored_events]),
        )
        try:
            with self._database.cursor() as cursor:
                send_arrays(cursor)
                cursor.execute(
                    self._sql(
                        "WITH lock AS MATERIALIZED (SELECT pg_advisory_xact_lock(%s)) "
                        "INSERT INTO {} (originator_id, originator_version, topic, state) "
                        "SELECT e.* FROM lock, "
                        "unnest(%s::uuid[], %s::bigint[], %s::text[], %s::bytea[]) AS e "
                        "RETURNING notification_id"
                    ),
                    (LOCKS[self._log], *map(Sent, columns)),
                )
                positions = [row[0] for row in cursor.fetchall()]
                cursor.execute(self._sql("NOTIFY {}"))
        except psycopg.errors.UniqueViolation as error:
            raise IntegrityError(self._table) from error
        unit, first = current_unit(), stored_events[0]
        if (
            unit is not None
            and unit.wrote is None
            and isinstance(first.originator_id, UUID)
        ):
            unit.wrote = (
                self._table,
                first.originator_id,
                first.originator_version,
                first.state,
            )
        return positions

    def select_events(
        self, originator_id: UUID, *, lte: int | None = None
    ) -> Sequence[StoredEvent]:
        """One stream, oldest first, up to a version."""
        with self._database.cursor() as cursor:
            cursor.execute(
                self._sql(
                    "SELECT originator_version, topic, state FROM {} "
                    "WHERE originator_id = %s AND originator_version <= %s "
                    "ORDER BY originator_version"
                ),
                (originator_id, 2**62 if lte is None else lte),
            )
            return [
                StoredEvent(
                    originator_id=originator_id,
                    originator_version=version,
                    topic=topic,
                    state=state,
                )
                for version, topic, state in cursor.fetchall()
            ]

    def select_streams(self, originator_ids: Sequence[UUID]) -> Sequence[StoredEvent]:
        """Several streams, the events of each oldest first."""
        with self._database.cursor() as cursor:
            cursor.execute(
                self._sql(
                    "SELECT originator_id, originator_version, topic, state FROM {} "
                    "WHERE originator_id = ANY(%s) "
                    "ORDER BY originator_id, originator_version"
                ),
                (list(originator_ids),),
                binary=True,
            )
            return [
                StoredEvent(
                    originator_id=stream_id,
                    originator_version=version,
                    topic=topic,
                    state=state,
                )
                for stream_id, version, topic, state in cursor.fetchall()
            ]

    def select_notifications(
        self, start: int, limit: int, stop: int | None = None, *, inclusive_of_start: bool
    ) -> Sequence[Notification]:
        """The events at and behind a position, in order."""
        with self._database.cursor() as cursor:
            cursor.execute(
                self._sql(
                    "SELECT notification_id, originator_id, originator_version, topic, "
                    "state FROM {} WHERE notification_id > %s AND notification_id <= %s "
                    "ORDER BY notification_id LIMIT %s"
                ),
                (
                    start - 1 if inclusive_of_start else start,
                    2**62 if stop is None else stop,
                    limit,
                ),
                binary=True,
            )
            return [
                Notification(
                    id=position,
                    originator_id=stream_id,
                    originator_version=version,
                    topic=topic,
                    state=state,
                )
                for position, stream_id, version, topic, state in cursor.fetchall()
            ]

    def max_notification_id(self) -> int | None:
        """The position of the last event, though it may be in a month that is out."""
        with self._database.cursor() as cursor:
            cursor.execute(self._sql(_HEADS[self._log]))
            row = cursor.fetchone()
            return row[0] if row else None

    def position_of(self, originator_id: UUID, version: int) -> int:
        """The position of one event of a stream."""
        with self._database.cursor() as cursor:
            cursor.execute(
                self._sql(
                    "SELECT notification_id FROM {} "
                    "WHERE originator_id = %s AND originator_version = %s"
                ),
                (originator_id, version),
            )
            row = cursor.fetchone()
            return int(row[0]) if row else 0

    def _sql(self, statement: LiteralString) -> Composed:
        """The statement, about this log's table."""
        return SQL(statement).format(Identifier(self._table))
