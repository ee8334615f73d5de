"""Wires `clawbot quota verify`: the calls log, and the table that has to say the same."""

from __future__ import annotations

from adapters.bootstrap.followers import ROLE, event_logs
from adapters.months.months import refuse_while_detached
from adapters.postgres.database import Database
from adapters.postgres.quotas import PostgresQuotaBalances
from application.balances import Progress, Verified, verify
from domain.log import CALLS


def verify_quotas(url: str, progress: Progress) -> Verified:
    """Whether every balance is what its calls say; everything goes on meanwhile."""
    database = Database(url, role=ROLE, size=3)
    database.open()
    try:
        with database.connection() as connection:
            refuse_while_detached(connection, "The check of balances")
            table = PostgresQuotaBalances(database)
            found = verify(event_logs(database)[CALLS], table, progress)
            refuse_while_detached(connection, "The check of balances")  # nor was meanwhile
        return found
    finally:
        database.close()
