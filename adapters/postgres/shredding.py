"""Deleted rows are overwritten: PostgreSQL leaves them in its files until it vacuums.

Only the owner of the tables may do it. What is in the write-ahead log goes when that is
recycled, what is in an archive of it or in a backup when that is deleted.
"""

from __future__ import annotations

import psycopg
from psycopg import errors

from domain.errors import Unavailable

CONNECT_SECONDS = 5


def overwrite_deleted(url: str) -> None:
    """The files hold no people and no kept answers but those that there are.

    Both tables are written anew, which locks them for a moment; `Unavailable` if somebody
    holds one of them for longer than that.
    """
    try:
        with psycopg.connect(
            url, autocommit=True, connect_timeout=CONNECT_SECONDS
        ) as owner:
            owner.execute("SET lock_timeout = '10s'")
            owner.execute("VACUUM (FULL) vault.person")
            owner.execute("VACUUM (FULL) idempotency")
    except (errors.OperationalError, errors.InterfaceError) as error:
        msg = "erased, but what is left in the database's files could not be overwritten"
        raise Unavailable(msg) from error
