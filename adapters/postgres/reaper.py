"""The reaper: closes the calls of proxies that died, as abandoned, with an estimate.

A proxy's lease row says until when it lives, by the database's clock, and from which
position on its open calls are found. When a lease has run out, every admission of that
process without an end is ended here; the row is kept for an hour and looked at again, for
a statement that was under way when the lease ended. After a start of the database the
reaper waits one full lease, so that the living can renew first.
"""

from __future__ import annotations

import logging
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

ENDED_LEASES: LiteralString = """
SELECT process_id, open_since FROM call_lease
WHERE ends_at < now()
  AND now() - pg_postmaster_start_time() > make_interval(secs => %s)
"""

OPEN_CALLS: LiteralString = """
SELECT a.notification_id, a.originator_id
FROM calls_events AS a
WHERE a.notification_id >= %s AND a.originator_version = 1 AND a.topic = 'call.admitted'
  AND convert_from(a.state, 'UTF8')::json -> 'event' ->> 'process_id' = %s
  AND NOT EXISTS (SELECT FROM calls_events AS e
                  WHERE e.originator_id = a.originator_id
                    AND e.topic IN ('call.settled', 'call.abandoned'))
ORDER BY a.notification_id LIMIT %s
"""


class Reaper:
    """Ends what nobody else will."""

    def __init__(self, database: Database, calls: EventLog) -> None:
        self._database = database
        self._calls = calls
        self._balances = PostgresBalances(database)

    def reap(self) -> int:
        """Every call of a lease that ran out has its end; how many were ended here."""
        with self._database.cursor() as cursor:
            leases = cursor.execute(ENDED_LEASES, (LEASE_SECONDS,)).fetchall()
        return sum(self._reap(process_id, since) for process_id, since in leases)

    def _reap(self, process_id: UUID, since: int) -> int:
        head, ended = self._calls.head(), 0
        while calls := self._open(process_id, since):
            ended += sum(self._abandon(call_id) for _, call_id in calls)
            since = calls[-1][0] + 1
        with self._database.cursor() as cursor:
            # What is behind the head was not there yet, and is looked at the next time.
            cursor.execute(
                "UPDATE call_lease SET open_since = GREATEST(open_since, %s) "
                "WHERE process_id = %s AND ends_at < now()",
                (head, process_id),
            )
            cursor.execute(
                "DELETE FROM call_lease WHERE process_id = %s "
                "AND ends_at < now() - interval '1 hour'",
                (process_id,),
            )
        if ended:
            log.warning("calls.abandoned", extra={"size": ended, "process_id": process_id})
        return ended

    def _open(self, process_id: UUID, since: int) -> list[tuple[int, UUID]]:
        with self._database.cursor() as cursor:
            cursor.execute(OPEN_CALLS, (since, str(process_id), PAGE))
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
