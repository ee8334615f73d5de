"""The views of routing, played in memory."""

from __future__ import annotations

from uuid import UUID

from adapters.memory import MemoryView
from projections.model_prices import ModelPriceRow, ModelPrices


class MemoryModelPrices(MemoryView[ModelPriceRow], ModelPrices):
    def of_team(self, team_id: UUID) -> list[ModelPriceRow]:
        mine = (row for row in self.rows.values() if row.team_id == team_id)
        return sorted(mine, key=lambda row: (row.vendor, row.model))

    def all(self) -> list[ModelPriceRow]:
        return list(self.rows.values())
