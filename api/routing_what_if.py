"""`/api/routing/what-if`: past calls under another policy, other quotas or other prices."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

from fastapi import APIRouter, Response

from api.bot_reading import TheBots
from api.bot_routing import bot_route
from api.callers import TheUser
from api.quota_shapes import scope_of
from api.routing_reading import any_bot
from api.routing_statistics import USUAL
from api.routing_trials import Trials
from api.routing_what_if_shapes import TrialQuotaIn, WhatIfOut, WhatIfQuestion, shown
from api.vendors import vendor_of
from api.wired import TheRehearsal, TheSystem
from application.routing import JudgePolicy
from domain.errors import InvalidFields
from domain.ids import TeamId
from domain.log import CALLS, FLEET
from domain.prices import Price
from domain.routing_what_if import TrialQuota
from domain.windows import time_zones
from projections.past_calls import PastFilter

router = APIRouter(prefix="/api/routing/what-if", tags=["routing"])


@router.post("")
def ask(  # noqa: PLR0913, PLR0917 - what the framework hands in
    question: WhatIfQuestion,
    user: TheUser,
    bots: TheBots,
    system: TheSystem,
    rehearsal: TheRehearsal,
    response: Response,
) -> WhatIfOut:
    """Cost, refusals and shares of models, as they were and as they would have been.

    At most 100,000 calls. What is left out of the question is as it was. A call that goes
    to another target is charged for the tokens that it used, at that target's price.
    """
    limits = system.request_limits
    limits.rates.count(limits.what_ifs, str(user.team_id))
    # Of what is seen at least: no answer is worth playing 100,000 calls twice.
    fleet = min(view.position(FLEET) for view in (system.key_ring, system.model_prices))
    calls = system.past_calls.position(CALLS)
    response.headers["X-Log-Position"] = f"{FLEET}={fleet},{CALLS}={calls}"
    bot = None if question.bot is None else bot_route(bots, question.bot)
    trials = Trials(system, rehearsal, user.team_id, bot or any_bot(user.team_id))
    until = question.until or datetime.now(UTC)
    wanted = PastFilter(
        team_id=user.team_id,
        since=question.since or until - USUAL,
        until=until,
        bot_id=None if bot is None else bot.bot_id,
    )
    if question.names("policy"):
        if question.policy is not None:
            command = JudgePolicy(
                team_id=user.team_id, hostname=question.bot, policy=question.policy
            )
            system.bus.handle(command, by=user.caller)
        trials = trials.under(question.policy)
    if question.prices is not None:
        prices = {}
        for one in question.prices:
            vendor = vendor_of(system.catalog, one.vendor).id
            prices[vendor, one.model.lower()] = Price(**asdict(one.rates()))
        trials = trials.priced_at(prices)
    quotas = None
    if question.quotas is not None:
        quotas = [_quota(user.team_id, one) for one in question.quotas]
    return shown(trials.run(wanted, quotas), wanted)


def _quota(team_id: TeamId, quota: TrialQuotaIn) -> TrialQuota:
    scope = scope_of(quota.scope, team_id)
    if quota.time_zone not in time_zones():
        raise InvalidFields(time_zone="unknown")
    return TrialQuota(
        scope=scope.kind,
        scope_id=scope.id,
        metric=quota.metric,
        window=quota.window,
        limit=quota.limit,
        time_zone=quota.time_zone,
    )
