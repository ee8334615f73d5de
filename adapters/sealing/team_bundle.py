"""A team's own events as lines, each with the proof that it is in the sealed log.

Of others there is nothing in it but hashes. The events are numbered within the team and
each names the one before, so that none can be left out in between.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import LiteralString
from uuid import UUID

from psycopg.sql import SQL, Identifier

from adapters.postgres.database import Database
from adapters.postgres.recorder import TABLES
from adapters.postgres.sealed_log import PostgresSealedLog
from adapters.sealing.cloud_events import checkpoint_line, event_line, proof_tie
from domain.sealing.leaves import StoredEvent

PAGE = 500

EVENTS: LiteralString = """
SELECT notification_id, originator_id, originator_version, topic, state FROM {}
WHERE notification_id = ANY(%s)
"""

Place = tuple[str, int]


class TeamLog:
    """What a team is given; plays `application.sealing.TeamExport`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._log = PostgresSealedLog(database)

    def lines(self, team_id: UUID) -> Iterator[bytes]:
        """The checkpoint that proofs lead to, then the events in order."""
        checkpoint = self._log.latest()
        size = 0 if checkpoint is None else checkpoint.size
        tree = self._log.tree(size)
        if checkpoint is not None:
            yield checkpoint_line(checkpoint)
        after = -1
        while page := self._log.headers(team_id, after=after, limit=PAGE):
            events = self._events([_place(header) for _, header in page])
            for index, header in page:
                yield event_line(
                    events.get(_place(header)),
                    index=index,
                    header=header,
                    ties=proof_tie(tree.inclusion(index) if index < size else None),
                )
            after = page[-1][0]

    def _events(self, places: Sequence[Place]) -> dict[Place, StoredEvent]:
        found = {}
        for name, table in TABLES.items():
            wanted = [position for log, position in places if log == name]
            with self._database.cursor() as cursor:
                cursor.execute(
                    SQL(EVENTS).format(Identifier(table)), (wanted,), binary=True
                )
                for position, stream_id, version, topic, state in cursor.fetchall():
                    found[name, position] = StoredEvent(
                        log=name,
                        position=position,
                        stream_id=stream_id,
                        version=version,
                        topic=topic,
                        state=state,
                    )
        return found


def _place(header: bytes) -> Place:
    """Where the header says that its event is."""
    said = json.loads(header)
    return said["log"], said["position"]
