"""What is counted of calls, and that it costs next to nothing."""

from __future__ import annotations

import timeit
from dataclasses import replace
from uuid import UUID

import pytest

from adapters.metrics.calls import CallNumbers, outcome_of
from adapters.metrics.series import lines_of
from domain.calls import CallEvent, CallRefused, CallSettled
from domain.usage import Usage, UsageSource
from tests.projections.given import admitted, corrected, facts, settled, tokens

CALL = UUID(int=1)
USED = Usage(
    input_tokens=10,
    output_tokens=5,
    cache_read_tokens=3,
    reasoning_tokens=2,
    source=UsageSource.REPORTED,
)
SETTLED = settled(facts(), USED)
# Measured: 1.5 to 1.8 µs. The rest is for a machine that does something else meanwhile.
MOST_MICROSECONDS = 6.0


def counted(*events: CallEvent) -> dict[str, float]:
    """Every number but zeros and buckets, by name and labels."""
    numbers = CallNumbers(["openai", "anthropic"])
    for event in events:
        numbers.recorded(CALL, event, 0.002)
    return shown(numbers)


def shown(numbers: CallNumbers) -> dict[str, float]:
    lines = [line for family in numbers.families for line in lines_of(family, "p")]
    pairs = (line.replace('process="p",', "").rsplit(" ", 1) for line in lines)
    return {name: float(n) for name, n in pairs if float(n) and "_bucket" not in name}


def test_a_settled_call_is_counted_with_its_tokens_and_times() -> None:
    assert counted(admitted(facts()), SETTLED) == {
        'clawbot_calls_total{vendor="openai",status="200",outcome="ok"}': 1,
        'clawbot_tokens_total{vendor="openai",kind="input"}': 10,
        'clawbot_tokens_total{vendor="openai",kind="output"}': 5,
        'clawbot_tokens_total{vendor="openai",kind="cache_read"}': 3,
        'clawbot_tokens_total{vendor="openai",kind="reasoning"}': 2,
        'clawbot_first_byte_seconds_sum{vendor="openai"}': 0.01,
        'clawbot_first_byte_seconds_count{vendor="openai"}': 1,
        'clawbot_call_seconds_sum{vendor="openai"}': 0.02,
        'clawbot_call_seconds_count{vendor="openai"}': 1,
        'clawbot_commit_wait_seconds_sum{event="call.admitted"}': 0.002,
        'clawbot_commit_wait_seconds_count{event="call.admitted"}': 1,
        'clawbot_commit_wait_seconds_sum{event="call.settled"}': 0.002,
        'clawbot_commit_wait_seconds_count{event="call.settled"}': 1,
    }


def test_a_call_that_only_began_is_no_call_yet() -> None:
    assert not [name for name in counted(admitted(facts())) if "calls_total" in name]


def test_a_refusal_and_a_late_settlement_are_counted_as_what_they_are() -> None:
    late = corrected(facts(), tokens(25, None), tokens(7, 3), 4)
    found = counted(CallRefused(facts=facts(), code="no-usable-key"), late)
    assert (
        found['clawbot_calls_total{vendor="openai",status="none",outcome="refused"}'] == 1
    )
    assert (
        found['clawbot_calls_total{vendor="openai",status="200",outcome="settled-late"}']
        == 1
    )
    assert found['clawbot_tokens_total{vendor="openai",kind="input"}'] == 7


@pytest.mark.parametrize(
    ("settled", "outcome"),
    [
        (SETTLED, "ok"),
        (replace(SETTLED, client_left=True), "client-left"),
        (
            replace(SETTLED, http_status=429, error="vendor:whatever it says"),
            "vendor-error",
        ),
        (replace(SETTLED, http_status=101), "ok"),  # a session
        (replace(SETTLED, http_status=500), "vendor-error"),
        (replace(SETTLED, error="vendor:overloaded"), "vendor-error"),
        (replace(SETTLED, http_status=None, error="upstream-timeout"), "upstream-timeout"),
        (replace(SETTLED, client_left=True, error="upstream-cut"), "upstream-cut"),
    ],
)
def test_an_outcome_is_one_word_of_ours(settled: CallSettled, outcome: str) -> None:
    assert outcome_of(settled) == outcome


def test_what_a_bot_may_choose_is_in_no_label() -> None:
    of = replace(
        facts(vendor="my-own-vendor", model="canary"),
        hostname="canary",
        requested_model="canary",
    )
    found = counted(
        CallRefused(facts=of, code="unknown-vendor"),
        replace(settled(of, USED), error="vendor:canary", price_source="canary"),
    )
    assert not [name for name in found if "canary" in name or "my-own-vendor" in name]
    assert [name for name in found if 'vendor="other"' in name]


def test_batches_and_errors_of_our_own_are_counted() -> None:
    numbers = CallNumbers([])
    numbers.committed(3, 0.25)
    numbers.refused("unauthenticated")
    numbers.refused("unauthenticated")
    assert shown(numbers) == {
        'clawbot_commit_batch_size_sum{process="p"}': 3,
        'clawbot_commit_batch_size_count{process="p"}': 1,
        'clawbot_commit_seconds_sum{process="p"}': 0.25,
        'clawbot_commit_seconds_count{process="p"}': 1,
        'clawbot_refusals_total{code="unauthenticated"}': 2,
    }


def test_counting_a_call_takes_microseconds() -> None:
    numbers, opened = CallNumbers(["openai"]), admitted(facts())

    def call() -> None:
        numbers.recorded(CALL, opened, 0.002)
        numbers.recorded(CALL, SETTLED, 0.002)

    number = 5_000
    best = min(timeit.repeat(call, number=number, repeat=7)) / number
    assert best * 1e6 < MOST_MICROSECONDS
