"""Makes the months' parts of the calls log, and of the view of its calls."""

from __future__ import annotations

from adapters.postgres.database import Connection, Database


class MonthsAhead:
    """Before the first call is in them; under the projector's role."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def make(self) -> None:
        """As `make_months`; `Unavailable`: try again later."""
        with self._database.connection() as connection:
            make_months(connection)


def make_months(connection: Connection) -> None:
    """Each month that has calls has its parts, and so have this one and the next two.

    Only the owner may make them, so it is a function of the owner's.
    """
    connection.execute("SELECT make_months_of_calls()")
