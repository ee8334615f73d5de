"""The reaper: closes the calls of proxies that died, as abandoned, with an estimate.

A proxy's lease row says until when it lives, by the database's clock, and from which
position on its open calls are found. When a lease has run out, every admission of that
process without an end is ended here; the row is kept for an hour and looked at again, for
a statement that was under way when the lease ended. After a start of the database the
reaper waits one full lease, so that the living can renew first.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import LiteralString, cast
from uuid import UUID

from adapters.postgres.balances import PostgresBalances
from adapters.postgres.call_lease import LEASE_SECONDS
from adapters.postgres.database import Database
from application.event_log import Caller, EventLog, acting
from domain.calls import Call, CallAbandoned, CallAdmitted, CallStatus
from domain.errors import ConcurrentChange
from domain.holds import Booking
from domain.holds import abandoned as abandoned_holds
from domain.usage import UNWEIGHED, Usage, UsageSource

log = logging.getLogger(__name__)

PAGE = 500

CLOCK: LiteralString = """
SELECT now(), now() - pg_postmaster_start_time() > make_interval(secs => %s)
"""

# Each admission is read once, however many leases have ended in the last hour.
OPEN_CALLS: LiteralString = """
WITH ended AS MATERIALIZED (
    SELECT process_id, open_since FROM call_lease
    WHERE ends_at < %(now)s
), admitted AS MATERIALIZED (
    SELECT notification_id, originator_id,
           (convert_from(state, 'UTF8')::json -> 'event' ->> 'process_id')::uuid
               AS process_id
    FROM calls_events
    WHERE notification_id >= (SELECT min(open_since) FROM ended)
      AND notification_id > %(after)s
      AND originator_version = 1 AND topic = 'call.admitted'
)
SELECT a.notification_id, a.originator_id
FROM admitted AS a JOIN ended AS l USING (process_id)
WHERE a.notification_id >= l.open_since
  AND NOT EXISTS (SELECT FROM calls_events AS e
                  WHERE e.originator_id = a.originator_id
                    AND e.topic IN ('call.settled', 'call.abandoned'))
ORDER BY a.notification_id LIMIT %(page)s
"""

# What is behind the head was not there yet, and is looked at the next time.
LOOKED_AT: LiteralString = """
UPDATE call_lease SET open_since = %(head)s
WHERE ends_at < %(now)s AND open_since < %(head)s
"""

FORGET: LiteralString = "DELETE FROM call_lease WHERE ends_at < %(now)s - interval '1 hour'"


class Reaper:
    """Ends what nobody else will."""

    def __init__(self, database: Database, calls: EventLog) -> None:
        self._database = database
        self._calls = calls
        self._balances = PostgresBalances(database)

    def reap(self) -> int:
        """Every call of a lease that ran out has its end; how many were ended here."""
        with self._database.cursor() as cursor:
            [(now, may_reap)] = cursor.execute(CLOCK, (LEASE_SECONDS,)).fetchall()
        if not may_reap:
            return 0
        head, after, ended = self._calls.head(), 0, 0
        # A lease that ends meanwhile is the next round's, and nothing of it is passed by.
        asked = {"now": now, "head": head, "page": PAGE}
        while calls := self._open({**asked, "after": after}):
            ended += sum(self._abandon(call_id) for _, call_id in calls)
            after = calls[-1][0]
        with self._database.cursor() as cursor:
            cursor.execute(LOOKED_AT, asked)
            cursor.execute(FORGET, asked)
        if ended:
            log.warning("calls.abandoned", extra={"size": ended})
        return ended

    def _open(self, asked: Mapping[str, object]) -> list[tuple[int, UUID]]:
        with self._database.cursor() as cursor:
            cursor.execute(OPEN_CALLS, asked)
            return cast("list[tuple[int, UUID]]", cursor.fetchall())

    def _abandon(self, call_id: UUID) -> bool:
        """Whether the call was ended here; its own process may be faster."""
        while (ended := self._abandoned(call_id)) is None:
            pass
        return ended

    def _abandoned(self, call_id: UUID) -> bool | None:
        """The same; None: the call went on meanwhile, and has to be looked at again."""
        stream = self._calls.read(Call(), call_id)
        admitted = self._calls.history(call_id, until=1)[0].event
        if stream.state.status is not CallStatus.OPEN or not isinstance(
            admitted, CallAdmitted
        ):
            return False
        bookings = abandoned_holds(stream.state.holds)
        caller = Caller(
            actor="system:reaper",
            team_id=admitted.facts.team_id,
            correlation_id=str(call_id),
            causation_id=f"call:{call_id}:1",
        )
        try:
            with self._database.unit_of_work(), acting(caller):
                self._balances.move(bookings)
                self._calls.append(stream, [abandoned(admitted, bookings)])
        except ConcurrentChange:
            return None
        return True


def abandoned(admitted: CallAdmitted, bookings: tuple[Booking, ...]) -> CallAbandoned:
    """The end of a call whose answer nobody saw: all that is known is what it asked."""
    usage = Usage()
    if admitted.format is not None and admitted.format not in UNWEIGHED:
        usage = Usage(input_tokens=admitted.input_estimate, source=UsageSource.ESTIMATED)
    return CallAbandoned(facts=admitted.facts, usage=usage, bookings=bookings)
