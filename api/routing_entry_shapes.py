"""What chains, capability tags and cost strategies look like, coming in and going out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from api.shapes import Body, Name, PastListQuery, PastQuery
from api.strict_domain import strictly
from domain.routing_entries import Label
from domain.routing_policy import (
    CapabilityTag,
    Conditions,
    CostLimits,
    CostStrategy,
    CostWeights,
    FallbackChain,
    Kind,
    Retry,
    RouteTarget,
    ScenarioWeights,
    Step,
    Trigger,
)

EntryId = Annotated[
    str, StringConstraints(min_length=1, max_length=60, pattern=r"^[a-z0-9][a-z0-9._-]*$")
]
Text = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
Steps = Annotated[tuple[Step, ...], strictly(tuple[Step, ...])]
Targets = Annotated[tuple[RouteTarget, ...], strictly(tuple[RouteTarget, ...])]
Ids = Annotated[list[EntryId], Field(max_length=30)]
ATrigger = Annotated[Trigger, strictly(Trigger)]
ARetry = Annotated[Retry, strictly(Retry)]
SomeConditions = Annotated[Conditions | None, strictly(Conditions | None)]
Weights = Annotated[CostWeights, strictly(CostWeights)]
Limits = Annotated[CostLimits, strictly(CostLimits)]
Scenarios = Annotated[ScenarioWeights, strictly(ScenarioWeights)]
Source = Literal["built-in", "team"]


class EntriesQuery(PastListQuery):
    """Which entries; without anything, all. `locale`: the language of built-in texts."""

    source: Source | None = None
    at: str | None = None
    locale: str | None = None


class EntryQuery(PastQuery):
    """One entry, as it stands or stood. `locale`: the language of built-in texts."""

    locale: str | None = None


class Labelled(Body):
    """What every entry has beside what it does."""

    name: Name
    description: Text = ""

    @property
    def label(self) -> Label:
        return Label(name=self.name, description=self.description)


class ChainBody(Labelled):
    steps: Steps
    trigger: ATrigger = Trigger()
    retry: ARetry = Retry()
    kind: Kind = "text"

    def entry(self, entry_id: str) -> FallbackChain:
        """As the domain has it, under that id."""
        return FallbackChain(
            id=entry_id,
            steps=self.steps,
            trigger=self.trigger,
            retry=self.retry,
            kind=self.kind,
        )


class NewChain(ChainBody):
    id: EntryId


class TagBody(Labelled):
    priority: int = 50
    category: Annotated[str, StringConstraints(min_length=1, max_length=40)] = "custom"
    detect: SomeConditions = None
    models: Targets = ()
    kind: Kind = "text"

    def entry(self, entry_id: str) -> CapabilityTag:
        """As the domain has it, under that id."""
        return CapabilityTag(
            id=entry_id,
            priority=self.priority,
            category=self.category,
            detect=self.detect,
            models=self.models,
            kind=self.kind,
        )


class NewTag(TagBody):
    id: EntryId


class StrategyBody(Labelled):
    weights: Weights
    limits: Limits = CostLimits()
    scenarios: Scenarios = ScenarioWeights()
    models: Targets = ()
    capabilities: Ids = Field(default=[])

    def entry(self, entry_id: str) -> CostStrategy:
        """As the domain has it, under that id."""
        return CostStrategy(
            id=entry_id,
            weights=self.weights,
            limits=self.limits,
            scenarios=self.scenarios,
            models=self.models,
            capabilities=tuple(self.capabilities),
        )


class NewStrategy(StrategyBody):
    id: EntryId


class EntryOut(BaseModel):
    """An entry. Built-in ones come with the product and stay as they are."""

    id: str
    name: str
    description: str
    source: Source
    read_only: bool
    version: str  # of the built-in entries, or of the team's one


class ChainOut(EntryOut):
    steps: tuple[Step, ...]
    trigger: Trigger
    retry: Retry
    kind: Kind


class TagOut(EntryOut):
    priority: int
    category: str
    detect: Conditions | None
    models: tuple[RouteTarget, ...]
    kind: Kind


class StrategyOut(EntryOut):
    weights: CostWeights
    limits: CostLimits
    scenarios: ScenarioWeights
    models: tuple[RouteTarget, ...]
    capabilities: tuple[str, ...]
