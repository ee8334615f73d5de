"""The views of routing in PostgreSQL."""

from __future__ import annotations

from uuid import UUID

from adapters.postgres.view import PostgresView
from projections.model_prices import ModelPriceRow, ModelPrices
from projections.routing_shelves import RoutingShelves, ShelfRow


class PostgresModelPrices(PostgresView[ModelPriceRow], ModelPrices):
    table = "model_prices"
    row = ModelPriceRow

    def of_team(self, team_id: UUID) -> list[ModelPriceRow]:
        return self.query(team_id, "team_id = %s ORDER BY vendor, model", team_id)

    def all(self) -> list[ModelPriceRow]:
        return self.every()


class PostgresRoutingShelves(PostgresView[ShelfRow], RoutingShelves):
    table = "routing_shelves"
    row = ShelfRow

    def all(self) -> list[ShelfRow]:
        return self.every()
