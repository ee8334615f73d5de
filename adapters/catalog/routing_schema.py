"""What the files under `routing/` must say: every field is checked, none unknown taken."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import Field, StringConstraints

from adapters.catalog.schema import NamesSpec, Spec
from domain.routing_catalog import BuiltIn, ModelFacts, Rewrite
from domain.routing_facts import Abilities
from domain.routing_policy import (
    CapabilityTag,
    Conditions,
    CostLimits,
    CostStrategy,
    CostWeights,
    FallbackChain,
    Kind,
    Protocol,
    Retry,
    RouteTarget,
    ScenarioWeights,
    Trigger,
)
from domain.vendors import Format

EntryId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{1,39}$")]
Named = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*/[^/\s].*$")]
EntryT = TypeVar("EntryT")
Score = Annotated[int, Field(ge=0, le=100)]
WINDOW_OF_100 = 1000  # thousands of tokens: a window as long as that scores all there is


def target(name: str, protocol: Protocol | None = None) -> RouteTarget:
    """The target that `vendor/model` names."""
    vendor, _, model = name.partition("/")
    return RouteTarget(vendor=vendor, model=model, protocol=protocol)


class EntrySpec(Spec):
    id: EntryId
    name: NamesSpec
    description: NamesSpec


class ConditionsSpec(Spec):
    thinking: bool | None = None
    images: bool | None = None
    tools: bool | None = None
    cache_control: bool | None = None
    tool_names: list[str] = Field(default=[])
    min_input_tokens: int | None = None

    def conditions(self) -> Conditions:
        return Conditions(
            thinking=self.thinking,
            images=self.images,
            tools=self.tools,
            cache_control=self.cache_control,
            tool_names=tuple(self.tool_names),
            min_input_tokens=self.min_input_tokens,
        )


class TagSpec(EntrySpec):
    category: str
    priority: int
    kind: Kind = "text"
    detect: ConditionsSpec | None = None
    models: list[Named]

    @property
    def names(self) -> list[str]:
        """The models, as `vendor/model`."""
        return self.models

    def built_in(self) -> BuiltIn[CapabilityTag]:
        tag = CapabilityTag(
            id=self.id,
            priority=self.priority,
            category=self.category,
            detect=self.detect.conditions() if self.detect else None,
            models=tuple(target(name) for name in self.models),
            kind=self.kind,
        )
        return _shown(self, tag)


class StepSpec(Spec):
    model: Named
    protocol: Protocol


class TriggerSpec(Spec):
    status_codes: list[int]
    error_types: list[str]
    timeout_ms: int


class RetrySpec(Spec):
    max_retries: int
    delay_ms: int


class ChainSpec(EntrySpec):
    kind: Kind = "text"
    trigger: TriggerSpec
    retry: RetrySpec
    steps: Annotated[list[Named | StepSpec], Field(min_length=1)]

    @property
    def names(self) -> list[str]:
        """The models, as `vendor/model`."""
        return [step if isinstance(step, str) else step.model for step in self.steps]

    def built_in(self) -> BuiltIn[FallbackChain]:
        steps = (
            target(step) if isinstance(step, str) else target(step.model, step.protocol)
            for step in self.steps
        )
        trigger, retry = self.trigger, self.retry
        chain = FallbackChain(
            id=self.id,
            steps=tuple(steps),
            trigger=Trigger(
                status_codes=tuple(trigger.status_codes),
                error_types=tuple(trigger.error_types),
                timeout_ms=trigger.timeout_ms,
            ),
            retry=Retry(max_retries=retry.max_retries, delay_ms=retry.delay_ms),
            kind=self.kind,
        )
        return _shown(self, chain)


class WeightsSpec(Spec):
    cost: Score
    performance: Score
    capability: Score


class LimitsSpec(Spec):
    max_cost_micro_usd: int | None = None
    max_latency_ms: int | None = None
    min_capability: Score | None = None


class ScenariosSpec(Spec):
    reasoning: Score = 0
    coding: Score = 0
    creativity: Score = 0
    speed: Score = 0
    multimodal: Score = 0
    long_context: Score = 0


class StrategySpec(EntrySpec):
    weights: WeightsSpec
    limits: LimitsSpec = LimitsSpec()
    scenarios: ScenariosSpec
    capabilities: list[EntryId]
    models: Annotated[list[Named], Field(min_length=1)]

    @property
    def names(self) -> list[str]:
        """The models, as `vendor/model`."""
        return self.models

    def built_in(self) -> BuiltIn[CostStrategy]:
        strategy = CostStrategy(
            id=self.id,
            weights=CostWeights(**self.weights.model_dump()),
            limits=CostLimits(**self.limits.model_dump()),
            scenarios=ScenarioWeights(**self.scenarios.model_dump()),
            models=tuple(target(name) for name in self.models),
            capabilities=tuple(self.capabilities),
        )
        return _shown(self, strategy)


class ModelSpec(Spec):
    model: Named
    kind: Kind = "text"
    scores: Annotated[list[Score], Field(min_length=4, max_length=4)] | None = None
    like: Annotated[Named | None, Field(alias="as")] = None
    context_k: int = 0
    vision: bool = False
    formats: list[Format] | None = None
    unlisted: bool = False

    def facts(self) -> ModelFacts:
        reasoning, coding, creativity, speed = self.scores or [50] * 4
        abilities = Abilities(
            reasoning=reasoning,
            coding=coding,
            creativity=creativity,
            speed=speed,
            multimodal=100 if self.vision else 0,
            long_context=min(100 * self.context_k // WINDOW_OF_100, 100),
        )
        return ModelFacts(
            kind=self.kind,
            abilities=abilities if self.kind == "text" else None,
            formats=None if self.formats is None else tuple(self.formats),
        )


class FormatsFile(Spec):
    formats: dict[str, list[Format]]


class CorrectionSpec(Spec):
    was: Annotated[list[Named], Field(min_length=1)]
    now: Named | None
    why: str


class RewriteSpec(Spec):
    vendors: Annotated[list[str], Field(min_length=1)]
    models: Annotated[list[str], Field(min_length=1)] = Field(default=["*"])
    format: Format
    rename: dict[str, str] = Field(default={})
    drop: list[str] = Field(default=[])

    def rewrite(self) -> Rewrite:
        return Rewrite(
            models=tuple(self.models),
            format=self.format,
            rename=self.rename,
            drop=tuple(self.drop),
        )


class RewritesFile(Spec):
    rewrites: list[RewriteSpec]


class TagsFile(Spec):
    tags: list[TagSpec]


class ChainsFile(Spec):
    chains: list[ChainSpec]


class StrategiesFile(Spec):
    strategies: list[StrategySpec]


class ModelsFile(Spec):
    checked: str
    models: list[ModelSpec]


class CorrectionsFile(Spec):
    corrected: list[CorrectionSpec]


def _shown(spec: EntrySpec, entry: EntryT) -> BuiltIn[EntryT]:
    return BuiltIn(
        entry=entry,
        names=spec.name.model_dump(),
        descriptions=spec.description.model_dump(),
    )
