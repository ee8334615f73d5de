"""Deliveries to webhooks played in memory: planned, shown, and never posted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from application.webhook_deliveries import Delivery, NewDelivery


class MemoryDeliveries:
    """Plays `DeliveryPlan` and `DeliveryLog`."""

    def __init__(self) -> None:
        self.rows: dict[UUID, Delivery] = {}

    def add(self, deliveries: Sequence[NewDelivery]) -> None:
        now = datetime.now(UTC)
        for one in deliveries:
            new = Delivery(
                delivery_id=one.delivery_id,
                webhook_id=one.webhook_id,
                team_id=one.team_id,
                message_id=one.message_id,
                position=one.position,
                type=one.type,
                state="pending",
                failures=0,
                next_at=now,
                leased_until=None,
                attempts=(),
                created_at=now,
            )
            self.rows.setdefault(one.delivery_id, new)

    def again(self, webhook_id: UUID, delivery_id: UUID) -> None:
        row = self.rows.get(delivery_id)
        if row is not None and row.webhook_id == webhook_id:
            self.rows[delivery_id] = replace(row, state="pending", failures=0)

    def resume(self, webhook_id: UUID) -> None:
        for key, row in self.rows.items():
            if row.webhook_id == webhook_id and row.state == "pending":
                self.rows[key] = replace(row, failures=0, next_at=datetime.now(UTC))

    def forget(self, webhook_id: UUID) -> None:
        self.rows = {k: r for k, r in self.rows.items() if r.webhook_id != webhook_id}

    def due(self) -> list[UUID]:
        pending = (row for row in self.rows.values() if row.state == "pending")
        return list(dict.fromkeys(row.webhook_id for row in pending))

    def prune(self) -> None:
        """Nothing grows old in memory."""

    def of(
        self,
        team_id: UUID,
        webhook_id: UUID,
        *,
        before: tuple[int, UUID] | None,
        limit: int,
    ) -> list[Delivery]:
        found = [
            row
            for row in self.rows.values()
            if (row.team_id, row.webhook_id) == (team_id, webhook_id)
        ]
        found.sort(key=lambda row: (-row.position, row.message_id))
        place = None if before is None else (-before[0], before[1])
        rest = [r for r in found if place is None or (-r.position, r.message_id) > place]
        return rest[:limit]

    def get(self, team_id: UUID, webhook_id: UUID, delivery_id: UUID) -> Delivery | None:
        row = self.rows.get(delivery_id)
        mine = row is not None and (row.team_id, row.webhook_id) == (team_id, webhook_id)
        return row if mine else None
