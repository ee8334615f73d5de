"""Erasures stay: what the ledger tells and the database does not know is done again.

That is so after a restore, and after a process that was killed between the two.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from functools import partial
from uuid import UUID

from adapters.erasure_ledger import NAME, FileErasures
from adapters.event_store import EventMapper
from adapters.postgres.database import Cursor, Database
from adapters.postgres.erased import claims_of, erased_in, known_in
from adapters.postgres.idempotency import forget_answers
from adapters.postgres.recorder import PostgresRecorder
from adapters.postgres.vault import PostgresShredder
from adapters.settings import Settings
from application.bus import Bus
from application.erasing import ErasePerson, erase_person
from application.event_log import Caller, EventLog
from domain.ids import UserId
from domain.log import FLEET

ROLE = "clawbot_api"
BY = Caller(actor="system:erasures")


def ledger_of(settings: Settings) -> FileErasures:
    """The ledger in the data folder."""
    return FileErasures(settings.clawbot_data_dir.expanduser() / NAME)


def owed(ledger: FileErasures, url: str) -> list[UserId]:
    """Whom the ledger tells of and the database still knows: to be erased before anybody
    is served. Whom the database alone tells of is in the ledger then.

    `Unavailable`, `BadSetup`.
    """
    with closing(Database(url, role=ROLE, size=1)) as database:
        database.open()
        told = ledger.ids() or []
        with database.cursor() as cursor:
            ledger.add(erased_in(cursor))
            return _left(cursor, told)


def erase_again(database: Database, user_ids: Collection[UUID]) -> int:
    """Those of them whom the database still knows are erased; how many.

    No master key is needed: a restore may have none.
    """
    with database.cursor() as cursor:
        todo = _left(cursor, user_ids)
        claims = claims_of(cursor, todo) if todo else {}
    bus = Bus(database.unit_of_work)
    fleet = EventLog(FLEET, PostgresRecorder(database, FLEET), EventMapper())
    people = PostgresShredder(database.cursor)
    bus.register(ErasePerson, partial(erase_person, event_log=fleet, people=people))
    for user_id in todo:
        forget_answers(database, str(user_id))
        held = tuple(sorted(claims.get(user_id, ())))
        bus.handle(ErasePerson(user_id=user_id, claims=held), by=BY)
    return len(todo)


def _left(cursor: Cursor, user_ids: Collection[UUID]) -> list[UserId]:
    """Those of them whom the database knows and has not erased."""
    left = known_in(cursor, set(user_ids) - set(erased_in(cursor)))
    return [UserId(one) for one in left]
