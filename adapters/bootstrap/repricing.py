"""Wires `clawbot reprice`: the calls log, as the projector may write it, and the prices.

Teams' own prices are folded up to the head of the fleet log, so that one which was set a
moment ago counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from adapters.bootstrap.followers import ROLE, event_logs
from adapters.postgres.balances import PostgresBalances
from adapters.postgres.database import Database
from adapters.prices import shipped_price_book
from adapters.routes import PAGE, PRICES
from adapters.team_prices import TeamPriceBook
from application.event_log import EventLog
from application.reprice import Repricing
from domain.log import CALLS, FLEET
from projections.model_prices import TeamPrices
from projections.route_table import RouteTable


@contextmanager
def repricing(url: str) -> Iterator[Repricing]:
    """What charges calls again; its connections are closed at the end."""
    database = Database(url, role=ROLE, size=2)
    database.open()
    try:
        logs = event_logs(database)
        team_prices = prices_of_teams(database, logs[FLEET])
        yield Repricing(
            calls=logs[CALLS],
            prices=TeamPriceBook(shipped_price_book(), team_prices.of),
            unit_of_work=database.unit_of_work,
            balances=PostgresBalances(database),
        )
    finally:
        database.close()


def prices_of_teams(database: Database, fleet: EventLog) -> TeamPrices:
    """Every team's own prices as they stand."""
    table, view = RouteTable(), PRICES.view(database)
    with database.snapshot():
        after = view.position(fleet.name)
        for row in view.every():
            table.prices.put(row.price_id, row)
    while (page := fleet.page(after=after, limit=PAGE)).upto > after:
        PRICES.take(table, page)
        after = page.upto
    return table.prices
