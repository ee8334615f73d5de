"""Figures are medians of quiet windows, and void when the log tells something else."""

from __future__ import annotations

import json
from array import array
from dataclasses import replace

import pytest

from adapters.bench.figures import percentile
from adapters.bench.load import Outcome
from adapters.bench.measure import Sample
from adapters.bench.open_streams import Flow
from adapters.bench.report import LOADS, Report
from adapters.bench.rounds import Effort, Measured, OpenWindow, Window

START = Sample(at=0.0, target=0.0, ours=0.0, machine=0.0, generator=0.0)
END = replace(START, at=1.0, target=0.5, generator=0.1)


def window(target: str, load: int | str, *, calls: int, foreign: float = 0.0) -> Window:
    outcome = Outcome(
        before=START,
        after=END,
        seconds=1.0,
        calls=calls,
        in_time=calls,
        completed=calls,
        latencies=[1 / calls] * calls,
        first_bytes=[0.5 / calls] * calls,
    )
    return Window(
        target=target, load=load, outcome=outcome, foreign=foreign, commits=5, events=50
    )


def open_window(target: str, *delays: float, broken: int = 0) -> OpenWindow:
    flow = Flow(before=START, after=END, whole=4, broken=broken, delays=array("d", delays))
    return OpenWindow(target=target, flow=flow, foreign=0.0, memory_mb=80.0)


def a_run(*windows: Window, peers: tuple[str, ...] = ()) -> Measured:
    targets = ("bare", "proxy", *peers)
    rest = [
        window(target, load, calls=100)
        for target in targets
        for load in LOADS
        if (target, load) not in {(w.target, w.load) for w in windows}
    ]
    return Measured(
        effort=Effort(seconds=1.0, rounds=1, streams=4),
        windows=[*windows, *rest],
        fdatasync_us=[100.0],
        memory_mb=dict.fromkeys(targets, 1.0),
        failed=dict.fromkeys(targets, 0),
        completed=400,
        settled=400,
        admitted=400,
    )


def test_a_figure_is_the_median_of_the_quiet_windows() -> None:
    run = a_run(
        *(window("proxy", 32, calls=calls) for calls in (1000, 3000, 2000)),
        window("proxy", 32, calls=10, foreign=0.5),
    )
    report = Report(run)
    one = report.figures["proxy", 32]
    assert (one.per_second, one.cpu_us_per_call) == (2000, 250)
    assert (one.windows, one.dropped, one.noisy) == (3, 1, False)
    assert report.noise() == (1, len(run.windows))


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


def test_the_delay_of_pieces_is_over_all_of_a_window_and_what_broke_over_all_windows() -> (
    None
):
    run = replace(
        a_run(),
        open=[
            open_window("proxy", *[0.001] * 98, 0.004, 0.009),
            open_window("proxy", *[0.001] * 98, 0.006, 0.009, broken=2),
        ],
    )
    one = Report(run).open["proxy"]
    assert one.delay_p50_ms == pytest.approx(1.0)
    assert one.delay_p99_ms == pytest.approx(5.0)
    assert (one.whole, one.broken, one.pieces_per_second) == (8, 2, 100)
    assert (one.cpu_share, one.cpu_us_per_piece) == pytest.approx((0.5, 5000))


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


def test_a_hard_floor_that_is_missed_makes_the_run_a_failure() -> None:
    fast = [window("proxy", load, calls=20_000) for load in LOADS]
    assert Report(a_run(*fast, peers=("litellm",))).good
    slow = Report(a_run(*fast[1:], window("proxy", 1, calls=1), peers=("litellm", "nginx")))
    assert slow.good, "the latency above nginx is a target"
    fast[1] = window("proxy", 32, calls=4_999)
    report = Report(a_run(*fast, peers=("litellm",)))
    assert [floor.what for floor in report.missed()] == ["calls/s at 32, to litellm"]
    assert not report.good


def test_all_of_it_is_json() -> None:
    run = replace(a_run(), open=[open_window("bare", 0.001), open_window("proxy", 0.002)])
    shown = json.loads(Report(run).as_json())
    assert set(shown["figures"]["proxy"]) == {"1", "32", "256", "big", "stream"}
    assert shown["open_streams"]["figures"]["proxy"]["delay_p99_ms"] == pytest.approx(2)
    assert {"what", "ours", "wanted", "measured", "reached"} <= set(shown["floors"][0])


@pytest.mark.parametrize(
    ("percent", "value"), [(1, 1.0), (50, 2.0), (51, 3.0), (99, 4.0), (100, 4.0)]
)
def test_a_percentile_is_a_value_that_was_measured(percent: int, value: float) -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], percent) == value
    assert percentile([], percent) == 0
