"""What the calls of this process hold of budgets, and how far their streams have come.

Only calls that hold something, or asked for more, are kept here: of all others the second
event is the end.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

from domain.calls import CallSettled, outcome_of
from domain.errors import Unavailable
from domain.events import but
from domain.holds import Hold, booked_at_once, bookings_of


@dataclass(slots=True)
class HeldCall:
    """One of them."""

    version: int = 1  # of the stream
    holds: tuple[Hold, ...] = ()
    lock: asyncio.Lock | None = None  # of one that has asked for more

    def growing(self) -> asyncio.Lock:
        """Held while it asks for more."""
        if self.lock is None:
            self.lock = asyncio.Lock()
        return self.lock

    def grew(self, holds: tuple[Hold, ...]) -> None:
        """An extension is on record."""
        self.version += 1
        self.holds += holds

    async def at_rest(self) -> None:
        """No extension is under way, which would stand before the end."""
        if self.lock is not None:
            async with self.lock:
                pass

    def ended(self, settled: CallSettled) -> CallSettled:
        """The end, with what it books."""
        booked = booked_at_once if self.version == 1 else bookings_of
        return but(settled, bookings=booked(self.holds, outcome_of(settled)))


class HeldCalls:
    """Kept from the admission to the end."""

    def __init__(self) -> None:
        self._calls: dict[int, HeldCall] = {}  # by number: a UUID is hashed by Python code

    def admitted(self, call_id: UUID, holds: tuple[Hold, ...]) -> None:
        """The call was admitted with these holds."""
        if holds:
            self._calls[call_id.int] = HeldCall(holds=holds)

    def of(self, call_id: UUID, holds: tuple[Hold, ...]) -> HeldCall:
        """The call's, to be extended; `Unavailable` if what it held is settled by now."""
        if holds and call_id.int not in self._calls:
            raise Unavailable("the call has ended")
        return self._calls.setdefault(call_id.int, HeldCall())

    def forgotten(self, call_id: UUID) -> HeldCall | None:
        """The call, which ends; None if it holds nothing: its second event is the end."""
        return self._calls.pop(call_id.int, None)
