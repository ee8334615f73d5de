"""`?at=` a position answers what the live routes answered there, whatever came after."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from application import event_log
from application.rates import Rate
from tests.api.a_history import AHistory, SkewedClock, told_by
from tests.api.front import Front


@pytest.mark.parametrize(
    ("backend", "positions", "reads"),
    [
        ("front", 30, 3),
        pytest.param("real", 1000, 4, marks=[pytest.mark.soak, pytest.mark.timeout(1800)]),
    ],
)
def test_the_state_at_any_position_is_what_was_shown_then(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    backend: str,
    positions: int,
    reads: int,
) -> None:
    front: Front = request.getfixturevalue(backend)
    often = Rate(name="often", most=1_000_000)  # it asks as fast as it is answered
    front.system.request_limits = replace(
        front.system.request_limits, writes=often, reads=often, requests=often
    )
    history = AHistory(front, Random(20261122))
    monkeypatch.setattr(event_log, "datetime", SkewedClock())  # only positions are exact
    for _ in range(positions):
        for _ in range(2):
            history.step()
        history.look(reads)
    assert len({seen.position for seen in history.seen}) >= positions
    assert {200, 404} == {seen.status for seen in history.seen}
    for seen in history.seen:
        answer = history.get(seen.path, at=seen.position)
        assert answer.status_code == seen.status, seen
        assert told_by(answer) == seen.told, seen
