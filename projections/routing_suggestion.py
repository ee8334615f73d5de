"""Which policy a bot's own history speaks for. Pure; every number that decided is told.

A target is judged once it was tried often enough. Those that hardly ever fail are good; of
several good ones the cheapest leads if it is a good deal cheaper than what is used most,
else the quickest if it is a good deal quicker, and the others stand in. Without a good one
the most reliable leads. Targets that answer and never write a token (they embed, say) are
told of, and none of them takes the place of another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from domain.routing_policy import (
    Direct,
    Failover,
    LoadBalance,
    RouteTarget,
    RoutingPolicy,
    WeightedTarget,
)
from projections.latency_histogram import quantile
from projections.routing_statistics import TargetSums

ENOUGH = 20  # attempts, before a target is judged
GOOD = 0.99  # of its attempts succeed
CHEAPER = 0.7  # of what the most used one costs for a token, or less
QUICKER = 0.6  # of the time that the most used one takes
MOST_STEPS = 5
MILLION = 1_000_000

Because = Literal[
    "no-history",
    "too-few-calls",
    "one-target",
    "cheaper-and-as-good",
    "quicker-and-as-good",
    "stand-ins-for-the-first",
    "most-reliable-first",
]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a target did. Its price is of all its tokens together; None: not known."""

    target: RouteTarget
    attempts: int
    calls: int
    success_rate: float
    p50_ms: int | None
    micro_usd_per_million_tokens: int | None

    @property
    def good(self) -> bool:
        return self.success_rate >= GOOD


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """A policy, or None where nothing can be said, and why. The most used target first."""

    policy: RoutingPolicy | None
    because: Because
    evidence: tuple[Evidence, ...]


def suggested(history: Mapping[tuple[str, str], TargetSums]) -> Suggestion:
    """The policy for what was seen, by vendor and model."""
    seen = [evidence_of(place, sums) for place, sums in history.items()]
    seen.sort(key=lambda one: (-one.calls, one.target.vendor, one.target.model))
    writing = {place for place, sums in history.items() if _writes(sums)}
    wrote = [one for one in seen if (one.target.vendor, one.target.model) in writing]
    judged = [one for one in wrote if one.attempts >= ENOUGH]
    if not judged:
        because: Because = "too-few-calls" if wrote else "no-history"
        return Suggestion(policy=None, because=because, evidence=tuple(seen))
    policy, because = _policy(judged)
    return Suggestion(policy=policy, because=because, evidence=tuple(seen))


def evidence_of(place: tuple[str, str], sums: TargetSums) -> Evidence:
    """The numbers of one target."""
    vendor, model = place
    attempts = sums.calls + sums.passed_on
    tokens = sums.input_tokens + sums.output_tokens
    priced = tokens and not sums.unpriced
    return Evidence(
        target=RouteTarget(vendor=vendor, model=model),
        attempts=attempts,
        calls=sums.calls,
        success_rate=round(sums.successes / attempts, 4) if attempts else 0.0,
        p50_ms=quantile(sums.first_byte, 0.5),
        micro_usd_per_million_tokens=sums.cost_micro_usd * MILLION // tokens
        if priced
        else None,
    )


def _writes(sums: TargetSums) -> bool:
    """Whether it writes tokens, as far as it was ever seen to answer."""
    return sums.output_tokens > 0 or not sums.successes


def _policy(judged: Sequence[Evidence]) -> tuple[RoutingPolicy, Because]:
    """`judged`: the most used one first; at least one."""
    used = judged[0]
    if len(judged) == 1:
        return Direct(target=used.target), "one-target"
    good = [one for one in judged if one.good]
    cheapest = _least([(one, one.micro_usd_per_million_tokens) for one in good])
    price = used.micro_usd_per_million_tokens
    if cheapest is not None and price is not None and cheapest[1] <= CHEAPER * price:
        return _in_steps(cheapest[0], judged), "cheaper-and-as-good"
    quickest = _least([(one, one.p50_ms) for one in good])
    time = used.p50_ms
    if quickest is not None and time is not None and quickest[1] <= QUICKER * time:
        targets = tuple(
            WeightedTarget(vendor=one.target.vendor, model=one.target.model)
            for one in good[:MOST_STEPS]
        )
        balanced = LoadBalance(targets=targets, strategy="least_latency")
        return balanced if len(targets) > 1 else _in_steps(quickest[0], judged), (
            "quicker-and-as-good"
        )
    if used.good:
        return _in_steps(used, judged), "stand-ins-for-the-first"
    best = max(judged, key=lambda one: (one.success_rate, one.calls))
    return _in_steps(best, judged), "most-reliable-first"


def _least(found: Sequence[tuple[Evidence, int | None]]) -> tuple[Evidence, int] | None:
    known = [(one, number) for one, number in found if number is not None]
    return min(known, key=lambda one: one[1], default=None)


def _in_steps(first: Evidence, judged: Sequence[Evidence]) -> Failover:
    """That one, then the others, the most reliable first."""
    rest = sorted(
        (one for one in judged if one != first), key=lambda one: -one.success_rate
    )
    steps = tuple(one.target for one in (first, *rest))
    return Failover(steps=steps[:MOST_STEPS])
