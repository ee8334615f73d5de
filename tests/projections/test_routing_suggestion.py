"""What a bot's history speaks for: cases in a table, each with the numbers that decide."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.routing_policy import Direct, Failover, LoadBalance, RouteTarget
from projections.latency_histogram import merged, one
from projections.routing_statistics import TargetSums
from projections.routing_suggestion import (
    ENOUGH,
    MOST_STEPS,
    Because,
    evidence_of,
    suggested,
)

GPT, OPUS, MINI = ("openai", "gpt-5"), ("anthropic", "opus"), ("openai", "gpt-5-mini")


def sums(calls: int = 100, *, failed: int = 0, cost: int = 10, ms: int = 500) -> TargetSums:
    """So many calls, some failed; each cost so much and took so long."""
    return TargetSums(
        calls=calls,
        successes=calls - failed,
        input_tokens=calls * 900,
        output_tokens=calls * 100,
        cost_micro_usd=calls * cost,
        first_byte=merged([one(ms)] * (calls - failed)),
    )


def target(place: tuple[str, str]) -> RouteTarget:
    return RouteTarget(vendor=place[0], model=place[1])


CASES: list[tuple[dict[tuple[str, str], TargetSums], Because, list[tuple[str, str]]]] = [
    ({}, "no-history", []),
    ({GPT: sums(ENOUGH - 1)}, "too-few-calls", []),
    ({GPT: sums()}, "one-target", [GPT]),
    ({GPT: sums(200, cost=10), OPUS: sums(cost=7)}, "cheaper-and-as-good", [OPUS, GPT]),
    ({GPT: sums(200, cost=10), OPUS: sums(cost=8)}, "stand-ins-for-the-first", [GPT, OPUS]),
    (
        {GPT: sums(200, cost=10), OPUS: sums(cost=1, failed=2)},
        "stand-ins-for-the-first",
        [GPT, OPUS],
    ),
    ({GPT: sums(200, failed=9), OPUS: sums(failed=3)}, "most-reliable-first", [OPUS, GPT]),
    ({GPT: sums(200, ms=900), OPUS: sums(ms=300)}, "quicker-and-as-good", [GPT, OPUS]),
    (
        {GPT: sums(200, ms=900, failed=20), OPUS: sums(ms=300)},
        "quicker-and-as-good",
        [OPUS, GPT],
    ),
]


@pytest.mark.parametrize(("history", "because", "targets"), CASES)
def test_the_numbers_decide(
    history: dict[tuple[str, str], TargetSums],
    because: Because,
    targets: list[tuple[str, str]],
) -> None:
    found = suggested(history)
    assert found.because == because
    expected = tuple(map(target, targets))
    match found.policy:
        case None:
            assert expected == ()
        case Direct(target=only):
            assert (only,) == expected
        case Failover(steps=steps):
            assert steps == expected
        case LoadBalance(targets=shares, strategy=strategy):
            assert tuple(share.target for share in shares) == expected
            assert strategy == "least_latency"
        case _:
            pytest.fail(f"{found.policy} was never suggested")


def test_what_failed_and_was_passed_on_counts_against_a_target() -> None:
    flapping = replace(sums(), passed_on=100)
    assert evidence_of(GPT, flapping).success_rate == 0.5
    assert suggested({GPT: flapping, OPUS: sums(50)}).because == "most-reliable-first"


def test_a_cost_that_is_not_known_of_every_call_decides_nothing() -> None:
    unknown = replace(sums(cost=0), unpriced=1)
    assert evidence_of(OPUS, unknown).micro_usd_per_million_tokens is None
    assert suggested({GPT: sums(200), OPUS: unknown}).because == "stand-ins-for-the-first"


def test_what_embeds_is_no_stand_in_for_what_writes() -> None:
    embeds = replace(sums(500, cost=1, ms=50), output_tokens=0)
    found = suggested({GPT: sums(), ("openai", "embedding"): embeds})
    assert (found.policy, found.because) == (Direct(target=target(GPT)), "one-target")
    assert len(found.evidence) == 2
    assert suggested({("openai", "embedding"): embeds}).because == "no-history"


COUNTS = st.integers(0, 1000)


@given(
    st.dictionaries(
        st.sampled_from([GPT, OPUS, MINI, ("a", "b"), ("c", "d"), ("e", "f"), ("g", "h")]),
        st.builds(TargetSums, calls=COUNTS, successes=COUNTS, passed_on=COUNTS),
    )
)
def test_whatever_was_seen_only_what_was_seen_often_enough_is_suggested(
    history: dict[tuple[str, str], TargetSums],
) -> None:
    found = suggested(history)
    assert len(found.evidence) == len(history)
    judged = {
        one.target
        for one in found.evidence
        if one.attempts >= ENOUGH and not one.success_rate  # they wrote nothing
    }
    match found.policy:
        case None:
            assert not judged
        case Direct(target=only):
            assert {only} == judged
        case Failover(steps=steps):
            assert set(steps) <= judged
            assert 1 < len(steps) <= MOST_STEPS
        case _:
            pytest.fail("nothing was measured")
