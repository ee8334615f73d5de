"""Routing policies: what a bot's `auto` calls go to, as its team wrote it down.

    direct        one target
    load_balance  targets that share the calls: round robin, by weight, by latency
    failover      steps in order, with what makes a call go on to the next one
    function      the first rule that holds names the steps; else the default
    cost          the target that a strategy scores highest
    complexity    steps for each level of difficulty

Policies stand in events, so everything here is whole numbers and text, and their fields are
the fields of the JSON that people write. A step is a target, a fallback chain or the models
of a capability tag. What a policy may say is checked in `routing_checks`; the names that it
uses are looked up in `RoutingShelf`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal

from domain.vendors import Format

Protocol = Literal["openai", "anthropic"]
Strategy = Literal["round_robin", "weighted", "least_latency"]
Mode = Literal["direct", "load_balance", "failover", "function", "cost", "complexity"]
Kind = Literal["text", "image", "video", "speech", "3d", "embedding"]  # what comes out

TRIGGERING_STATUSES = (429, 500, 502, 503, 504)
TRIGGERING_ERRORS = ("rate_limit", "overloaded", "timeout")


@dataclass(frozen=True, kw_only=True, slots=True)
class RouteTarget:
    """A model at a vendor, under those of the bot's keys that carry the tag, if one is set.

    With a `protocol` it serves only requests in that vendor's family of formats.
    """

    vendor: str
    model: str
    tag: str | None = None
    protocol: Protocol | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class WeightedTarget(RouteTarget):
    """A target and its share of the calls; 0: only when no other can serve."""

    weight: int = 1

    @property
    def target(self) -> RouteTarget:
        """The target alone."""
        return RouteTarget(
            vendor=self.vendor, model=self.model, tag=self.tag, protocol=self.protocol
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ChainStep:
    """The steps of a fallback chain, at this place."""

    chain: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CapabilityStep:
    """The models of a capability tag, at this place."""

    capability: str


Step = RouteTarget | ChainStep | CapabilityStep


@dataclass(frozen=True, kw_only=True, slots=True)
class Trigger:
    """What makes a call go on to the next candidate."""

    status_codes: tuple[int, ...] = TRIGGERING_STATUSES
    error_types: tuple[str, ...] = TRIGGERING_ERRORS
    timeout_ms: int = 60_000  # until the first byte of the answer


@dataclass(frozen=True, kw_only=True, slots=True)
class Retry:
    """How often a call may go on, and how long it waits before each time."""

    max_retries: int = 3  # after the first attempt
    delay_ms: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Direct:
    """Every call goes to one target."""

    target: RouteTarget
    mode: Literal["direct"] = "direct"


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadBalance:
    """Targets share the calls."""

    targets: tuple[WeightedTarget, ...]
    strategy: Strategy = "weighted"
    mode: Literal["load_balance"] = "load_balance"


@dataclass(frozen=True, kw_only=True, slots=True)
class Failover:
    """Steps in order: either those of a chain, or its own.

    A trigger or retry of its own wins over that of the chain.
    """

    chain: str | None = None
    steps: tuple[Step, ...] = ()
    trigger: Trigger | None = None
    retry: Retry | None = None
    mode: Literal["failover"] = "failover"


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditions:
    """What must hold of a request: all that is set; of a list, one of its members.

    Keywords and patterns are looked for in the user's last words, whatever their case.
    """

    keywords: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()  # see `domain.linear_patterns`
    tool_names: tuple[str, ...] = ()  # a star stands for any characters
    tools: bool | None = None
    images: bool | None = None
    thinking: bool | None = None
    cache_control: bool | None = None
    streaming: bool | None = None
    min_chars: int | None = None  # of the user's last words
    max_chars: int | None = None
    min_input_tokens: int | None = None  # of the whole request, estimated
    max_input_tokens: int | None = None
    formats: tuple[Format, ...] = ()
    capabilities: tuple[str, ...] = ()  # tags that recognise the request


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """When the conditions hold, the call takes these steps."""

    id: str
    when: Conditions
    steps: tuple[Step, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Function:
    """The first rule that holds wins."""

    rules: tuple[Rule, ...]
    default: tuple[Step, ...]
    mode: Literal["function"] = "function"


@dataclass(frozen=True, kw_only=True, slots=True)
class CostWeights:
    """What counts, in any unit: only their relation matters."""

    cost: int = 0
    performance: int = 0
    capability: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class CostLimits:
    """A target beyond one of these is left out."""

    max_cost_micro_usd: int | None = None  # of one request, estimated
    max_latency_ms: int | None = None  # as measured
    min_capability: int | None = None  # 0 to 100


@dataclass(frozen=True, kw_only=True, slots=True)
class ScenarioWeights:
    """Which abilities make up the capability, in any unit; all 0: equally."""

    reasoning: int = 0
    coding: int = 0
    creativity: int = 0
    speed: int = 0
    multimodal: int = 0
    long_context: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class CostStrategy:
    """How targets are scored, and which there are if a policy names none."""

    id: str
    weights: CostWeights
    limits: CostLimits = CostLimits()
    scenarios: ScenarioWeights = ScenarioWeights()
    models: tuple[RouteTarget, ...] = ()
    capabilities: tuple[str, ...] = ()  # what it is meant for; for people to choose by


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """A strategy, by id or written out, over these targets or else the strategy's own."""

    strategy: str | None = None
    weights: CostWeights | None = None
    limits: CostLimits | None = None
    targets: tuple[RouteTarget, ...] = ()
    mode: Literal["cost"] = "cost"


class Level(StrEnum):
    """How hard a request is."""

    SIMPLE = "simple"
    MEDIUM = "medium"
    COMPLEX = "complex"


@dataclass(frozen=True, kw_only=True, slots=True)
class Complexity:
    """Steps for each level.

    Without a classifier a heuristic finds the level and no call is made. With one, that
    model is asked; where it fails or says anything else, the heuristic's level holds.
    """

    simple: tuple[Step, ...]
    medium: tuple[Step, ...]
    complex: tuple[Step, ...]
    classifier: RouteTarget | None = None
    mode: Literal["complexity"] = "complexity"

    def steps(self, level: Level) -> tuple[Step, ...]:
        """The steps of that level."""
        if level is Level.SIMPLE:
            return self.simple
        return self.medium if level is Level.MEDIUM else self.complex


RoutingPolicy = Direct | LoadBalance | Failover | Function | Cost | Complexity


@dataclass(frozen=True, kw_only=True, slots=True)
class FallbackChain:
    """Steps in order of preference, for policies and for requests that name its id."""

    id: str
    steps: tuple[Step, ...]
    trigger: Trigger = Trigger()
    retry: Retry = Retry()
    kind: Kind = "text"


@dataclass(frozen=True, kw_only=True, slots=True)
class CapabilityTag:
    """A kind of request: how it is recognised, and the models that are good at it."""

    id: str
    priority: int = 50  # of those that recognise a request, the highest comes first
    category: str = "custom"
    detect: Conditions | None = None  # None: chosen by a policy only
    models: tuple[RouteTarget, ...] = ()
    kind: Kind = "text"


@dataclass(frozen=True, kw_only=True, slots=True)
class RoutingShelf:
    """What policies may name by id: the built-in entries and the team's own, which win.

    It never changes: a changed entry makes another shelf. So `written_out` may remember
    what steps come to (`routing_steps.spread`); shelves are compared without it.
    """

    chains: Mapping[str, FallbackChain] = field(
        default_factory=lambda: MappingProxyType({})
    )
    tags: Mapping[str, CapabilityTag] = field(default_factory=lambda: MappingProxyType({}))
    strategies: Mapping[str, CostStrategy] = field(
        default_factory=lambda: MappingProxyType({})
    )
    written_out: dict[Any, Any] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
