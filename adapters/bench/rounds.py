"""The rounds: every target under every load, in an order left to chance, repeatedly."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from adapters.bench.asking import Kind, paced_call
from adapters.bench.load import Load, Outcome, drive
from adapters.bench.measure import (
    Patience,
    Sample,
    family,
    fdatasync_us,
    foreign,
    pss_mb,
    sample,
    until_idle,
)
from adapters.bench.open_streams import Flow, OpenLoad, flow
from adapters.bench.targets import Systems, Target
from domain.calls import CallAdmitted, CallSettled

WARM_UP_SECONDS = 0.3
PATIENCE = 0.2  # of the time that the windows take
REST_SECONDS = 10.0  # at most, for a target that still works on what it answered
OPEN_ROUNDS = 2
OPEN_WINDOWS = 3  # a window of open streams lasts as long as so many others
PIECES_A_SECOND = 100  # of window: a stream of them takes two


ThingT = TypeVar("ThingT")


class Scene(NamedTuple):
    """A load: so many connections, each asking for one call of a kind after another."""

    key: int | str  # what it is called in figures
    kind: Kind
    connections: int


PLAIN = (1, 32, 256)  # connections
BIG, STREAM = "big", "stream"
PLAIN_SCENES = tuple(Scene(number, Kind.PLAIN, number) for number in PLAIN)
STREAM_SCENE = Scene(STREAM, Kind.STREAM, 32)
SCENES = (*PLAIN_SCENES, Scene(BIG, Kind.BIG, 8), STREAM_SCENE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """One target under one load for a moment."""

    target: str
    load: int | str  # the scene's key
    outcome: Outcome[Sample]
    foreign: float  # share of one CPU that others took
    commits: int  # of the proxy, as its log shows
    events: int


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenWindow:
    """One target with many streams open for a moment."""

    target: str
    flow: Flow[Sample]
    foreign: float
    memory_mb: float  # while they were open


@dataclass(frozen=True, kw_only=True, slots=True)
class Effort:
    """How long to measure: windows of so many seconds, in so many rounds."""

    seconds: float
    rounds: int
    streams: int = 0  # to have open at once; 0: that is not measured


@dataclass(kw_only=True, slots=True)
class Measured:
    """A run as it was; `completed` and the like are the proxy's, the warm-up among them."""

    effort: Effort
    windows: list[Window] = field(default_factory=list)
    open: list[OpenWindow] = field(default_factory=list)
    fdatasync_us: list[float] = field(default_factory=list)
    memory_mb: dict[str, float] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    completed: int = 0
    abandoned: int = 0
    admitted: int = 0
    settled: int = 0


class Rounds:
    """A run in the making. Each step is shown as it ends."""

    def __init__(
        self,
        up: Systems,
        folder: Path,
        effort: Effort,
        *,
        scenes: tuple[Scene, ...] = SCENES,
    ) -> None:
        self._up = up
        self._folder = folder
        self._scenes = scenes
        self._listeners = [one for one in up.targets if one.paced] if effort.streams else []
        self._run = Measured(effort=effort)

    @property
    def steps(self) -> int:
        """How many there are: the warm-up of a target is one."""
        windows = self._run.effort.rounds * len(self._pairs)
        return len(self._up.targets) + windows + self._open_rounds * len(self._listeners)

    def measured(self, advance: Callable[[], None] = lambda: None) -> Measured:
        """What all rounds brought, and what the log says of them."""
        run, effort, targets = self._run, self._run.effort, self._up.targets
        admitted, settled = self._logged()
        for target in targets:
            for kind in sorted({scene.kind for scene in self._scenes}):
                self._window(target, Scene(kind, kind, 8), WARM_UP_SECONDS)
            advance()
        pairs = self._pairs
        patience = Patience(PATIENCE * effort.seconds * effort.rounds * len(pairs))
        # First, because memory is looked at: what other loads leave behind is not theirs.
        for _ in range(self._open_rounds):
            for target in shuffled(self._listeners):
                patience.wait()
                run.open.append(self._open_window(target))
                advance()
        for _ in range(effort.rounds):
            run.fdatasync_us.append(fdatasync_us(self._folder))
            for target, scene in shuffled(pairs):
                patience.wait()
                run.windows.append(self._window(target, scene, effort.seconds))
                advance()
        for target in targets:
            run.memory_mb[target.name] = pss_mb(family(target.pid))
        now_admitted, now_settled = self._logged()
        run.admitted, run.settled = now_admitted - admitted, now_settled - settled
        return run

    def _logged(self) -> tuple[int, int]:
        """How many calls the log has as admitted, and as settled."""
        log = self._up.log
        if log is None:
            return 0, 0
        return log.events(CallAdmitted.TOPIC), log.events(CallSettled.TOPIC)

    @property
    def _pairs(self) -> list[tuple[Target, Scene]]:
        return [
            (target, scene)
            for target in self._up.targets
            for scene in self._scenes
            if target.loads is None or scene.key in target.loads
        ]

    @property
    def _open_rounds(self) -> int:
        return min(OPEN_ROUNDS, self._run.effort.rounds)

    def _window(self, target: Target, scene: Scene, seconds: float) -> Window:
        log = self._up.log if target.metered else None
        before = log.position() if log else 0
        pids = family(target.pid)
        load = Load(
            port=target.port,
            request=target.calls[scene.kind],
            connections=scene.connections,
            seconds=seconds * target.stretch,
            lead=seconds * target.lead,
        )
        outcome = drive(load, partial(sample, pids))
        until_idle(pids, within=REST_SECONDS)
        after = log.position() if log else 0
        failed = self._run.failed
        failed[target.name] = failed.get(target.name, 0) + outcome.failed
        if target.metered:
            self._run.completed += outcome.completed
            self._run.abandoned += outcome.abandoned
        return Window(
            target=target.name,
            load=scene.key,
            outcome=outcome,
            foreign=foreign(outcome.before, outcome.after),
            commits=log.commits(before, after) if log else 0,
            events=after - before,
        )

    def _open_window(self, target: Target) -> OpenWindow:
        place, run, effort = target.paced, self._run, self._run.effort
        assert place is not None
        pids = family(target.pid)
        pieces = max(1, round(PIECES_A_SECOND * effort.seconds))
        load = OpenLoad(
            port=place.port,
            request=paced_call(place.path, place.headers, pieces=pieces),
            streams=effort.streams,
            pieces=pieces,
            seconds=OPEN_WINDOWS * effort.seconds,
        )
        memory: list[float] = []

        def look() -> Sample:
            taken = sample(pids)
            memory.append(pss_mb(pids))
            return taken

        came = flow(load, look)
        until_idle(pids, within=REST_SECONDS)
        run.failed[target.name] += came.broken
        if target.metered:
            run.completed += came.whole
        return OpenWindow(
            target=target.name,
            flow=came,
            foreign=foreign(came.before, came.after),
            memory_mb=memory[-1],
        )


def shuffled(things: Iterable[ThingT]) -> list[ThingT]:
    """They in an order left to chance: no target is always the one after another."""
    order = list(things)
    random.shuffle(order)
    return order
