"""Who is erased in a database, and whatever of people has to go with them.

No master key is needed for it: a record is deleted unopened, and what somebody claims is
found by who holds it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import LiteralString
from uuid import UUID

from adapters.postgres.database import Connection, Cursor

ERASED: LiteralString = (
    "SELECT originator_id FROM fleet_events WHERE topic = 'user.erased'"  # has an index
)
THERE: LiteralString = (
    "SELECT originator_id FROM fleet_events "
    "WHERE originator_id = ANY(%s) AND originator_version = 1 AND topic = 'user.registered'"
)
CLAIMS: LiteralString = """
SELECT originator_id, (convert_from(state, 'UTF8')::jsonb #>> '{event,holder}')::uuid
FROM fleet_events WHERE topic = 'claim.taken'
  AND (convert_from(state, 'UTF8')::jsonb #>> '{event,holder}')::uuid = ANY(%s)
"""


def erased_in(connection: Connection | Cursor) -> list[UUID]:
    """Everybody of whom the log says that they are erased."""
    return sorted(user_id for (user_id,) in connection.execute(ERASED).fetchall())


def known_in(cursor: Cursor, user_ids: Collection[UUID]) -> list[UUID]:
    """Those whom the log knows."""
    found = cursor.execute(THERE, (list(user_ids),)).fetchall()
    return sorted(user_id for (user_id,) in found)


def claims_of(cursor: Cursor, user_ids: Collection[UUID]) -> dict[UUID, set[UUID]]:
    """The streams in which each of them ever claimed something; reads the whole log."""
    claims: dict[UUID, set[UUID]] = {}
    for claim, holder in cursor.execute(CLAIMS, (list(user_ids),)):
        claims.setdefault(holder, set()).add(claim)
    return claims
