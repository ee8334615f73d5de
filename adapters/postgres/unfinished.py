"""The mark on a database that is being restored: nothing starts on it, nothing migrates it.

It is a table, so that it stays where a restore was broken off, however that ended.
"""

from __future__ import annotations

from typing import Any, LiteralString

import psycopg
from psycopg.sql import SQL, Identifier

from domain.errors import BadSetup

MARK: LiteralString = "public.restore_under_way"
SCHEMAS: LiteralString = """
SELECT nspname FROM pg_namespace
WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
"""
ANYTHING: LiteralString = """
SELECT EXISTS (
    SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'e')
) OR EXISTS (
    SELECT FROM pg_namespace WHERE nspname !~ '^pg_'
    AND nspname NOT IN ('information_schema', 'public')
)
"""

Connection = psycopg.Connection[Any]


def is_marked(connection: Connection) -> bool:
    """Whether a restore was begun and has not ended."""
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (MARK,)).fetchone()
    return row == (True,)


def is_empty(connection: Connection) -> bool:
    """Whether there is no table, view or schema of anybody's."""
    return connection.execute(ANYTHING).fetchone() == (False,)


def mark(connection: Connection) -> None:
    """From now on nothing starts here."""
    connection.execute(SQL("CREATE TABLE {} (begun_at timestamptz)").format(SQL(MARK)))


def unmark(connection: Connection) -> None:
    """It is whole."""
    connection.execute(SQL("DROP TABLE {}").format(SQL(MARK)))


def clear(connection: Connection) -> None:
    """Whatever is in a marked database is gone, the mark too."""
    for (schema,) in connection.execute(SCHEMAS).fetchall():
        connection.execute(SQL("DROP SCHEMA {} CASCADE").format(Identifier(schema)))
    connection.execute("CREATE SCHEMA public")
    connection.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")


def refuse_unfinished(connection: Connection) -> None:
    """`BadSetup` while the mark is there."""
    if is_marked(connection):
        msg = (
            "A restore into this database was begun and has not ended: run `clawbot "
            "restore` again, with the same backup or another; it begins anew."
        )
        raise BadSetup(msg)
