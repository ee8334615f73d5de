"""Shares of the load: as the weights say, in a process, over processes, and end to end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from uuid import uuid4

import httpx
import pytest

from adapters.catalog.loader import load_catalog
from adapters.catalog.routing_catalog import load_routing_catalog
from adapters.prices import shipped_price_book
from adapters.team_prices import TeamPriceBook
from domain.ids import ProviderKeyId
from domain.routing_facts import NO_ANSWERS, RequestFacts, RequestWords
from domain.routing_policy import LoadBalance, WeightedTarget
from domain.verdicts import Verdict
from projections.route_table import BotRoute, KeyRoute, RouteTable
from proxy.admission import Admission
from proxy.latencies import Latencies
from proxy.rehearsal import StillTable
from proxy.router import Question, Router
from tests.journeys.plane import DataPlane, chat_body, link_to
from tests.proxy.routes import routed, target

CALLS = 10_000
TEAM = uuid4()
PRICES = shipped_price_book()
WORDS = RequestWords()


def key_at(vendor: str) -> KeyRoute:
    return KeyRoute(
        key_id=uuid4(),
        team_id=TEAM,
        vendor=vendor,
        base_url=None,
        origin="https://api.example.com:443",
        tags=(),
        models=(),
        allow_paths="inference",
        secret_version=1,
        good_version=1,
    )


def shared(weights: Sequence[int], keys: int = 1) -> tuple[BotRoute, list[KeyRoute]]:
    """A bot that shares its calls among as many models, and its keys at each vendor."""
    targets = tuple(
        WeightedTarget(vendor=("openai", "google")[nth % 2], model=f"m{nth}", weight=weight)
        for nth, weight in enumerate(weights)
    )
    found = [key_at(vendor) for vendor in ("openai", "google") for _ in range(keys)]
    links = tuple(link_to(ProviderKeyId(key.key_id)) for key in found)
    bot = BotRoute(
        bot_id=uuid4(),
        team_id=TEAM,
        hostname="ada",
        links=links,
        routing=LoadBalance(targets=targets),
    )
    return bot, found


def router_of(bot: BotRoute, keys: Sequence[KeyRoute]) -> tuple[Router, Admission]:
    table = RouteTable([bot], keys)
    admission = Admission(StillTable(table), load_catalog(), token_key=b"", pass_key=b"")
    prices = TeamPriceBook(PRICES, table.prices.of)
    return Router(admission, load_routing_catalog(), prices, Latencies()), admission


def chosen(router: Router, bot: BotRoute, dice: int) -> str:
    facts = RequestFacts(format="openai-chat", requested_model="auto")
    question = Question(bot=bot, facts=facts, words=WORDS, dice=dice)
    decision, _ = router.decided(question, NO_ANSWERS)
    return decision.candidates[0].target.model


def off(seen: Counter[str], weights: Sequence[int]) -> float:
    """How far the worst share is from its weight, as a part of it."""
    total = seen.total()
    shares = [total * weight / sum(weights) for weight in weights]
    return max(abs(seen[f"m{n}"] - share) / share for n, share in enumerate(shares))


@pytest.mark.parametrize("weights", [(1, 1), (3, 1), (70, 20, 10), (5, 3, 1, 1)])
def test_ten_thousand_calls_are_shared_within_2_percent_of_the_weights(
    weights: tuple[int, ...],
) -> None:
    bot, keys = shared(weights, keys=2)
    router, _ = router_of(bot, keys)
    seen = Counter(chosen(router, bot, uuid4().int >> 80) for _ in range(CALLS))
    assert off(seen, weights) <= 0.02


def test_four_processes_share_as_one_does() -> None:
    weights = (6, 3, 1)
    bot, keys = shared(weights)
    seen: Counter[str] = Counter()
    for _ in range(4):
        router, _ = router_of(bot, keys)
        seen.update(chosen(router, bot, uuid4().int >> 80) for _ in range(CALLS // 4))
    assert off(seen, weights) <= 0.02


def test_the_keys_of_a_target_take_turns() -> None:
    bot, keys = shared((1,), keys=4)
    router, _ = router_of(bot, keys)
    facts = RequestFacts(format="openai-chat", requested_model="auto")
    seen: Counter[object] = Counter()
    for _ in range(4000):
        question = Question(bot=bot, facts=facts, words=WORDS, dice=uuid4().int >> 80)
        decision, _ = router.decided(question, NO_ANSWERS)
        seen[decision.candidates[0].keys[0]] += 1
    assert len(seen) == 4
    assert min(seen.values()) > 850


def test_a_key_that_changes_is_seen_by_the_next_decision() -> None:
    bot, keys = shared((1, 1))
    router, admission = router_of(bot, keys)
    table = admission.routes.table
    assert {chosen(router, bot, n) for n in range(4)} == {"m0", "m1"}
    table.put_key(keys[0].key_id, None)
    assert {chosen(router, bot, n) for n in range(4)} == {"m1"}
    table.put_key(keys[0].key_id, keys[0])
    for _ in range(2):
        admission.healths.learned(keys[1], Verdict.THROTTLED, 60)
    assert {chosen(router, bot, n) for n in range(4)} == {"m0"}


def test_a_thousand_calls_through_the_proxy_are_shared_as_the_weights_say(
    data_plane: DataPlane,
) -> None:
    weights = (6, 3, 1)
    vendors = ("openai", "google", "custom")
    targets = tuple(
        WeightedTarget(vendor=one.vendor, model=one.model, weight=weight)
        for one, weight in zip(map(target, vendors), weights, strict=True)
    )
    bot = routed(data_plane, LoadBalance(targets=targets))
    url, seen = f"{data_plane.url}/auto/chat/completions", Counter[str]()
    with httpx.Client(headers=bot.bot.bearer) as client:
        for _ in range(1000):
            answer = client.post(url, json=chat_body("auto"))
            seen[answer.headers["x-clawbot-model"]] += 1
    for one, weight in zip(targets, weights, strict=True):
        assert abs(seen[one.model] - 100 * weight) <= 0.02 * 100 * weight + 2
