"""Past calls, with all that routing and quotas could want to know of them once more."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, TypeAlias, assert_never, cast
from uuid import UUID

from domain.calls import (
    CallAbandoned,
    CallAdmitted,
    CallCorrected,
    CallEvent,
    CallExtended,
    CallFacts,
    CallRefused,
    CallSettled,
)
from domain.events import but, made_often
from domain.log import CALLS, Placed
from domain.quota_events import ScopeKind
from domain.routing_kept import KeptRouting
from domain.routing_replay import PastCall
from domain.usage import UNKNOWN, Usage
from projections.view import Key, Projector, View

ScopesOf: TypeAlias = Callable[[UUID], Mapping[ScopeKind, str]]
"""What quotas may count a bot's calls by: its team, itself, and who made it."""


@made_often
@dataclass(frozen=True, kw_only=True)
class PastCallRow:
    """A call of a bot; `model` is the one that was asked for. `open`: it goes on."""

    KEY: ClassVar[tuple[str, ...]] = ("call_id",)
    call_id: UUID
    team_id: UUID
    at: datetime
    bot_id: UUID
    vendor: str
    model: str | None
    key_id: UUID | None
    open: bool
    usage: Usage = UNKNOWN
    cost_micro_usd: int | None = None
    refused: str | None = None
    routing: KeptRouting | None = None


@dataclass(frozen=True, kw_only=True)
class PastFilter:
    """Which calls of a team, by when they were admitted: [from, to)."""

    team_id: UUID
    since: datetime
    until: datetime
    bot_id: UUID | None = None


class PastCalls(View[PastCallRow]):
    @abstractmethod
    def count(self, wanted: PastFilter) -> int:
        """How many calls of that time are over."""

    @abstractmethod
    def replay(self, wanted: PastFilter, scopes: ScopesOf) -> Iterator[PastCall]:
        """Those calls, in the order of their beginning."""


class PastCallsProjector(Projector[PastCallRow]):
    name = "past_calls"
    logs = (CALLS,)
    row = PastCallRow

    def key(self, placed: Placed) -> Key | None:
        event = cast("CallEvent", placed.recorded.event)
        if event.facts.bot_id is None or isinstance(event, CallExtended):
            return None
        return (placed.recorded.originator_id,)

    def project(self, row: PastCallRow | None, placed: Placed) -> PastCallRow | None:
        event = cast("CallEvent", placed.recorded.event)
        row = row or _row(placed.recorded.originator_id, event.facts)
        match event:
            case CallExtended():
                return row
            case CallAdmitted(routing=routing):
                return but(row, routing=routing)
            case CallRefused():
                return but(row, open=False, refused=event.code, routing=event.routing)
            case CallSettled():
                facts = event.facts
                return but(
                    row,
                    open=False,
                    usage=event.usage,
                    vendor=facts.vendor,
                    model=_asked(facts),
                    key_id=facts.provider_key_id,
                    cost_micro_usd=event.cost_micro_usd,
                )
            case CallAbandoned():
                return but(row, open=False, usage=event.usage)
            case CallCorrected():
                return but(
                    row,
                    open=False,
                    usage=event.now,
                    cost_micro_usd=event.cost_micro_usd,
                )
            case _:
                assert_never(event)


def _row(call_id: UUID, facts: CallFacts) -> PastCallRow:
    return PastCallRow(
        call_id=call_id,
        team_id=facts.team_id,
        at=facts.admitted_at,
        bot_id=cast("UUID", facts.bot_id),
        vendor=facts.vendor,
        model=_asked(facts),
        key_id=facts.provider_key_id,
        open=True,
    )


def _asked(facts: CallFacts) -> str | None:
    return facts.requested_model or facts.model
