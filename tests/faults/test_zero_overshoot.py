"""Budgets under fire: several proxies, some of them killed, and never a token too much.

The log is judged position by position (`judging.py`): nothing beyond a limit, nobody
refused who had room, one end for every hold, and the table is the fold of the log.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

import psycopg
import pytest

from adapters.bootstrap.quota_verifying import verify_quotas
from adapters.postgres.call_lease import LEASE_SECONDS
from adapters.settings import Settings
from tests.adapters.jobs.given import running
from tests.faults.hammering import Hammering, hammered, proxies
from tests.faults.judging import Judged, judged
from tests.faults.load import moments
from tests.faults.reckoning import tell
from tests.journeys.plane import DataPlane
from tests.journeys.proxy_process import START_SECONDS, ProxyProcess, until

SEED = 20261122
PROXIES = 4
LEFT_SECONDS = 5.0  # that a hold may stand after the lease that it was taken under


@pytest.mark.parametrize(
    ("seconds", "kills"),
    [
        pytest.param(15, 10, marks=pytest.mark.timeout(300)),
        pytest.param(120, 60, marks=[pytest.mark.soak, pytest.mark.timeout(900)]),
        pytest.param(0, 200, marks=[pytest.mark.soak, pytest.mark.timeout(3600)]),
    ],
)
def test_no_budget_is_overshot_and_nobody_is_refused_who_had_room(
    own_plane: DataPlane,
    tmp_path: Path,
    seconds: int,
    kills: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = Settings(
        _env_file=None, database_url=own_plane.database_url, clawbot_data_dir=tmp_path
    )
    began = time.monotonic()
    with proxies(own_plane, PROXIES) as found, running("projector", settings):
        with hammered(own_plane, found, seed=SEED) as hammering:
            kill_in_turn(found, kills)
            time.sleep(max(0.0, began + seconds - time.monotonic()))
        took = time.monotonic() - began
        reaping = until_reaped(own_plane)
    log = judged(own_plane.all_events())
    with capsys.disabled():  # `make soak` shows them
        tell(f"{kills} kills in {took:.0f} s, all closed {reaping:.0f} s later")
        tell(figures(log, hammering))
    assert hammering.longest_left < LEFT_SECONDS
    assert not log.open
    assert all(balance.held == 0 for balance in log.balances.by_window.values())
    assert not verify_quotas(own_plane.database_url, lambda _done, _of: None).differing
    for what in ("call.extended", "call.abandoned", "cut", "left"):
        assert log.counts[what], what
    for metric in ("tokens", "cost_micro_usd", "requests"):
        assert log.counts[f"refused by {metric}"], metric
    assert log.fullest > 0.99


def kill_in_turn(found: list[ProxyProcess], kills: int) -> None:
    """One proxy after another is killed and comes back, in an order left to chance."""
    dice = random.Random(SEED)
    for pause in moments(kills, seed=SEED, least=0.2, most=1.2):
        time.sleep(pause)
        until(lambda: any(proxy.answers() for proxy in found), seconds=START_SECONDS)
        proxy = dice.choice([proxy for proxy in found if proxy.answers()])
        proxy.kill()
        proxy.spawn()
    for proxy in found:
        until(proxy.answers, seconds=START_SECONDS)


def until_reaped(plane: DataPlane) -> float:
    """Nothing is held by anybody; how many seconds that took."""
    began = time.monotonic()
    until(lambda: held_in(plane) == 0, seconds=LEASE_SECONDS + LEFT_SECONDS)
    return time.monotonic() - began


def held_in(plane: DataPlane) -> int:
    with psycopg.connect(plane.database_url) as connection:
        row = connection.execute("SELECT sum(held)::bigint FROM quota_balance").fetchone()
    assert row is not None
    return int(row[0])


def figures(log: Judged, hammering: Hammering) -> str:
    counts = ", ".join(f"{count} {what}" for what, count in sorted(log.counts.items()))
    answers = ", ".join(f"{n} x {code}" for code, n in hammering.statuses.most_common())
    return (
        f"log: {counts}; fullest {log.fullest:.4f} of a limit; clients: {answers}; "
        f"longest open {hammering.longest_open:.1f} s, and {hammering.longest_left:.1f} s "
        "after its lease"
    )
