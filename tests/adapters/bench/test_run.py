"""A short run on real parts: the figures are there, and the log agrees with them."""

from __future__ import annotations

import json
import os

import pytest

from adapters.bench import run


def test_a_run_measures_every_target_and_its_figures_are_checked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cpus = os.sched_getaffinity(0)
    assert run(seconds=0.3, rounds=1, streams=30, json=True) == 0
    shown = json.loads(capsys.readouterr().out)
    assert {"bare", "proxy"} <= set(shown["figures"])
    for figures in shown["figures"].values():
        assert set(figures) == {"1", "32", "256", "big", "stream"}
        assert all(one["per_second"] > 0 for one in figures.values())
        stream = figures["stream"]
        assert stream["events_per_second"] == pytest.approx(54 * stream["per_second"])
    check = shown["check"]
    assert check["exact"]
    assert check["completed"] == check["settled"] == check["admitted"] > 100
    assert check["failed"] == check["abandoned"] == 0
    assert shown["events_per_commit"]["32"] > 1
    assert shown["memory_mb"]["proxy"] > 10
    opened = shown["open_streams"]["figures"]
    assert {"bare", "proxy"} <= set(opened)
    for one in opened.values():
        assert one["whole"] >= 30
        assert one["broken"] == 0
        assert 0 < one["delay_p50_ms"] <= one["delay_p99_ms"]
    assert all(floor["reached"] in {True, False} for floor in shown["floors"])
    assert os.sched_getaffinity(0) == cpus
