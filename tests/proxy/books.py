"""What a relay and a settlement need around them, played by hand."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from domain.budgets import Extension, Granted, Wants
from domain.calls import CallAdmitted, CallFacts, CallRefused, CallSettled
from domain.errors import Unavailable
from domain.usage import Usage
from proxy.settlement import HOLD_SECONDS


@dataclass
class Books:
    """Plays `Meter` and `Prices`: keeps what it is told, as long as it is there."""

    away: bool = False
    cost: int | None = None
    ends: list[CallSettled] = field(default_factory=list)
    calls: list[UUID] = field(default_factory=list)
    asked: tuple[object, ...] = ()
    process_id: UUID = field(default_factory=uuid4)

    async def admit(
        self, call_id: UUID, admitted: CallAdmitted, wants: Wants | None = None
    ) -> Granted:
        raise NotImplementedError

    def has_quotas(self, team_id: UUID) -> bool:
        raise NotImplementedError

    async def extend(self, call_id: UUID, extension: Extension) -> Granted:
        raise NotImplementedError

    async def refuse(self, call_id: UUID, refused: CallRefused) -> int:
        raise NotImplementedError

    async def settle(
        self, call_id: UUID, settled: CallSettled, *, within_seconds: float
    ) -> int:
        assert within_seconds == HOLD_SECONDS
        self.ends.append(settled)
        self.calls.append(call_id)
        await asyncio.sleep(0)
        if self.away:
            raise Unavailable
        return len(self.ends)

    def priced(self, usage: Usage, facts: CallFacts) -> tuple[int | None, str | None]:
        self.asked = (usage.input_tokens, facts)
        return self.cost, "list"
