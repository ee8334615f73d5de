"""The views over the fleet log in PostgreSQL."""

from __future__ import annotations

from uuid import UUID

from adapters.postgres.view import PostgresView
from projections.bot_directory import BotDirectory, BotRow
from projections.key_ring import KeyRing, KeyRow
from projections.route_table import BotRoute, BotRoutes, KeyRoute, KeyRoutes


class PostgresBotDirectory(PostgresView[BotRow], BotDirectory):
    table = "bot_directory"
    row = BotRow

    def of_team(self, team_id: UUID, *, after: str, limit: int) -> list[BotRow]:
        return self.query(
            team_id,
            "team_id = %s AND hostname > %s ORDER BY hostname LIMIT %s",
            team_id,
            after,
            limit,
        )

    def of_runtime(self, runtime: str) -> list[BotRow]:
        """Every team's bots that run there, as the worker may see them."""
        with self._database.cursor() as cursor:
            cursor.execute("SELECT * FROM bot_directory WHERE runtime = %s", (runtime,))
            return self._rows(cursor)


class PostgresKeyRing(PostgresView[KeyRow], KeyRing):
    table = "key_ring"
    row = KeyRow

    def of_team(self, team_id: UUID, *, after: UUID | None, limit: int) -> list[KeyRow]:
        return self.query(
            team_id,
            "team_id = %s AND key_id > %s ORDER BY key_id LIMIT %s",
            team_id,
            after or UUID(int=0),
            limit,
        )

    def awaiting_check(self) -> list[KeyRow]:
        with self._database.cursor() as cursor:
            cursor.execute("SELECT * FROM key_ring WHERE open_check IS NOT NULL LIMIT 500")
            return self._rows(cursor)

    def awaiting_time(self) -> list[KeyRow]:
        with self._database.cursor() as cursor:
            cursor.execute(
                "SELECT * FROM key_ring WHERE cooling_until IS NOT NULL "
                "OR parked_at IS NOT NULL OR old_secrets <> '[]'"
            )
            return self._rows(cursor)


class PostgresBotRoutes(PostgresView[BotRoute], BotRoutes):
    table = "bot_routes"
    row = BotRoute

    def all(self) -> list[BotRoute]:
        return self.every()


class PostgresKeyRoutes(PostgresView[KeyRoute], KeyRoutes):
    table = "key_routes"
    row = KeyRoute

    def all(self) -> list[KeyRoute]:
        return self.every()
