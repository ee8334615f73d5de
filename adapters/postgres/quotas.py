"""Quotas in PostgreSQL: the limits that admission reads, and the balances it moves.

Nothing here changes a balance: only the transactions of calls do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC
from typing import Any, LiteralString
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from psycopg import errors

from adapters.event_store import EventMapper
from adapters.postgres.database import Database
from adapters.postgres.view import PostgresView
from application.balances import QuotaBalance, SeenBalance
from domain.errors import InvalidFields
from domain.holds import Balance, WindowId
from domain.log import CALLS, Placed
from domain.quotas import Quota, ScopeKind, scope_key
from projections.quota_list import QuotaList, QuotaRow

PUT: LiteralString = """
INSERT INTO quota (quota_id, team_id, scope_kind, scope_id, scope_key, metric, "window",
                   time_zone, "limit", raised_by, raised_until, warn_at_permille, mode,
                   version)
VALUES (%(quota_id)s, %(team_id)s, %(scope_kind)s, %(scope_id)s, %(scope_key)s, %(metric)s,
        %(window)s, %(time_zone)s, %(limit)s, %(raised_by)s, %(raised_until)s,
        %(warn_at_permille)s, %(mode)s, %(version)s)
ON CONFLICT (quota_id) DO UPDATE
SET ("limit", raised_by, raised_until, warn_at_permille, mode, version)
  = (excluded."limit", excluded.raised_by, excluded.raised_until,
     excluded.warn_at_permille, excluded.mode, excluded.version)
"""

# One statement, one snapshot: a balance and its events are committed together. A raise is
# in force until its end, as in `effective_limit`.
NOW: LiteralString = """
SELECT q.quota_id, q.team_id,
       q."limit" + CASE WHEN now() < q.raised_until THEN q.raised_by ELSE 0 END,
       q.warn_at_permille, w.window_start, w.window_end,
       COALESCE(b.settled, 0), COALESCE(b.held, 0),
       (SELECT COALESCE(max(notification_id), 0) FROM fleet_events),
       (SELECT COALESCE(max(notification_id), 0) FROM calls_events)
FROM quota AS q
CROSS JOIN LATERAL quota_window(q."window", q.time_zone, now()) AS w
LEFT JOIN quota_balance AS b USING (quota_id, window_start)
WHERE q.quota_id = %s AND q.team_id = %s
"""

OF: LiteralString = """
SELECT q.quota_id, q.team_id,
       q."limit" + CASE WHEN now() < q.raised_until THEN q.raised_by ELSE 0 END,
       q.warn_at_permille, b.window_start, b.window_end, b.settled, b.held
FROM unnest(%s::uuid[], %s::timestamptz[]) AS asked (quota_id, window_start)
JOIN quota_balance AS b USING (quota_id, window_start)
JOIN quota AS q USING (quota_id)
"""

MENTIONS: LiteralString = """
SELECT notification_id, originator_id, originator_version, topic, state
FROM calls_events
WHERE notification_id > %s AND notification_id <= %s AND position(%s::bytea IN state) > 0
ORDER BY notification_id LIMIT %s
"""

HOLDS_BACK: LiteralString = """
SELECT notification_id, originator_id, originator_version, topic, state
FROM calls_events
WHERE notification_id > %s AND notification_id <= %s AND position(%s::bytea IN state) > 0
  AND topic IN ('call.admitted', 'call.extended')
ORDER BY notification_id DESC LIMIT %s
"""

PAGE = 1000


class PostgresQuotaTable:
    """Plays `QuotaTable`, in the current unit of work."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, quota_id: UUID, quota: Quota) -> None:
        definition = quota.definition
        assert definition is not None, "it was set"
        scope = definition.scope
        values = {
            "quota_id": quota_id,
            "team_id": definition.team_id,
            "scope_kind": scope.kind,
            "scope_id": scope.id,
            "scope_key": scope_key(definition.team_id, scope.kind, scope.id),
            "metric": definition.metric,
            "window": definition.window,
            "time_zone": definition.time_zone,
            "limit": quota.limit,
            "raised_by": quota.raised_by,
            "raised_until": quota.raised_until,
            "warn_at_permille": quota.warn_at_permille,
            "mode": quota.mode,
            "version": quota.version,
        }
        with self._database.cursor() as cursor:
            try:  # admission must never meet a zone that the database does not know
                cursor.execute("SELECT now() AT TIME ZONE %s", (definition.time_zone,))
            except errors.InvalidParameterValue as error:
                raise InvalidFields(time_zone="unknown") from error
            cursor.execute(PUT, values)

    def remove(self, quota_id: UUID) -> None:
        with self._database.cursor() as cursor:
            cursor.execute("DELETE FROM quota WHERE quota_id = %s", (quota_id,))

    def count(self, team_id: UUID) -> int:
        with self._database.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
                (f"quotas {team_id}",),
            )
            cursor.execute("SELECT count(*) FROM quota WHERE team_id = %s", (team_id,))
            return _one(cursor.fetchone())


class PostgresQuotaBalances:
    """Plays `QuotaBalances` and `BalanceTable`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._mapper = EventMapper()

    def now(self, team_id: UUID, quota_id: UUID) -> SeenBalance | None:
        with self._database.cursor() as cursor:
            row = cursor.execute(NOW, (quota_id, team_id)).fetchone()
        if row is None:
            return None
        *balance, fleet, calls = row
        return SeenBalance(balance=_balance(balance), fleet=fleet, calls=calls)

    def of(self, windows: Iterable[WindowId]) -> list[QuotaBalance]:
        asked = list(windows)
        ids, starts = [one for one, _ in asked], [start for _, start in asked]
        with self._database.cursor() as cursor:
            return [_balance(row) for row in cursor.execute(OF, (ids, starts))]

    def mentions(self, quota_id: UUID, *, after: int, upto: int) -> Iterator[Placed]:
        while page := self._page(MENTIONS, quota_id, after, upto, PAGE):
            yield from page
            after = page[-1].position

    def holds_back(self, quota_id: UUID, *, after: int, upto: int) -> Iterator[Placed]:
        size = 1  # nearly always the first is the one that is looked for
        while page := self._page(HOLDS_BACK, quota_id, after, upto, size):
            yield from page
            upto, size = page[-1].position - 1, PAGE

    def _page(
        self, statement: LiteralString, quota_id: UUID, after: int, upto: int, size: int
    ) -> list[Placed]:
        asked = (after, upto, str(quota_id).encode(), size)
        with self._database.cursor() as cursor:
            cursor.execute(statement, asked, binary=True)
            return [
                Placed(
                    log=CALLS,
                    position=position,
                    recorded=self._mapper.to_recorded(
                        StoredEvent(
                            originator_id=call_id,
                            originator_version=version,
                            topic=topic,
                            state=state,
                        )
                    ),
                )
                for position, call_id, version, topic, state in cursor.fetchall()
            ]

    def snapshot(self) -> tuple[int, dict[WindowId, Balance]]:
        with (
            self._database.connection() as connection,
            connection.transaction(),
            connection.cursor() as cursor,
        ):
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            head = cursor.execute("SELECT max(notification_id) FROM calls_events")
            position = _one(head.fetchone())
            rows = cursor.execute(
                "SELECT quota_id, window_start, settled, held FROM quota_balance"
            )
            return position, {
                (quota_id, start.astimezone(UTC)): Balance(settled=settled, held=held)
                for quota_id, start, settled, held in rows
            }


class PostgresQuotaList(PostgresView[QuotaRow], QuotaList):
    table = "quota_list"
    row = QuotaRow

    def of_team(
        self,
        team_id: UUID,
        *,
        scope_kind: ScopeKind | None,
        scope_id: str | None,
        after: UUID | None,
        limit: int,
    ) -> list[QuotaRow]:
        return self.query(
            team_id,
            "team_id = %s AND quota_id > %s "
            "AND scope_kind = COALESCE(%s, scope_kind) "
            "AND scope_id = COALESCE(%s, scope_id) ORDER BY quota_id LIMIT %s",
            team_id,
            after or UUID(int=0),
            scope_kind,
            scope_id,
            limit,
        )


def _balance(row: Iterable[Any]) -> QuotaBalance:
    quota_id, team_id, limit, warn_at_permille, start, end, settled, held = row
    return QuotaBalance(
        quota_id=quota_id,
        team_id=team_id,
        limit=limit,
        warn_at_permille=warn_at_permille,
        window_start=start.astimezone(UTC),  # the driver tells it in the session's zone
        window_end=None if end is None else end.astimezone(UTC),
        settled=settled,
        held=held,
    )


def _one(row: tuple[Any, ...] | None) -> int:
    return int(row[0] or 0) if row else 0
