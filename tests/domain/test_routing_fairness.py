"""Turns and weights are fair, latency is followed, and triggers say what goes on."""

from __future__ import annotations

from collections import Counter

import pytest

from domain.routing_facts import (
    TargetState,
    Turn,
)
from domain.routing_latency import FORGOTTEN_SECONDS, Latency
from domain.routing_order import balanced
from domain.routing_policy import (
    LoadBalance,
    Trigger,
)
from domain.routing_steps import Planned
from domain.routing_triggers import goes_on
from domain.verdicts import Verdict
from tests.domain.routing_scene import names, routed, share, to, up


@pytest.mark.parametrize(
    "weights",
    [(1, 1), (3, 1), (70, 20, 10), (97, 2, 1), (1, 1, 1, 1, 1), (5, 0, 5), (999, 1)],
)
@pytest.mark.parametrize("start", [0, 2**63 + 12345, 987654321])
def test_shares_are_within_2_percent_of_the_weights(
    weights: tuple[int, ...], start: int
) -> None:
    calls = 10_000
    shares = [Planned(target=to(f"v/{n}"), weight=w) for n, w in enumerate(weights)]
    usable = [(one, up(one.target)) for one in shares]
    seen = Counter(
        balanced("weighted", usable, Turn(count=start + n, dice=n))[0][0][0]
        for n in range(calls)
    )
    for one in shares:
        wanted = calls * one.weight / sum(weights)
        assert abs(seen[one] - wanted) <= max(0.02 * wanted, 2)


def test_several_processes_and_a_rhythm_of_calls_are_fair_too() -> None:
    shares = [Planned(target=to("v/a"), weight=3), Planned(target=to("v/b"), weight=1)]
    usable = [(one, up(one.target)) for one in shares]
    for step in (2, 3, 4, 5, 10):
        seen: Counter[Planned] = Counter()
        for start in (17, 2**40 + 1, 2**61, 2**63 - 5):
            for n in range(2_500):
                turn = Turn(count=start + n * step, dice=n)
                seen[balanced("weighted", usable, turn)[0][0][0]] += 1
        assert abs(seen[shares[0]] - 7_500) <= 150


def test_round_robin_shares_equally_whoever_is_away() -> None:
    policy = LoadBalance(
        targets=tuple(share(f"v/{n}", 1) for n in range(4)), strategy="round_robin"
    )
    away = {to("v/2"): TargetState()}
    seen = Counter(
        names(routed(policy, states=away, turn=Turn(count=n, dice=0)))[0]
        for n in range(300)
    )
    assert seen == {"v/0": 100, "v/1": 100, "v/3": 100}


def test_of_many_targets_the_slowest_is_never_chosen_and_the_fastest_most_often() -> None:
    shares = [Planned(target=to(f"v/{n}")) for n in range(5)]
    usable = [
        (one, up(one.target, latency_ms=100 * (nth + 1))) for nth, one in enumerate(shares)
    ]
    seen = Counter(
        balanced("least_latency", usable, Turn(count=0, dice=n))[0][0][0]
        for n in range(2_000)
    )
    assert [seen[one] for one in shares] == [800, 600, 400, 200, 0]


def test_latency_moves_with_the_calls_and_is_forgotten() -> None:
    latency = Latency(100.0, at=0.0).after(200.0, now=1.0)
    assert latency.known(1.0) == 120
    assert latency.known(1.0 + FORGOTTEN_SECONDS) == 120
    assert latency.known(1.1 + FORGOTTEN_SECONDS) is None
    assert latency.after(500.0, now=1000.0).known(1000.0) == 500


@pytest.mark.parametrize(
    ("verdict", "status", "error", "timed_out", "on"),
    [
        (Verdict.OVERLOADED, 503, None, False, True),
        (Verdict.OVERLOADED, None, None, False, True),
        (Verdict.OVERLOADED, None, None, True, True),
        (Verdict.CLIENT_ERROR, 400, "vendor:invalid", False, False),
        (Verdict.CLIENT_ERROR, 400, "vendor:context_length_exceeded", False, False),
        (Verdict.DEAD, 401, None, False, True),
        (Verdict.NO_FUNDS, 402, None, False, True),
        (Verdict.THROTTLED, 429, None, False, True),
    ],
)
def test_a_trigger_says_what_goes_on(
    verdict: Verdict,
    status: int | None,
    error: str | None,
    timed_out: bool,  # noqa: FBT001
    on: bool,  # noqa: FBT001
) -> None:
    said = goes_on(
        Trigger(), status=status, verdict=verdict, error=error, timed_out=timed_out
    )
    assert said is on


def test_a_trigger_may_name_fewer_or_other_things() -> None:
    only_404 = Trigger(status_codes=(404,), error_types=())
    busy = goes_on(only_404, status=503, verdict=Verdict.OVERLOADED, error=None)
    gone = goes_on(only_404, status=404, verdict=Verdict.CLIENT_ERROR, error=None)
    assert (busy, gone) == (False, True)
    long = Trigger(error_types=("context_length_exceeded",))
    said = "vendor:context_length_exceeded"
    assert goes_on(long, status=400, verdict=Verdict.CLIENT_ERROR, error=said)


@pytest.mark.parametrize(
    "error",
    [
        "vendor:model_not_found The model `gpt-9` does not exist",
        "vendor:invalid_request_error Model Not Exist",
        "vendor:NOT_FOUND models/gemini-9 is not found for API version v1beta, or is not",
        'vendor:api_error model "llama9" not found, try pulling it first',
        "vendor:InvalidEndpointOrModel.NotFound The model or endpoint does not exist",
    ],
)
def test_a_model_that_its_vendor_has_not_is_no_fault_of_the_request(error: str) -> None:
    said = goes_on(None, status=404, verdict=Verdict.CLIENT_ERROR, error=error)
    named = Trigger(status_codes=(), error_types=("model_not_found",))
    assert said
    assert goes_on(named, status=404, verdict=Verdict.CLIENT_ERROR, error=error)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_without_a_trigger_all_goes_on_but_what_is_wrong_with_the_request(
    verdict: Verdict,
) -> None:
    said = goes_on(None, status=400, verdict=verdict, error="vendor:invalid")
    assert said is (verdict is not Verdict.CLIENT_ERROR)
