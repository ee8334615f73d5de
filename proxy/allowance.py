"""How far a stream may go: the next slice is held before the last one is used up.

It asks ahead, while the stream goes on. Only where nothing is left does the stream wait for
the answer, and if that is no, it is over.
"""

from __future__ import annotations

import asyncio
from uuid import UUID

from application.ports import Meter
from domain.errors import LimitReached, Unavailable
from proxy.holding import Holding

AHEAD = 1_024  # tokens that are left when more is asked for


class Allowance:
    """Of one stream that grows (`Holding.grows`)."""

    def __init__(self, meter: Meter, call_id: UUID, holding: Holding) -> None:
        self._meter = meter
        self._call_id = call_id
        self._holding = holding
        self._asking: asyncio.Task[None] | None = None
        self.refused: str | None = None  # the code of what said no, the last time

    async def covers(self, written: int) -> bool:
        """Whether so many tokens of output are held, by now at least."""
        holding = self._holding
        if holding.complete or written + AHEAD <= holding.output_tokens:
            return True
        if written <= holding.output_tokens:
            if self._asking is None and self.refused is None:
                self._ask()
            return True
        while written > holding.output_tokens and not holding.complete:
            asking = self._asking or self._ask()
            await asyncio.shield(asking)
            if self.refused is not None:
                return False
        return True

    def _ask(self) -> asyncio.Task[None]:
        self._asking = asyncio.create_task(self._extend())
        return self._asking

    async def _extend(self) -> None:
        self.refused = None
        try:
            granted = await self._meter.extend(self._call_id, self._holding.more())
        except (LimitReached, Unavailable) as error:
            self.refused = error.code
        else:
            self._holding.grew(granted)
        finally:
            self._asking = None
