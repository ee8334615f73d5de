"""A view's copy while it is filled, and the moment in which it takes the view's place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from psycopg.sql import SQL

from adapters.bootstrap.followers import VIEWS
from adapters.follower import ViewFollower
from adapters.months.months import refuse_while_detached
from adapters.postgres.database import Connection, Database
from adapters.postgres.view_copy import (
    SCHEMA,
    Difference,
    compare,
    put_right,
    take_position,
)
from adapters.postgres.view_positions import ensure_positions, stored_version
from domain.log import CALLS


class Copy:
    """A view's copy, and where the view itself is.

    Whoever holds the copy's lock replaces the view: a lost connection is both.
    """

    def __init__(
        self,
        database: Database,
        connection: Connection,
        name: str,
        *,
        check: bool,
        parked: bool,
    ) -> None:
        projector, view = VIEWS[name]
        self.name = name
        self.key: tuple[str, ...] = projector.row.KEY
        self.version = projector.version
        self.logs = projector.logs
        self.follower = ViewFollower(projector(), view(database, schema=SCHEMA))
        self.check = check
        self.done = dict.fromkeys(self.logs, 0)
        self.holder = connection
        # A view that has never run has no row that could be locked.
        ensure_positions(connection, name, self.logs, version=self.version)
        # Whether the view is to go on from where the copy is, instead of from where it is.
        other = stored_version(connection, name)[0] != self.version
        self.leads = not check and (other or parked or not any(self.live().values()))

    def live(self, *, lock: bool = False) -> dict[str, int]:
        """Where the live view is in each log, and will stay if they are locked."""
        rows: list[tuple[str, int]] = self.holder.execute(
            SQL("SELECT log, position FROM view_position WHERE view = %s ORDER BY log")
            + SQL(" FOR UPDATE" if lock else ""),
            (self.name,),
        ).fetchall()
        return {log: position for log, position in rows if log in self.logs}

    def settle(self, goal: Mapping[str, int]) -> Difference:
        """Compare, and replace what differs; in the transaction that holds the view."""
        if CALLS in self.logs:  # a month may have been taken out while the copy read
            refuse_while_detached(self.holder, "A view of calls")
        difference = compare(self.holder, self.name, self.key)
        if difference and not self.check:
            put_right(self.holder, self.name, self.key)
        if self.leads:
            take_position(self.holder, self.name, goal, self.version)
        return difference

    @contextmanager
    def holding_the_view(self) -> Iterator[dict[str, int]]:
        """Its projector waits, and what is done to its rows is seen at the end."""
        with self.holder.transaction():
            # Nobody is idle here: this waits while another connection fills the copy.
            self.holder.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            yield self.live(lock=True)
