"""`kill -9` of the proxy at random moments under load: nothing a client saw is lost."""

from __future__ import annotations

import time

import pytest

from tests.faults.load import loaded, moments
from tests.faults.reckoning import reap_until_closed, reckon, tell, views_agree
from tests.journeys.plane import DataPlane
from tests.journeys.proxy_process import START_SECONDS, until

SEED = 20261122


@pytest.mark.parametrize(
    "kills", [5, pytest.param(50, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])]
)
def test_whatever_a_client_saw_the_end_of_is_on_record_when_proxies_are_killed(
    own_plane: DataPlane, kills: int, capsys: pytest.CaptureFixture[str]
) -> None:
    proxy = own_plane.proxy
    began = time.monotonic()
    with loaded(own_plane, seed=SEED) as load:
        for pause in moments(kills, seed=SEED, least=0.1, most=1.2):
            load.wait_for_answer()
            time.sleep(pause)
            proxy.kill()
            proxy.spawn()
            until(proxy.answers, seconds=START_SECONDS)
        load.wait_for_answer()
    took = time.monotonic() - began
    reaping = reap_until_closed(own_plane)
    figures = reckon(own_plane, load.outcomes)
    with capsys.disabled():  # `make soak` shows them
        tell(f"{kills} kills in {took:.0f} s, all closed {reaping:.0f} s later: {figures}")
    assert figures.seen > 20 * kills
    assert figures.abandoned > 0
    assert figures.refused == 0
    views_agree(own_plane)
