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
from domain.holds import Hold, bookings_of


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


class HeldCalls:
    """Kept from the admission to the end."""

    def __init__(self) -> None:
        self._calls: dict[int, HeldCall] = {}  # by number: a UUID is hashed by Python code

    @property
    def any(self) -> bool:
        """Whether any call is kept here."""
        return bool(self._calls)

    def admitted(self, call_id: UUID, holds: tuple[Hold, ...]) -> None:
        """The call was admitted with these holds."""
        if holds:
            self._calls[call_id.int] = HeldCall(holds=holds)

    def of(self, call_id: UUID, holds: tuple[Hold, ...]) -> HeldCall:
        """The call's, to be extended; `Unavailable` if what it held is settled by now."""
        if holds and call_id.int not in self._calls:
            raise Unavailable("the call has ended")
        return self._calls.setdefault(call_id.int, HeldCall())

    async def end(self, call_id: UUID, settled: CallSettled) -> tuple[int, CallSettled]:
        """The version of the call's end, and the end with what it books; then forgotten.

        An extension under way is waited for, since it stands before the end.
        """
        call = self._calls.pop(call_id.int, None)
        if call is None:
            return 2, settled
        if call.lock is not None:
            async with call.lock:
                pass
        bookings = bookings_of(call.holds, outcome_of(settled))
        return call.version + 1, but(settled, bookings=bookings)
