"""Deliveries to webhooks in PostgreSQL: planned by the projector, posted by the worker.

The first pending delivery of a webhook is the only one that can be claimed, so that a
webhook's messages keep their order and no webhook waits for another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import orjson
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from adapters.postgres.database import Cursor, Database
from application.webhook_deliveries import Delivery, NewDelivery, PostAttempt

COLUMNS: LiteralString = (
    "delivery_id, webhook_id, team_id, message_id, position, type, state, failures, "
    "next_at, leased_until, attempts, created_at"
)
CLAIM: LiteralString = (
    "UPDATE webhook_delivery AS d SET leased_until = now() + interval '60 s' "
    "WHERE delivery_id = (SELECT delivery_id FROM webhook_delivery "
    "WHERE webhook_id = %s AND state = 'pending' "
    "ORDER BY position, message_id LIMIT 1 FOR UPDATE) "
    "AND state = 'pending' AND next_at <= now() "
    "AND (leased_until IS NULL OR leased_until < now()) RETURNING "
)
DUE: LiteralString = (
    "SELECT webhook_id FROM (SELECT DISTINCT ON (webhook_id) webhook_id, next_at, "
    "leased_until FROM webhook_delivery WHERE state = 'pending' "
    "ORDER BY webhook_id, position, message_id) AS first "
    "WHERE next_at <= now() AND (leased_until IS NULL OR leased_until < now())"
)

_DELIVERIES = TypeAdapter(list[Delivery])


class PostgresDeliveryPlan:
    """Plays `DeliveryPlan`, under the projector's role."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, deliveries: Sequence[NewDelivery]) -> None:
        with self._database.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO webhook_delivery (delivery_id, webhook_id, team_id, "
                "message_id, position, type) VALUES (%(delivery_id)s, %(webhook_id)s, "
                "%(team_id)s, %(message_id)s, %(position)s, %(type)s) "
                "ON CONFLICT DO NOTHING",
                [asdict(one) | {"delivery_id": one.delivery_id} for one in deliveries],
            )

    def again(self, webhook_id: UUID, delivery_id: UUID) -> None:
        self._do(
            "UPDATE webhook_delivery SET state = 'pending', failures = 0, next_at = now() "
            "WHERE webhook_id = %s AND delivery_id = %s",
            webhook_id,
            delivery_id,
        )

    def resume(self, webhook_id: UUID) -> None:
        self._do(
            # Who found it disabled a moment ago does not put it off for a day any more.
            "UPDATE webhook_delivery "
            "SET failures = 0, next_at = now(), leased_until = NULL "
            "WHERE webhook_id = %s AND state = 'pending'",
            webhook_id,
        )

    def forget(self, webhook_id: UUID) -> None:
        self._do("DELETE FROM webhook_delivery WHERE webhook_id = %s", webhook_id)

    def due(self) -> list[UUID]:
        with self._database.cursor() as cursor:
            return [row[0] for row in cursor.execute(DUE).fetchall()]

    def prune(self) -> None:
        self._do("DELETE FROM webhook_delivery WHERE created_at < now() - interval '30 d'")

    def _do(self, statement: LiteralString, *values: object) -> None:
        with self._database.cursor() as cursor:
            cursor.execute(statement, values)


class PostgresDeliveryQueue:
    """Plays `DeliveryQueue`, under the worker's role."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, webhook_id: UUID) -> Delivery | None:
        with self._database.cursor() as cursor:
            found = _read(cursor, CLAIM + COLUMNS, (webhook_id,))
        return found[0] if found else None

    def settle(
        self,
        claimed: Delivery,
        *,
        state: str,
        failures: int,
        next_at: datetime,
        attempts: tuple[PostAttempt, ...],
    ) -> None:
        kept = Jsonb(list(attempts), dumps=orjson.dumps)
        place = (claimed.delivery_id, claimed.leased_until)
        with self._database.cursor() as cursor:
            cursor.execute(
                "UPDATE webhook_delivery SET (state, failures, next_at, attempts, "
                "leased_until) = (%s, %s, %s, %s, NULL) "
                "WHERE delivery_id = %s AND leased_until = %s",
                (state, failures, next_at, kept, *place),
            )


class PostgresDeliveryLog:
    """Plays `DeliveryLog`, under the api's role."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(
        self,
        team_id: UUID,
        webhook_id: UUID,
        *,
        before: tuple[int, UUID] | None,
        limit: int,
    ) -> list[Delivery]:
        where: LiteralString = "team_id = %s AND webhook_id = %s"
        values: list[Any] = [team_id, webhook_id]
        if before is not None:
            where += " AND (-position, message_id) > (%s, %s)"
            values += [-before[0], before[1]]
        return self._select(
            team_id,
            where + " ORDER BY position DESC, message_id LIMIT %s",
            [*values, limit],
        )

    def get(self, team_id: UUID, webhook_id: UUID, delivery_id: UUID) -> Delivery | None:
        where: LiteralString = "team_id = %s AND webhook_id = %s AND delivery_id = %s"
        found = self._select(team_id, where, [team_id, webhook_id, delivery_id])
        return found[0] if found else None

    def _select(
        self, team_id: UUID, where: LiteralString, values: list[Any]
    ) -> list[Delivery]:
        # Both parts are texts of this file.
        select: LiteralString = "SELECT " + COLUMNS + " FROM webhook_delivery WHERE "  # noqa: S608
        with self._database.team_cursor(team_id) as cursor:
            return _read(cursor, select + where, values)


def _read(
    cursor: Cursor, statement: LiteralString, values: Sequence[Any]
) -> list[Delivery]:
    """The deliveries that the statement answers."""
    with cursor.connection.cursor(row_factory=dict_row) as named:
        return _DELIVERIES.validate_python(named.execute(statement, values).fetchall())
