"""How many data keys lie under each master key, and how many are too many.

A data key is wrapped with a random nonce of 96 bits. NIST SP 800-38D, 8.3: one key must
not do that more than 2**32 times, or two nonces may be alike. What was removed since, or
wrapped anew, was wrapped too and is not counted: so we warn at a sixteenth of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Identifier

from adapters.postgres.rewrap import TABLES

MOST: Final = 2**32
WORTH_A_WARNING: Final = MOST // 16


@dataclass(frozen=True, kw_only=True)
class Wraps:
    """The data keys under one master key."""

    kek_id: str
    data_keys: int

    @property
    def too_many(self) -> bool:
        """Whether it is time for another master key."""
        return self.data_keys >= WORTH_A_WARNING


def wraps(connection: psycopg.Connection[Any]) -> list[Wraps]:
    """Of every master key that there ever was; the connection is the tables' owner's."""
    counted = SQL(" UNION ALL ").join(
        SQL("SELECT kek_id FROM vault.{}").format(Identifier(table.name))
        for table in TABLES
    )
    statement = SQL(
        "SELECT k.kek_id, count(w.kek_id) FROM vault.kek AS k "
        "LEFT JOIN ({}) AS w USING (kek_id) GROUP BY k.kek_id, k.created_at "
        "ORDER BY k.created_at, k.kek_id"
    ).format(counted)
    with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute(statement).fetchall()
    return [Wraps(kek_id=kek_id, data_keys=count) for kek_id, count in rows]
