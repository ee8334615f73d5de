"""Calls that routing sent somewhere, with the records that they keep."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from domain.calls import CallEvent, CallFacts, CallRefused
from domain.routing import decide
from domain.routing_decision import RoutingRecord
from domain.routing_facts import (
    NO_ANSWERS,
    BotModels,
    RequestFacts,
    TargetState,
    Turn,
)
from domain.routing_kept import kept
from domain.routing_plan import plan
from domain.routing_policy import LoadBalance, RouteTarget, RoutingPolicy, RoutingShelf
from domain.routing_policy import WeightedTarget as Weighted
from domain.routing_record import record_of
from domain.usage import Usage
from tests.projections.given import NOON, TEAM, admitted, settled, tokens

GPT = RouteTarget(vendor="openai", model="gpt-5")
MINI = RouteTarget(vendor="openai", model="gpt-5-mini")
OPUS = RouteTarget(vendor="anthropic", model="claude-opus-4-6")
KEYS = {GPT.vendor: UUID(int=0xD), OPUS.vendor: UUID(int=0xD9)}
SHARED = LoadBalance(
    targets=(
        Weighted(vendor="openai", model="gpt-5", weight=3),
        Weighted(vendor="anthropic", model="claude-opus-4-6", weight=1),
    ),
)
SHELF = RoutingShelf()
BOT = UUID(int=1)


def state_of(target: RouteTarget) -> TargetState:
    return TargetState(keys=(KEYS[target.vendor],))


def a_record(
    policy: RoutingPolicy | None = SHARED,
    *,
    dice: int = 0,
    version: int = 2,
    built_in: str = "1",
    input_tokens: int = 100,
) -> RoutingRecord:
    """The decision about a request for "auto", when every target has a key."""
    request = RequestFacts(
        format="openai-chat", requested_model="auto", input_tokens=input_tokens
    )
    bot = BotModels(primary=GPT, named=(GPT,))
    planned = plan(policy, shelf=SHELF, facts=request, answers=NO_ANSWERS, bot=bot)
    states = {target: state_of(target) for target in planned.targets}
    turn = Turn(count=dice, dice=dice)
    decision = decide(planned, facts=request, states=states, turn=turn)
    return record_of(
        decision,
        planned,
        versions=(version if policy else 0, 0, built_in),
        facts=request,
        answers=NO_ANSWERS,
        bot=bot,
        states=states,
        turn=turn,
    )


def served(
    record: RoutingRecord,
    usage: Usage | None = None,
    cost: int | None = 12,
    *,
    at: datetime = NOON,
    team: UUID = TEAM,
    bot: UUID = BOT,
) -> list[CallEvent]:
    """A call that went to the first candidate: admitted and settled."""
    first = record.decision.candidates[0]
    of = CallFacts(
        team_id=team,
        bot_id=bot,
        hostname="bot-1",
        vendor=first.target.vendor,
        model=None,
        requested_model=first.target.model,
        provider_key_id=first.keys[0],
        admitted_at=at,
    )
    begun = replace(admitted(of), routing=kept(record))
    return [begun, settled(of, usage or tokens(100, 50), cost)]


def turned_away(record: RoutingRecord, code: str, minutes: int = 0) -> CallRefused:
    """A call that was refused, though routing knew where it should go."""
    at = NOON + timedelta(minutes=minutes)
    (begun, _) = served(record, at=at)
    return CallRefused(facts=begun.facts, code=code, routing=kept(record))
