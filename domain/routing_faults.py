"""The mistakes in routing resources, collected under the paths of their fields.

An unknown model is one that no list has for a vendor whose lists are complete, and that
the team has not named itself; where nobody can tell, the team is believed.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import asdict
from typing import Protocol

from domain.errors import InvalidFields
from domain.linear_patterns import NotAPattern, compiled
from domain.routing_catalog import SPOKEN
from domain.routing_policy import (
    CapabilityStep,
    ChainStep,
    Conditions,
    CostLimits,
    CostWeights,
    Retry,
    RouteTarget,
    RoutingShelf,
    ScenarioWeights,
    Step,
    Trigger,
)
from domain.routing_steps import MOST_TARGETS, spread
from domain.routing_triggers import ERROR_TYPES
from domain.routing_words import LONGEST_WORDS

MOST_STEPS = 32
MOST_WORDS = 50  # of one kind, in one rule
LONGEST_WORD = 100  # characters
MOST_ASKED = 500  # words and tags of all rules of a policy together
MOST_READ = 512  # characters that all patterns of a policy together can read
LARGEST = 1_000_000  # weight
LARGEST_NUMBER = 2**53 - 1
# As far as anybody counts: of longer words no more is known than that they are longer.
COUNTED = {"chars": LONGEST_WORDS - 1, "input_tokens": LARGEST_NUMBER}
LONGEST_NAME = 200  # of a model or a tag
LONGEST_ID = 60
FAILURES = range(400, 600)
TIMEOUTS_MS = range(100, 600_001)
RETRIES = range(11)
DELAYS_MS = range(60_001)
PERCENT = range(101)
_ID_SIGNS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")


class KnownModels(Protocol):
    """The lists of vendors and models, and what the team has named itself."""

    def has_vendor(self, vendor: str) -> bool:
        """Whether the catalog has a vendor of that id."""

    def has_model(self, vendor: str, model: str) -> bool | None:
        """Whether the vendor has that model; None if nobody can tell."""


class Faults:
    """What is wrong so far; `refuse` raises it."""

    def __init__(self, shelf: RoutingShelf, models: KnownModels) -> None:
        self.shelf = shelf
        self._models = models
        self._codes: dict[str, str] = {}
        self._read = 0
        self._asked = 0

    def add(self, field: str, code: str) -> None:
        """The field has this fault; the first one that was found stays."""
        self._codes.setdefault(field, code)

    def refuse(self) -> None:
        """`InvalidFields`, if anything is wrong."""
        if self._codes:
            raise InvalidFields(**self._codes)

    def name(self, field: str, value: str) -> None:
        """An id: short, lower case, without blanks."""
        if not value or len(value) > LONGEST_ID or not _ID_SIGNS.issuperset(value):
            self.add(field, "not-an-id")

    def whole(self, field: str, value: int | None, allowed: Container[int]) -> None:
        """A number, if it is set."""
        if value is not None and value not in allowed:
            self.add(field, "out-of-range")

    def target(self, field: str, target: RouteTarget) -> None:
        """A vendor and a model that exist."""
        named = f"{target.model}{target.tag or ''}"
        if not target.model or len(named) > LONGEST_NAME or not named.isprintable():
            self.add(f"{field}.model", "not-a-name")
        if not self._models.has_vendor(target.vendor):
            self.add(f"{field}.vendor", "unknown")
        elif self._models.has_model(target.vendor, target.model) is False:
            self.add(f"{field}.model", "unknown")

    def targets(self, field: str, targets: Sequence[RouteTarget]) -> None:
        """Targets, each once."""
        if len(targets) > MOST_STEPS:
            self.add(field, "too-many")
            return
        for nth, target in enumerate(targets):
            self.target(f"{field}.{nth}", target)
            if target in targets[:nth]:
                self.add(f"{field}.{nth}", "twice")

    def steps(self, field: str, steps: Sequence[Step], *, named: bool = False) -> None:
        """Steps that come to at least one target; `named`: the field is the chain's id."""
        if not 0 < len(steps) <= MOST_STEPS:
            self.add(field, "too-many" if steps else "empty")
            return
        for nth, step in enumerate(steps):
            at = field if named else f"{field}.{nth}"
            match step:
                case ChainStep(chain=name):
                    if name not in self.shelf.chains:
                        self.add(at if named else f"{at}.chain", "unknown")
                case CapabilityStep(capability=name):
                    if name not in self.shelf.tags:
                        self.add(f"{at}.capability", "unknown")
                case RouteTarget():
                    self.target(at, step)
            if step in steps[:nth]:
                self.add(at, "twice")
        self.loops(field, steps)

    def loops(self, field: str, steps: Iterable[Step]) -> None:
        """No chain leads back to itself, and some target is at the end."""
        notes: list[str] = []
        found = spread(tuple(steps), self.shelf, notes)
        if any(note.startswith("chain-loops") for note in notes):
            self.add(field, "loops")
        if len(found) == MOST_TARGETS and "too-many-targets" in notes:
            self.add(field, "too-many")
        if not found and not notes:
            self.add(field, "empty")

    def trigger(self, field: str, trigger: Trigger) -> None:
        """Failures that there are, each at most once."""
        self._once(f"{field}.status_codes", trigger.status_codes)
        self._once(f"{field}.error_types", trigger.error_types)
        for status in trigger.status_codes[: len(FAILURES)]:
            self.whole(f"{field}.status_codes", status, FAILURES)
        if not ERROR_TYPES.issuperset(trigger.error_types):
            self.add(f"{field}.error_types", "unknown")
        self.whole(f"{field}.timeout_ms", trigger.timeout_ms, TIMEOUTS_MS)

    def retry(self, field: str, retry: Retry) -> None:
        self.whole(f"{field}.max_retries", retry.max_retries, RETRIES)
        self.whole(f"{field}.delay_ms", retry.delay_ms, DELAYS_MS)

    def weight(self, field: str, weight: int) -> None:
        self.whole(field, weight, range(LARGEST + 1))

    def weights(self, field: str, weights: CostWeights) -> None:
        """Nothing negative, and something above nothing."""
        for name, weight in asdict(weights).items():
            self.weight(f"{field}.{name}", weight)
        if not any(asdict(weights).values()):
            self.add(field, "no-weight")

    def scenarios(self, field: str, scenarios: ScenarioWeights) -> None:
        for name, weight in asdict(scenarios).items():
            self.weight(f"{field}.{name}", weight)

    def limits(self, field: str, limits: CostLimits) -> None:
        anything = range(LARGEST_NUMBER + 1)
        self.whole(f"{field}.max_cost_micro_usd", limits.max_cost_micro_usd, anything)
        self.whole(f"{field}.max_latency_ms", limits.max_latency_ms, TIMEOUTS_MS)
        self.whole(f"{field}.min_capability", limits.min_capability, PERCENT)

    def conditions(self, field: str, when: Conditions) -> None:
        """Conditions that are some, and that something can meet."""
        if when == Conditions():
            self.add(field, "empty")
        self._words(field, when)
        self._once(f"{field}.capabilities", when.capabilities)
        self._count(f"{field}.capabilities", when.capabilities)
        self._once(f"{field}.formats", when.formats)
        self._patterns(field, when.patterns[:MOST_WORDS])
        for name in when.capabilities:
            tag = self.shelf.tags.get(name)
            if tag is None or tag.detect is None:
                self.add(
                    f"{field}.capabilities", "recognises-nothing" if tag else "unknown"
                )
        for what in ("chars", "input_tokens"):
            self._range(field, what, when)
        if when.formats and SPOKEN.isdisjoint(when.formats):
            self.add(f"{field}.formats", "never-holds")
        if when.tools is False and when.tool_names:
            self.add(f"{field}.tool_names", "never-holds")
        if when.max_chars == 0 and (when.keywords or when.patterns):
            self.add(f"{field}.max_chars", "never-holds")

    def _range(self, field: str, what: str, when: Conditions) -> None:
        least, most = getattr(when, f"min_{what}"), getattr(when, f"max_{what}")
        for end, value in (("min", least), ("max", most)):
            self.whole(f"{field}.{end}_{what}", value, range(COUNTED[what] + 1))
        if least is not None and most is not None and most < least:
            self.add(f"{field}.max_{what}", "never-holds")

    def _count(self, field: str, asked: Sequence[str]) -> None:
        """All rules together ask so much and no more of each request."""
        self._asked += len(asked)
        if asked and self._asked > MOST_ASKED:
            self.add(field, "too-many")

    def _once(self, field: str, listed: Sequence[object]) -> None:
        """Of a list whose members are looked for, each stands there once."""
        if len(set(listed)) < len(listed):
            self.add(field, "twice")

    def _words(self, field: str, when: Conditions) -> None:
        for name in ("keywords", "patterns", "tool_names"):
            words: tuple[str, ...] = getattr(when, name)
            self._count(f"{field}.{name}", words)
            if len(words) > MOST_WORDS:
                self.add(f"{field}.{name}", "too-many")
            for nth, word in enumerate(words[:MOST_WORDS]):
                if not word.strip() or (name != "patterns" and len(word) > LONGEST_WORD):
                    self.add(f"{field}.{name}.{nth}", "not-a-word")

    def _patterns(self, field: str, patterns: Sequence[str]) -> None:
        for nth, text in enumerate(patterns):
            try:
                pattern = compiled(text)
            except NotAPattern:
                self.add(f"{field}.patterns.{nth}", "not-a-pattern")
                continue
            self._read += pattern.size
            if pattern.found_in(""):
                self.add(f"{field}.patterns.{nth}", "always-holds")
        if self._read > MOST_READ:
            self.add(f"{field}.patterns", "too-large")
