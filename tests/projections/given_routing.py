"""Histories of what teams say about routing and prices."""

from __future__ import annotations

from uuid import UUID

from domain.bot_events import BotCreated, BotRoutingSet, Runtime
from domain.events import Event
from domain.ids import TeamId
from domain.model_prices import ModelPriceRemoved, ModelPriceSet, Rates
from domain.routing_entries import (
    ChainSet,
    EntryKind,
    EntryRemoved,
    Label,
    StrategySet,
    TagSet,
)
from domain.routing_policy import (
    CapabilityTag,
    ChainStep,
    CostStrategy,
    CostWeights,
    Direct,
    Failover,
    FallbackChain,
    RouteTarget,
    Trigger,
)

THIRD_TEAM = TeamId(UUID(int=0xC))
GPT = RouteTarget(vendor="openai", model="gpt-5")
POLICY = Failover(steps=(GPT, ChainStep(chain="ours")), trigger=Trigger(timeout_ms=500))
LABEL = Label(name="Ours")


def price(number: int, team: TeamId, *, model: str = "gpt-5") -> ModelPriceSet:
    """So many dollars for a million tokens of either kind."""
    rates = Rates(input=number * 1_000_000, output=number * 1_000_000, cache_read=1)
    return ModelPriceSet(team_id=team, vendor="openai", model=model, rates=rates)


def chain_set(name: str, team: TeamId) -> ChainSet:
    chain = FallbackChain(id=name, steps=(GPT,))
    return ChainSet(team_id=team, chain=chain, label=LABEL)


def routing(team: TeamId, other: TeamId) -> list[tuple[UUID, list[Event]]]:
    """Prices and entries of these teams, policies of a third: set, changed, taken away."""
    tag = CapabilityTag(id="ours", models=(GPT,))
    strategy = CostStrategy(id="ours", weights=CostWeights(cost=1), models=(GPT,))
    policy = BotRoutingSet(policy=POLICY)
    return [
        (UUID(int=20), [price(1, team), price(2, team), ModelPriceRemoved()]),
        (UUID(int=20), [price(3, team)]),
        (UUID(int=21), [price(4, other)]),
        (UUID(int=22), [price(5, team, model="o3"), ModelPriceRemoved()]),
        (UUID(int=45), [_bot("bot-45"), policy]),
        (UUID(int=45), [BotRoutingSet(policy=Direct(target=GPT))]),
        (UUID(int=46), [_bot("bot-46"), policy, BotRoutingSet(policy=None)]),
        (UUID(int=30), [chain_set("ours", team), chain_set("more", team)]),
        (
            UUID(int=30),
            [
                TagSet(team_id=team, tag=tag, label=LABEL),
                StrategySet(team_id=team, strategy=strategy, label=LABEL),
                EntryRemoved(team_id=team, kind=EntryKind.CHAIN, id="ours"),
            ],
        ),
        (UUID(int=31), [chain_set("theirs", other)]),
    ]


def _bot(hostname: str) -> BotCreated:
    return BotCreated(
        team_id=THIRD_TEAM,
        hostname=hostname,
        name="A bot",
        runtime=Runtime.EXTERNAL,
        tags=(),
    )
