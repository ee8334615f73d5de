"""How quick a model was is known of the place that was measured, and of no other."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from adapters.catalog.loader import load_catalog
from adapters.catalog.routing_catalog import load_routing_catalog
from adapters.prices import shipped_price_book
from adapters.team_prices import TeamPriceBook
from domain.ids import ProviderKeyId
from domain.routing_facts import NO_ANSWERS, RequestFacts, RequestWords
from domain.routing_policy import (
    Cost,
    CostLimits,
    CostWeights,
    LoadBalance,
    RouteTarget,
    RoutingPolicy,
    WeightedTarget,
)
from projections.route_table import BotRoute, KeyRoute, RouteTable
from proxy.admission import Admission
from proxy.latencies import Latencies
from proxy.rehearsal import StillTable
from proxy.router import Question, Router
from tests.journeys.plane import link_to

MODEL = "llama3"
SLOW_MS = 9_000


def key_at(base_url: str, *tags: str) -> KeyRoute:
    return KeyRoute(
        key_id=uuid4(),
        team_id=uuid4(),
        vendor="custom",
        base_url=base_url,
        origin=base_url,
        tags=tags,
        models=(),
        allow_paths="inference",
        secret_version=1,
        good_version=1,
    )


def candidates(
    policy: RoutingPolicy, latencies: Latencies, *keys: KeyRoute, dice: int = 0
) -> list[str | None]:
    """The tags of the targets that serve, in order, for a bot with these keys."""
    links = tuple(link_to(ProviderKeyId(key.key_id)) for key in keys)
    bot = BotRoute(
        bot_id=uuid4(),
        team_id=keys[0].team_id,
        hostname="ada",
        links=links,
        routing=policy,
    )
    table = RouteTable([bot], keys)
    admission = Admission(StillTable(table), load_catalog(), token_key=b"", pass_key=b"")
    prices = TeamPriceBook(shipped_price_book(), table.prices.of)
    router = Router(admission, load_routing_catalog(), prices, latencies)
    question = Question(
        bot=bot,
        facts=RequestFacts(format="openai-chat"),
        words=RequestWords(),
        dice=dice,
    )
    decision, _ = router.decided(question, NO_ANSWERS)
    return [one.target.tag for one in decision.candidates]


def test_another_teams_slow_server_keeps_nobody_from_their_own() -> None:
    theirs, ours = (key_at("https://one.example.com/v1", "home") for _ in range(2))
    latencies = Latencies()
    latencies.measured(theirs, MODEL, SLOW_MS)
    policy = Cost(
        weights=CostWeights(performance=1),
        limits=CostLimits(max_latency_ms=5_000),
        targets=(RouteTarget(vendor="custom", model=MODEL, tag="home"),),
    )
    assert candidates(policy, latencies, ours) == ["home"]
    assert candidates(policy, latencies, theirs) == []


@pytest.mark.parametrize("dice", range(4))
def test_of_two_servers_under_one_vendors_name_the_quicker_one_is_known(dice: int) -> None:
    slow = key_at("https://slow.example.com/v1", "slow")
    quick = replace(key_at("https://quick.example.com/v1", "quick"), team_id=slow.team_id)
    latencies = Latencies()
    latencies.measured(slow, MODEL, SLOW_MS)
    latencies.measured(quick, MODEL, 20)
    targets = tuple(
        WeightedTarget(vendor="custom", model=MODEL, tag=tag) for tag in ("slow", "quick")
    )
    policy = LoadBalance(targets=targets, strategy="least_latency")
    assert candidates(policy, latencies, slow, quick, dice=dice) == ["quick", "slow"]


def test_keys_for_one_place_share_what_is_known_of_it() -> None:
    one = key_at("https://one.example.com/v1")
    latencies = Latencies()
    latencies.measured(one, MODEL, SLOW_MS)
    assert latencies.of(replace(one, key_id=uuid4()), MODEL) == SLOW_MS
