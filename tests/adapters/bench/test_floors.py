"""Floors are those of the issue, against whom there is to compare with."""

from __future__ import annotations

from adapters.bench.figures import figures, open_figures
from adapters.bench.floors import Floor, floors
from adapters.bench.report import LOADS
from tests.adapters.bench.test_report import open_window, window

PROXY = [window("proxy", load, calls=1000) for load in LOADS]
LITELLM = [window("litellm", load, calls=10) for load in LOADS]
PORTKEY = [window("portkey", load, calls=100) for load in LOADS]
NGINX = [window("nginx", load, calls=5000) for load in LOADS]


def found(*windows: object, opened: tuple[object, ...] = ()) -> dict[str, Floor]:
    listed = floors(
        figures(windows),  # type: ignore[arg-type]
        open_figures(opened),  # type: ignore[arg-type]
        fdatasync_us=100.0,
    )
    return {floor.what: floor for floor in listed}


def test_alone_the_proxy_is_held_against_its_own_bounds() -> None:
    assert set(found(*PROXY)) == {"calls/s at 256, to ours at 32", "CPU µs a call at 32"}


def test_a_ratio_is_ours_to_theirs() -> None:
    every = found(*PROXY, *LITELLM, *PORTKEY, *NGINX)
    litellm, portkey = (
        every["calls/s at 32, to litellm"],
        every["calls/s at 32, to portkey"],
    )
    assert (litellm.measured, litellm.wanted, litellm.reached) == (100, 50, True)
    assert (portkey.measured, portkey.wanted, portkey.reached) == (10, 10, True)
    assert not every["streams/s, to litellm"].reached
    assert every["streams/s, to nginx"].measured == 0.2


def test_only_the_ratios_to_other_gateways_are_hard() -> None:
    every = found(*PROXY, *LITELLM, *PORTKEY, *NGINX)
    hard = {what for what, floor in every.items() if floor.hard}
    assert hard == {what for what in every if what.endswith(("litellm", "portkey"))}
    assert len(hard) == 8


def test_the_latency_above_nginx_may_grow_with_the_disk() -> None:
    above = found(*PROXY, *NGINX)["p50 above nginx at 1, ms"]
    assert (above.wanted, above.at_most) == (0.8, True)  # 0.3 and five times 0.1
    assert round(above.ours, 6) == 0.8  # 1 ms and 0.2 ms
    assert above.noisy is False


def test_open_streams_are_all_delivered_soon_and_in_little_memory() -> None:
    opened = (open_window("bare", 0.001), open_window("proxy", 0.007, broken=1))
    every = found(*PROXY, opened=opened)
    late = every["p99 delay added to a piece, ms"]
    assert (round(late.ours, 6), late.wanted, late.reached) == (6.0, 5.0, False)
    assert not every["open streams not delivered whole"].reached
    assert every["memory with all streams open, MB"].reached


def test_a_peer_that_answered_nothing_is_far_behind() -> None:
    floor = Floor(what="x", ours=1.0, theirs=0.0, wanted=50)
    assert floor.reached
