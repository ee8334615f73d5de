"""The database that analysts and auditors read: `READ_DATABASE_URL`, else the one we write.

It is meant for a replica that streams from the first one. A replica is behind by a little:
each answer says how far it saw (`X-Log-Position`), and `after_position` waits for it.
Nothing falls back to the first database while the replica is away: who keeps the load of
reports from it does not want it back at the worst moment. Commands, single resources and
calls never ask here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from adapters.postgres.database import Database
from application.readiness import Dependency
from domain.errors import Unavailable

NAME = "read-database"


@contextmanager
def reading_from(url: str | None, own: Database, *, size: int) -> Iterator[Database]:
    """A pool of at most `size` connections under the role of `own`, or `own` itself."""
    if not url:
        yield own
        return
    database = Database(url, role=own.role, size=size)
    database.open()
    try:
        yield database
    finally:
        database.close()


def look_at(database: Database) -> Dependency:
    """Whether it answers; without it everything but reports is served."""
    try:
        with database.cursor() as cursor:
            cursor.execute("SELECT")
    except Unavailable:
        return Dependency(name=NAME, ready=False, needed=False)
    return Dependency(name=NAME, ready=True, needed=False)
