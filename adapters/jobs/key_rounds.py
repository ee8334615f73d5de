"""What time does to provider keys: looked after every few seconds, for all teams.

A key that has cooled down is noted to be well, a secret whose grace is over is shredded,
and a parked key is checked again: after a quarter of an hour, and then when as much time
has passed as it had been parked at the last check, but at least once a day.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from application.bus import Bus
from application.event_log import Caller
from application.key_states import RecoverKey, RetireSecrets
from application.keys import CheckProviderKey
from domain.errors import NotFound
from domain.ids import ProviderKeyId, TeamId
from projections.key_ring import KeyRing, KeyRow

FIRST_CHECK = timedelta(minutes=15)
RAREST_CHECK = timedelta(days=1)
# A proxy may use a route for 5 s that was rotated meanwhile, and a call opens its secret.
LAST_USERS = timedelta(seconds=15)


class KeyRounds:
    """Gives the commands that are due; each is harmless to give twice."""

    def __init__(self, key_ring: KeyRing, bus: Bus) -> None:
        self._key_ring = key_ring
        self._bus = bus

    def make(self) -> None:
        """One round, now."""
        self.make_at(datetime.now(UTC))

    def make_at(self, now: datetime) -> None:
        """The same, at any time."""
        for row in self._key_ring.awaiting_time():
            try:
                self._look_after(row, now)
            except NotFound:  # removed since the view was read
                continue

    def _look_after(self, row: KeyRow, now: datetime) -> None:
        by = Caller(actor="system:projector", team_id=row.team_id)
        key_id = ProviderKeyId(row.key_id)
        if row.cooling_until is not None and row.cooling_until <= now:
            self._bus.handle(RecoverKey(key_id=key_id, now=now), by=by)
        if any(old.ends_at + LAST_USERS <= now for old in row.old_secrets):
            retire = RetireSecrets(key_id=key_id, now=now - LAST_USERS)
            self._bus.handle(retire, by=by)
        if is_due(row, now):
            check = CheckProviderKey(
                key_id=key_id, team_id=TeamId(row.team_id), check_id=uuid4()
            )
            self._bus.handle(check, by=by)


def is_due(row: KeyRow, now: datetime) -> bool:
    """Whether a parked key should be asked about again."""
    if row.parked_at is None or row.open_check is not None:
        return False
    last = max(row.parked_at, row.checked_at or row.parked_at)
    pause = min(max(last - row.parked_at, FIRST_CHECK), RAREST_CHECK)
    return now - last >= pause
