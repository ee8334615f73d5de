"""Figures are medians of quiet windows, and void when the log tells something else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.bench.load import Outcome
from adapters.bench.measure import Sample
from adapters.bench.report import Report, percentile
from adapters.bench.rounds import PLAIN, STREAM, Measured, Window

START = Sample(at=0.0, target=0.0, ours=0.0, machine=0.0, generator=0.0)


def window(target: str, load: int | str, *, calls: int, foreign: float = 0.0) -> Window:
    end = replace(START, at=1.0, target=0.5, generator=0.1)
    outcome = Outcome(
        before=START,
        after=end,
        seconds=1.0,
        in_time=calls,
        completed=calls,
        latencies=[1 / calls] * calls,
        first_bytes=[0.5 / calls] * calls,
    )
    return Window(
        target=target, load=load, outcome=outcome, foreign=foreign, commits=5, events=50
    )


def a_run(*windows: Window) -> Measured:
    rest = [
        window(target, load, calls=100)
        for target in ("bare", "proxy")
        for load in (*PLAIN, STREAM)
        if (target, load) not in {(w.target, w.load) for w in windows}
    ]
    return Measured(
        seconds=1.0,
        rounds=1,
        windows=[*windows, *rest],
        fdatasync_us=[100.0],
        memory_mb={"bare": 1.0, "proxy": 2.0},
        failed={"bare": 0, "proxy": 0},
        completed=400,
        settled=400,
        admitted=400,
    )


def test_a_figure_is_the_median_of_the_quiet_windows() -> None:
    run = a_run(
        *(window("proxy", 32, calls=calls) for calls in (1000, 3000, 2000)),
        window("proxy", 32, calls=10, foreign=0.5),
    )
    one = Report(run).figures["proxy", 32]
    assert (one.per_second, one.cpu_us_per_call) == (2000, 250)
    assert (one.windows, one.dropped, one.noisy) == (3, 1, False)


def test_with_too_few_quiet_windows_the_quietest_are_shown_and_marked() -> None:
    run = a_run(
        window("proxy", 32, calls=1000),
        window("proxy", 32, calls=500, foreign=0.2),
        window("proxy", 32, calls=10, foreign=0.9),
    )
    one = Report(run).figures["proxy", 32]
    assert (one.per_second, one.dropped, one.noisy) == (750, 2, True)


def test_what_the_proxy_adds_is_what_is_above_the_bare_call() -> None:
    report = Report(a_run(window("bare", 1, calls=1000), window("proxy", 1, calls=100)))
    assert report.added_ms("proxy", 1) == pytest.approx((9.0, 9.0))


def test_figures_are_exact_when_each_call_is_settled_once() -> None:
    assert Report(a_run()).exact


@pytest.mark.parametrize(
    ("changed", "exact"),
    [
        ({"settled": 399}, False),  # a call was answered and never settled
        ({"settled": 401, "admitted": 401}, False),  # one was settled that nobody made
        ({"settled": 401, "admitted": 401, "abandoned": 1}, True),
        ({"admitted": 401}, False),
        ({"failed": {"proxy": 1, "bare": 0}}, False),
        ({"failed": {"proxy": 0, "bare": 1}}, False),
        ({"completed": 0, "settled": 0, "admitted": 0}, False),
    ],
)
def test_the_log_has_the_last_word(changed: dict[str, object], exact: bool) -> None:  # noqa: FBT001
    assert Report(replace(a_run(), **changed)).exact is exact  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("percent", "value"), [(1, 1.0), (50, 2.0), (51, 3.0), (99, 4.0), (100, 4.0)]
)
def test_a_percentile_is_a_value_that_was_measured(percent: int, value: float) -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], percent) == value
    assert percentile([], percent) == 0
