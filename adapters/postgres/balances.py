"""Balances of quotas, moved by what happens outside the proxies: abandoned calls, prices.

It is done in the unit of work of the event that says so, and before that event is written:
balances are locked before the log, everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from adapters.postgres.budget_concerns import Moves
from adapters.postgres.database import Database
from domain.holds import Booking


class PostgresBalances:
    """Plays `MovesBalances`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def move(self, bookings: Iterable[Booking]) -> None:
        """The balances are as the bookings make them, once the unit of work is over."""
        moves = Moves()
        for booking in bookings:
            moves.add(booking)
        if not moves.by_window:
            return
        rows = [
            (UUID(int=quota), start, held, settled)
            for (quota, start), (held, settled) in moves.by_window.items()
        ]
        columns = [list(column) for column in zip(*rows, strict=True)]
        with self._database.cursor() as cursor:
            cursor.execute(
                "SELECT move_balances("
                "%s::uuid[], %s::timestamptz[], %s::bigint[], %s::bigint[])",
                columns,
            )
