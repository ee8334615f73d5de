"""`/api/bot/{hostname}/routing/test`: where a request of the bot would go, and why."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.bot_reading import TheBots
from api.bot_routing import NewPolicy, bot_route
from api.callers import TheUser
from api.routing_reading import table_of
from api.shapes import Body
from api.wired import TheRehearsal, TheSystem
from application.routing import JudgePolicy
from domain.errors import InvalidFields
from domain.routing_decision import Candidate, Chose, Skipped, Weighed
from domain.routing_facts import RequestFacts
from domain.routing_policy import Retry, Trigger
from domain.routing_replay import COOLING, NO_KEY

router = APIRouter(prefix="/api/bot/{hostname}/routing/test", tags=["routing"])


class TrialRequest(Body):
    """A request as the bot would send it. With a `policy` that one is tried out."""

    path: Annotated[str, Field(min_length=1, max_length=200)] = "chat/completions"
    body: dict[str, Any]
    policy: NewPolicy = None


class DecisionOut(BaseModel):
    """The candidates in the order to try them; what is not used, with the reason.

    `refused` is what the bot would be told. `weighed`: how each target stands.
    """

    chose: Chose
    because: str | None
    candidates: tuple[Candidate, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]
    trigger: Trigger | None
    retry: Retry | None
    refused: str | None
    facts: RequestFacts
    weighed: tuple[Weighed, ...]


@router.post("")
def dry_run(  # noqa: PLR0913, PLR0917 - what the framework hands in
    hostname: str,
    trial: TrialRequest,
    user: TheUser,
    bots: TheBots,
    system: TheSystem,
    rehearsal: TheRehearsal,
) -> DecisionOut:
    """Decide about a request that is not made: nothing is sent or recorded.

    What only running proxies remember is not known here: latencies, keys that failed just
    now. A classifier is not asked.
    """
    bot = bot_route(bots, hostname)
    if "policy" in trial.model_fields_set:
        if trial.policy is not None:
            command = JudgePolicy(
                team_id=user.team_id, hostname=hostname, policy=trial.policy
            )
            system.bus.handle(command, by=user.caller)
        bot = replace(bot, routing=trial.policy)
    table = table_of(system, user.team_id)
    body = json.dumps(trial.body).encode()
    record = rehearsal.decide(table, bot, trial.path, body)
    if record is None:
        raise InvalidFields(path="not-an-auto-path")
    decision = record.decision
    refused = None if decision.candidates else NO_KEY
    return DecisionOut(
        chose=decision.chose,
        because=decision.because,
        candidates=decision.candidates,
        skipped=decision.skipped,
        notes=decision.notes,
        trigger=decision.trigger,
        retry=decision.retry,
        refused=COOLING if decision.all_cooling else refused,
        facts=record.facts,
        weighed=record.weighed,
    )
