"""What the figures have to reach: so many times another's, or a bound of their own.

The ratios to LiteLLM and Portkey are hard: missing one is a failure. The others are
targets: what is reached is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.bench.figures import Figures, OpenFigures
from adapters.bench.rounds import BIG, STREAM

# Calls a second at a load: at least so many times those of the peer; whether it is hard.
RATIOS: tuple[tuple[int | str, str, float, bool], ...] = (
    (32, "litellm", 50, True),
    (32, "portkey", 10, True),
    (32, "nginx", 0.15, False),
    (256, "litellm", 50, True),
    (256, "portkey", 8, True),
    (BIG, "litellm", 100, True),
    (BIG, "portkey", 6, True),
    (STREAM, "litellm", 200, True),
    (STREAM, "portkey", 8, True),
    (STREAM, "nginx", 0.25, False),
)
MANY_TO_FEW = 0.6  # our calls a second at 256 connections, to those at 32
ABOVE_NGINX_MS, ABOVE_COMMITS = 0.3, 5  # p50 at one connection, and so many fdatasyncs
CPU_US = 120.0  # a plain call at 32 connections
UNDER_QUOTAS = 0.8  # calls a second under three quotas each, to those under none
OPEN_DELAY_MS, OPEN_MEMORY_MB = 5.0, 120.0
NAMES: dict[int | str, str] = {BIG: "100 kB requests/s", STREAM: "streams/s"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Floor:
    """One of them: our figure by itself, or with `theirs` how many times theirs it is."""

    what: str
    ours: float
    theirs: float | None = None
    wanted: float
    at_most: bool = False
    hard: bool = False
    noisy: bool = False  # too few quiet windows stand behind it

    @property
    def reached(self) -> bool:
        got = self.measured
        return got <= self.wanted if self.at_most else got >= self.wanted

    @property
    def measured(self) -> float:
        """What is held against `wanted`."""
        if self.theirs is None:
            return self.ours
        return self.ours / self.theirs if self.theirs else float("inf")


def floors(
    found: Mapping[tuple[str, int | str], Figures],
    opened: Mapping[str, OpenFigures],
    *,
    fdatasync_us: float,
) -> list[Floor]:
    """Each floor for which there is something to compare with."""
    ours = {load: one for (name, load), one in found.items() if name == "proxy"}
    result = []
    for load, peer, times, hard in RATIOS:
        theirs = found.get((peer, load))
        if theirs is not None:
            what = f"{NAMES.get(load, f'calls/s at {load}')}, to {peer}"
            result.append(_ratio(what, ours[load], theirs, times, hard=hard))
    result.append(_ratio("calls/s at 256, to ours at 32", ours[256], ours[32], MANY_TO_FEW))
    nginx = found.get(("nginx", 1))
    if nginx is not None:
        result.append(
            Floor(
                what="p50 above nginx at 1, ms",
                ours=ours[1].p50_ms - nginx.p50_ms,
                wanted=ABOVE_NGINX_MS + ABOVE_COMMITS * fdatasync_us / 1000,
                at_most=True,
                noisy=ours[1].noisy or nginx.noisy,
            )
        )
    result.append(
        Floor(
            what="CPU µs a call at 32",
            ours=ours[32].cpu_us_per_call,
            wanted=CPU_US,
            at_most=True,
            noisy=ours[32].noisy,
        )
    )
    return [*result, *_of_budgets(found), *_of_open_streams(opened)]


def _ratio(
    what: str, ours: Figures, theirs: Figures, times: float, *, hard: bool = False
) -> Floor:
    return Floor(
        what=what,
        ours=ours.per_second,
        theirs=theirs.per_second,
        wanted=times,
        hard=hard,
        noisy=ours.noisy or theirs.noisy,
    )


def _of_budgets(found: Mapping[tuple[str, int | str], Figures]) -> list[Floor]:
    """The same calls to the same proxy, with three quotas and with none."""
    under, free = found.get(("budgets", 32)), found.get(("proxy", 32))
    if under is None or free is None:
        return []
    cpu = Floor(
        what="CPU µs a call at 32, three quotas",
        ours=under.cpu_us_per_call,
        wanted=CPU_US / UNDER_QUOTAS,
        at_most=True,
        noisy=under.noisy,
    )
    return [_ratio("calls/s at 32, three quotas to none", under, free, UNDER_QUOTAS), cpu]


def _of_open_streams(opened: Mapping[str, OpenFigures]) -> list[Floor]:
    ours, bare = opened.get("proxy"), opened.get("bare")
    if ours is None or bare is None:
        return []
    added = ours.delay_p99_ms - bare.delay_p99_ms
    bounds = (
        ("open streams not delivered whole", float(ours.broken), 0.0),
        ("p99 delay added to a piece, ms", added, OPEN_DELAY_MS),
        ("memory with all streams open, MB", ours.memory_mb, OPEN_MEMORY_MB),
    )
    noisy = ours.noisy or bare.noisy
    return [
        Floor(what=what, ours=got, wanted=wanted, at_most=True, noisy=noisy)
        for what, got, wanted in bounds
    ]
