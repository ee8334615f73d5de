"""What can be asked of the past, and what is answered."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from api.bot_routing import NewPolicy
from api.model_price_shapes import NewModelPrice
from api.quota_shapes import AMetric, AWindow, Limit, ScopeIn, Zone
from api.shapes import Body, Moment
from domain.routing_what_if import Outcome, WhatIf
from projections.past_calls import PastFilter


class TrialQuotaIn(Body):
    """A blocking quota as it might be."""

    scope: ScopeIn
    metric: AMetric
    window: AWindow
    limit: Limit
    time_zone: Zone = "UTC"


class WhatIfQuestion(Body):
    """Calls admitted in [from, to), of one bot or of all; the last week if unsaid.

    `policy`: they go where that one says. `quotas`: these hold instead of those that did;
    none if it is empty. `prices`: every call is charged again, these models at these
    prices, the others at today's.
    """

    since: Moment | None = Field(default=None, alias="from")
    until: Moment | None = Field(default=None, alias="to")
    bot: str | None = None
    policy: NewPolicy = None
    quotas: Annotated[list[TrialQuotaIn], Field(max_length=50)] | None = None
    prices: Annotated[list[NewModelPrice], Field(max_length=500)] | None = None

    def names(self, field: str) -> bool:
        """Whether anything is said of it, be it null."""
        return field in self.model_fields_set


class ModelShareOut(BaseModel):
    """`share` is of the calls that were served."""

    vendor: str
    model: str | None
    calls: int
    share: float
    tokens: int
    cost_micro_usd: int
    unpriced: int


class OutcomeOut(BaseModel):
    """Costs are those that are known; of `unpriced` calls none is. `refused`: by code."""

    calls: int
    served: int
    refused: dict[str, int]
    tokens: int
    cost_micro_usd: int
    unpriced: int
    models: list[ModelShareOut]


class WhatIfOut(BaseModel):
    """`changed`: calls that go elsewhere, or are refused, or no longer are. `unanswered`:
    calls whose rules ask about words that nobody kept; such a rule counts as not holding.
    `reproduced`: every decision came out as it was made.
    """

    model_config = ConfigDict(serialize_by_alias=True)
    start: datetime = Field(serialization_alias="from")
    end: datetime = Field(serialization_alias="to")
    before: OutcomeOut
    after: OutcomeOut
    changed: int
    unanswered: int
    reproduced: bool


def shown(found: WhatIf, wanted: PastFilter) -> WhatIfOut:
    """The answer as it goes out."""
    return WhatIfOut(
        start=wanted.since,
        end=wanted.until,
        before=outcome_shown(found.before),
        after=outcome_shown(found.after),
        changed=found.changed,
        unanswered=found.unanswered,
        reproduced=found.reproduced,
    )


def outcome_shown(outcome: Outcome) -> OutcomeOut:
    """By calls, the most first."""
    served = outcome.calls - sum(outcome.refused.values())
    models = [
        ModelShareOut(
            vendor=vendor,
            model=model,
            calls=share.calls,
            share=round(share.calls / served, 4),
            tokens=share.tokens,
            cost_micro_usd=share.cost_micro_usd,
            unpriced=share.unpriced,
        )
        for (vendor, model), share in outcome.models.items()
    ]
    models.sort(key=lambda one: (-one.calls, one.vendor, one.model or ""))
    return OutcomeOut(
        calls=outcome.calls,
        served=served,
        refused=outcome.refused,
        tokens=outcome.tokens,
        cost_micro_usd=outcome.cost_micro_usd,
        unpriced=outcome.unpriced,
        models=models,
    )
