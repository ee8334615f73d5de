"""Whether a process can do its work: what it needs, and how far its views are behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from adapters.postgres.database import Database
from application.event_log import EventLog
from application.readiness import Dependency, Look, ViewLag
from domain.errors import Unavailable


class DatabaseReadiness:
    """Plays `Readiness` for a process that needs the database, and looks at more."""

    def __init__(
        self,
        database: Database,
        logs: Mapping[str, EventLog],
        *,
        more: Sequence[Callable[[], Dependency]] = (),
    ) -> None:
        self._database = database
        self._logs = logs
        self._more = more

    def look(self) -> Look:
        """One look around; a database that does not answer is said to be not ready."""
        more = tuple(look() for look in self._more)
        try:
            heads = {name: log.head() for name, log in self._logs.items()}
            with self._database.cursor() as cursor:
                rows = cursor.execute(
                    "SELECT view, log, position FROM view_position ORDER BY view, log"
                ).fetchall()
        except Unavailable:
            return Look(
                dependencies=(Dependency(name="database", ready=False), *more), views=()
            )
        return Look(
            dependencies=(Dependency(name="database", ready=True), *more),
            views=tuple(
                ViewLag(view=view, log=log, behind=max(0, heads[log] - position))
                for view, log, position in rows
                if log in heads
            ),
        )
