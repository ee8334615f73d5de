"""Routing, from the policy that is set to what the past says of it under other rules."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from adapters.bootstrap.followers import VIEWS, event_logs
from adapters.catalog.loader import load_catalog
from adapters.catalog.routing_catalog import load_routing_catalog
from adapters.follower import Reader, ViewFollower, catch_up
from adapters.prices import shipped_price_book
from adapters.team_prices import TeamPriceBook
from api.routing_reading import any_bot
from api.routing_trials import Trials
from application.routing import AddRoutingEntry, SetBotRouting
from domain.calls import CallAdmitted, CallSettled
from domain.routing_entries import Label
from domain.routing_policy import (
    ChainStep,
    Direct,
    Failover,
    FallbackChain,
    LoadBalance,
    RouteTarget,
    RoutingPolicy,
    WeightedTarget,
)
from projections.past_calls import PastFilter
from projections.routing_statistics import StatisticsFilter
from proxy.rehearsal import Rehearsal
from tests.journeys.plane import DataPlane, TestBot, chat_body
from tests.journeys.proxy_process import until
from tests.projections.given_logs import database

GPT = RouteTarget(vendor="openai", model="gpt-5-mini")
HAIKU = RouteTarget(vendor="anthropic", model="claude-haiku-4-5")
CALLS_MADE = 24


@pytest.fixture
def routed(own_plane: DataPlane) -> tuple[DataPlane, TestBot]:
    """A bot whose calls two vendors share, one to one; and some that are made."""
    plane = own_plane
    bot = plane.new_bot(plane.key_of("openai"), plane.key_of("anthropic"))
    chain = FallbackChain(id="ours", steps=(GPT,))
    plane.control.bus.handle(
        AddRoutingEntry(team_id=plane.team_id, body=chain, label=Label(name="Ours")),
        by=plane.by,
    )
    set_policy(plane, bot, Failover(steps=(ChainStep(chain="ours"),)))
    until(lambda: ask(plane, bot) == GPT.model)
    shares = tuple(
        WeightedTarget(vendor=one.vendor, model=one.model) for one in (GPT, HAIKU)
    )
    set_policy(plane, bot, LoadBalance(targets=shares))
    until(lambda: {ask(plane, bot) for _ in range(CALLS_MADE)} == {GPT.model, HAIKU.model})
    pump(plane)
    return plane, bot


def set_policy(plane: DataPlane, bot: TestBot, policy: RoutingPolicy) -> None:
    command = SetBotRouting(
        team_id=plane.team_id, hostname=bot.hostname, policy=policy, expected_version=None
    )
    plane.control.bus.handle(command, by=plane.by)


def ask(plane: DataPlane, bot: TestBot) -> str:
    """Which model answered a call for `auto`."""
    answer = plane.client.post(
        f"{plane.url}/auto/chat/completions", json=chat_body("auto"), headers=bot.bearer
    )
    assert answer.status_code in {200, 403, 404, 503}, answer.text
    return str(answer.headers.get("x-clawbot-model", ""))


def pump(plane: DataPlane) -> None:
    """Every view is where the logs are."""
    with database(plane.database_url) as opened:
        logs = event_logs(opened)
        for projector, view in VIEWS.values():
            follower = ViewFollower(projector(), view(opened))
            for log in follower.logs:
                catch_up(follower, Reader(logs[log]))


def trials(plane: DataPlane) -> Trials:
    rehearsal = Rehearsal(
        vendors=load_catalog(),
        catalog=load_routing_catalog(),
        prices_in=lambda table: TeamPriceBook(shipped_price_book(), table.prices.of),
    )
    return Trials(plane.control, rehearsal, plane.team_id, any_bot(plane.team_id))


def test_what_was_routed_is_explained_counted_and_played_again(
    routed: tuple[DataPlane, TestBot],
) -> None:
    plane, bot = routed
    events = [one.event for one in plane.events(bot)]
    ends = [event for event in events if isinstance(event, CallSettled)]
    served = Counter((end.facts.vendor, end.facts.requested_model) for end in ends)
    assert set(served) == {(one.vendor, one.model) for one in (GPT, HAIKU)}
    kept = [event.routing for event in events if isinstance(event, CallAdmitted)]
    assert all(one is not None and one["policy_version"] for one in kept)
    now = datetime.now(UTC)
    since, until_then = now - timedelta(hours=2), now + timedelta(hours=2)
    hours = StatisticsFilter(team_id=plane.team_id, since=since, until=until_then)
    counted: Counter[tuple[str, str | None]] = Counter()
    for row in plane.control.routing_statistics.select(hours):
        counted[row.vendor, row.model] += row.successes
    assert counted == served
    day = PastFilter(team_id=plane.team_id, since=since, until=until_then)
    same = trials(plane).run(day, None)
    assert same.reproduced
    assert same.before == same.after
    assert same.before.calls == len(events) - len(ends)  # an event each, and an end
    moved = trials(plane).under(Direct(target=HAIKU)).run(day, None)
    assert set(moved.after.models) == {(HAIKU.vendor, HAIKU.model)}
    assert moved.changed == served[GPT.vendor, GPT.model]


def test_the_routing_is_the_same_in_the_log_and_in_the_views(
    routed: tuple[DataPlane, TestBot],
) -> None:
    plane, bot = routed
    with database(plane.database_url) as opened:
        (row,) = [
            one
            for one in VIEWS["bot_routes"][1](opened).every()
            if one.bot_id == bot.bot_id
        ]
        (shelf,) = VIEWS["routing_shelves"][1](opened).every()
    assert isinstance(row.routing, LoadBalance)
    last = plane.control.fleet.history(bot.bot_id)[-1]
    assert row.routing_version == last.originator_version
    assert [chain.id for chain in shelf.chains] == ["ours"]
