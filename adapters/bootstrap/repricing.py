"""Wires `clawbot reprice`: the calls log, as the projector may write it, and the prices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from adapters.bootstrap.followers import ROLE, event_logs
from adapters.postgres.database import Database
from adapters.prices import shipped_price_book
from application.reprice import Repricing
from domain.log import CALLS


@contextmanager
def repricing(url: str) -> Iterator[Repricing]:
    """What charges calls again; its connections are closed at the end."""
    database = Database(url, role=ROLE, size=2)
    database.open()
    try:
        yield Repricing(
            calls=event_logs(database)[CALLS],
            prices=shipped_price_book(),
            unit_of_work=database.unit_of_work,
        )
    finally:
        database.close()
