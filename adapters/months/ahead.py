"""Makes the next months' parts of the calls log before the first call is in them."""

from __future__ import annotations

from adapters.postgres.database import Database

AHEAD = 2  # months beside this one


class MonthsAhead:
    """Under the projector's role, through a function of the owner's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def make(self) -> None:
        """This month's part is there and the next two; `Unavailable`: try again later."""
        for ahead in range(AHEAD + 1):
            with self._database.cursor() as cursor:
                cursor.execute(
                    "SELECT make_calls_month(now() + make_interval(months => %s))", (ahead,)
                )
