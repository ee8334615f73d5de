"""The audit trail in PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg.sql import SQL, Composed, Identifier

from adapters.postgres.view import PostgresView
from projections.audit_trail import AuditFilter, AuditRow, AuditTrail


class PostgresAuditTrail(PostgresView[AuditRow], AuditTrail):
    table = "audit_trail"
    row = AuditRow

    def select(
        self, wanted: AuditFilter, *, before: tuple[datetime, str, int] | None, limit: int
    ) -> list[AuditRow]:
        conditions: list[Composed] = [SQL("team_id = {}").format(SQL("%s"))]
        values: list[Any] = [wanted.team_id]
        for column, operator, value in (
            ("kind", SQL("="), wanted.kind),
            ("stream_id", SQL("="), wanted.stream_id),
            ("type", SQL("="), wanted.type),
            ("at", SQL(">="), wanted.since),
            ("at", SQL("<"), wanted.until),
            ("correlation_id", SQL("="), wanted.correlation_id),
        ):
            if value is not None:
                conditions.append(SQL("{} {} %s").format(Identifier(column), operator))
                values.append(value)
        if wanted.actors:
            conditions.append(SQL("actor = ANY({})").format(SQL("%s")))
            values.append(list(wanted.actors))
        where = SQL(" AND ").join(conditions)
        if before is not None:
            where += SQL(" AND (at, log, position) < (%s, %s, %s)")
            values.extend(before)
        with self._database.team_cursor(wanted.team_id) as cursor:
            cursor.execute(
                SQL(
                    "SELECT * FROM audit_trail WHERE {} "
                    "ORDER BY at DESC, log DESC, position DESC LIMIT %s"
                ).format(where),
                [*values, limit],
            )
            return self._rows(cursor)
