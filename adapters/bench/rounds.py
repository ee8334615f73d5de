"""The rounds: every target under every load, in an order left to chance, repeatedly."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from adapters.bench.load import Load, Outcome, drive
from adapters.bench.measure import (
    Patience,
    Sample,
    family,
    fdatasync_us,
    foreign,
    pss_mb,
    sample,
)
from adapters.bench.targets import Systems, Target
from domain.calls import CallAdmitted, CallSettled

WARM_UP_SECONDS = 0.3
PATIENCE = 0.2  # of the time that the windows take
PLAIN = (1, 32, 256)  # connections
STREAMING = 32
STREAM = "stream"


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """One target under one load for a moment: `load` is connections, or `STREAM`."""

    target: str
    load: int | str
    outcome: Outcome[Sample]
    foreign: float  # share of one CPU that others took
    commits: int  # of the proxy, as its log shows
    events: int


@dataclass(kw_only=True, slots=True)
class Measured:
    """A run as it was; `completed` and the like are the proxy's, the warm-up among them."""

    seconds: float
    rounds: int
    windows: list[Window] = field(default_factory=list)
    fdatasync_us: list[float] = field(default_factory=list)
    memory_mb: dict[str, float] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    completed: int = 0
    abandoned: int = 0
    admitted: int = 0
    settled: int = 0


def measured(up: Systems, folder: Path, *, seconds: float, rounds: int) -> Measured:
    """What all rounds brought, and what the log says of them."""
    run = Measured(seconds=seconds, rounds=rounds)
    for target in up.targets:
        for load in (PLAIN[1], STREAM):
            _window(up, run, target, load, WARM_UP_SECONDS)
    pairs = [(target, load) for target in up.targets for load in (*PLAIN, STREAM)]
    patience = Patience(PATIENCE * seconds * rounds * len(pairs))
    for _ in range(rounds):
        run.fdatasync_us.append(fdatasync_us(folder))
        random.shuffle(pairs)  # no target is always the one after the database's work
        for target, load in pairs:
            patience.wait()
            run.windows.append(_window(up, run, target, load, seconds))
    for target in up.targets:
        run.memory_mb[target.name] = pss_mb(family(target.pid))
    run.admitted = up.log.events(CallAdmitted.TOPIC)
    run.settled = up.log.events(CallSettled.TOPIC)
    return run


def _window(
    up: Systems, run: Measured, target: Target, load: int | str, seconds: float
) -> Window:
    before = up.log.position()
    outcome = drive(
        Load(
            port=target.port,
            request=target.stream if load == STREAM else target.plain,
            connections=load if isinstance(load, int) else STREAMING,
            seconds=seconds,
        ),
        partial(sample, family(target.pid)),
    )
    after = up.log.position()
    run.failed[target.name] = run.failed.get(target.name, 0) + outcome.failed
    if target.metered:
        run.completed += outcome.completed
        run.abandoned += outcome.abandoned
    return Window(
        target=target.name,
        load=load,
        outcome=outcome,
        foreign=foreign(outcome.before, outcome.after),
        commits=up.log.commits(before, after) if target.metered else 0,
        events=after - before,
    )
