"""`/api/bot/{hostname}/routing/suggest`: the policy that a bot's own history favours."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from api.bot_reading import TheBots
from api.bot_routing import bot_route
from api.callers import TheUser
from api.positions import CALLS_ONLY, read_after, read_at
from api.routing_reading import shelf_now
from api.routing_statistics import StatisticsTime, by_target, whole_hours
from api.routing_trials import Trials
from api.routing_what_if_shapes import WhatIfOut, shown
from api.wired import TheRehearsal, TheSystem
from domain.log import CALLS
from domain.routing_policy import Complexity, RoutingPolicy, RoutingShelf
from domain.routing_steps import spread, steps_of
from projections.past_calls import PastFilter
from projections.routing_statistics import StatisticsFilter, TargetSums
from projections.routing_suggestion import (
    CHEAPER,
    ENOUGH,
    GOOD,
    QUICKER,
    Because,
    Evidence,
    suggested,
)

router = APIRouter(prefix="/api/bot/{hostname}/routing/suggest", tags=["routing"])

AFTER = Depends(read_after(lambda system: system.routing_statistics, CALLS))


class ThresholdsOut(BaseModel):
    """What was asked of the numbers; see `because`."""

    attempts: int = ENOUGH
    success_rate: float = GOOD
    cheaper: float = CHEAPER
    quicker: float = QUICKER


class SuggestionOut(BaseModel):
    """A policy to PUT, or null where nothing can be said, and the numbers that decided.

    `expected`: the bot's calls of that time under it, where they went through `auto`.
    """

    policy: RoutingPolicy | None
    because: Because
    evidence: tuple[Evidence, ...]
    thresholds: ThresholdsOut
    expected: WhatIfOut | None


@router.get("", dependencies=[AFTER])
def suggest(  # noqa: PLR0913, PLR0917 - what the framework hands in
    hostname: str,
    query: Annotated[StatisticsTime, Query()],
    user: TheUser,
    bots: TheBots,
    system: TheSystem,
    rehearsal: TheRehearsal,
    response: Response,
) -> SuggestionOut:
    """Propose a policy; nothing is set."""
    limits = system.request_limits
    limits.rates.count(limits.what_ifs, str(user.team_id))
    bot = bot_route(bots, hostname)
    since, until = whole_hours(query.since, query.until)
    time: dict[str, Any] = {"team_id": user.team_id, "since": since, "until": until}
    wanted = StatisticsFilter(**time, bot_id=bot.bot_id)
    view = system.routing_statistics
    rows = read_at(response, view, CALLS_ONLY, lambda: view.select(wanted))
    history: dict[tuple[str, str], TargetSums] = {}
    classifier = _classifier(bot.routing, shelf_now(system, user.team_id))
    for (vendor, model, _), sums in by_target(system, rows).items():
        if vendor and model and (vendor, model) != classifier:
            history[vendor, model] = history.get((vendor, model), TargetSums()) + sums
    found = suggested(history)
    expected = None
    if found.policy is not None:
        past = PastFilter(**time, bot_id=bot.bot_id)
        trials = Trials(system, rehearsal, user.team_id, bot).under(found.policy)
        expected = shown(trials.run(past, None), past)
    return SuggestionOut(
        policy=found.policy,
        because=found.because,
        evidence=found.evidence,
        thresholds=ThresholdsOut(),
        expected=expected,
    )


def _classifier(
    policy: RoutingPolicy | None, shelf: RoutingShelf
) -> tuple[str, str] | None:
    """The model that only says how hard requests are, and serves none, with its vendor."""
    if not isinstance(policy, Complexity) or policy.classifier is None:
        return None
    asked = policy.classifier.vendor, policy.classifier.model
    served = spread(steps_of(policy, shelf), shelf, [])
    serves = any((one.target.vendor, one.target.model) == asked for one in served)
    return None if serves else asked
