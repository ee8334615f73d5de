"""From windows to figures: the medians of those in which others left the machine alone."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from adapters.bench.measure import FOREIGN_LIMIT
from adapters.bench.rounds import OpenWindow, Window

ENOUGH = 2  # clean windows; with fewer the quietest stand in for them


class Disturbed(Protocol):
    """Anything measured while others may have been at work."""

    @property
    def foreign(self) -> float: ...


WindowT = TypeVar("WindowT", bound=Disturbed)


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """The medians over the windows of one target under one load; times in ms and µs."""

    per_second: float
    p50_ms: float
    p99_ms: float
    first_byte_p50_ms: float
    first_byte_p99_ms: float
    events_per_second: float  # server-sent ones
    cpu_us_per_call: float  # of the target's processes
    generator_us_per_call: float
    windows: int
    dropped: int  # others took more than the limit
    noisy: bool  # too few were clean: these are the quietest


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenFigures:
    """The medians over one target's windows of open streams; `broken` is of all of them."""

    whole: int  # streams of which everything came
    broken: int
    pieces_per_second: float
    delay_p50_ms: float  # of a piece, from the vendor to us
    delay_p99_ms: float
    cpu_share: float  # of one CPU
    cpu_us_per_piece: float
    memory_mb: float
    dropped: int
    noisy: bool


def figures(windows: Iterable[Window]) -> dict[tuple[str, int | str], Figures]:
    """The figures of each target under each load."""
    groups: dict[tuple[str, int | str], list[Window]] = {}
    for window in windows:
        groups.setdefault((window.target, window.load), []).append(window)
    return {key: _figures(group) for key, group in groups.items()}


def open_figures(windows: Iterable[OpenWindow]) -> dict[str, OpenFigures]:
    """The figures of each target with open streams."""
    groups: dict[str, list[OpenWindow]] = {}
    for window in windows:
        groups.setdefault(window.target, []).append(window)
    return {name: _open_figures(group) for name, group in groups.items()}


def percentile(values: Iterable[float], percent: int) -> float:
    """The value that so many percent of the values do not exceed; 0 of none."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def _figures(windows: list[Window]) -> Figures:
    used, dropped, noisy = _quiet(windows)

    def median(of: Callable[[Window], float]) -> float:
        return statistics.median(of(window) for window in used)

    return Figures(
        per_second=median(lambda w: w.outcome.per_second),
        p50_ms=median(lambda w: percentile(w.outcome.latencies, 50) * 1e3),
        p99_ms=median(lambda w: percentile(w.outcome.latencies, 99) * 1e3),
        first_byte_p50_ms=median(lambda w: percentile(w.outcome.first_bytes, 50) * 1e3),
        first_byte_p99_ms=median(lambda w: percentile(w.outcome.first_bytes, 99) * 1e3),
        events_per_second=median(lambda w: w.outcome.events / w.outcome.seconds),
        cpu_us_per_call=median(cpu_us),
        generator_us_per_call=median(_generator_us),
        windows=len(used),
        dropped=dropped,
        noisy=noisy,
    )


def _open_figures(windows: list[OpenWindow]) -> OpenFigures:
    used, dropped, noisy = _quiet(windows)

    def median(of: Callable[[OpenWindow], float]) -> float:
        return statistics.median(of(window) for window in used)

    return OpenFigures(
        whole=sum(window.flow.whole for window in windows),
        broken=sum(window.flow.broken for window in windows),
        pieces_per_second=median(lambda w: len(w.flow.delays) / _seconds(w)),
        delay_p50_ms=median(lambda w: percentile(w.flow.delays, 50) * 1e3),
        delay_p99_ms=median(lambda w: percentile(w.flow.delays, 99) * 1e3),
        cpu_share=median(lambda w: _cpu_seconds(w) / _seconds(w)),
        cpu_us_per_piece=median(
            lambda w: _cpu_seconds(w) / max(1, len(w.flow.delays)) * 1e6
        ),
        memory_mb=median(lambda w: w.memory_mb),
        dropped=dropped,
        noisy=noisy,
    )


def _quiet(windows: list[WindowT]) -> tuple[list[WindowT], int, bool]:
    """Those to use, how many are dropped, and whether too few were clean."""
    clean = [window for window in windows if window.foreign <= FOREIGN_LIMIT]
    enough = min(ENOUGH, len(windows))
    if len(clean) >= enough:
        return clean, len(windows) - len(clean), False
    quietest = sorted(windows, key=lambda window: window.foreign)[:enough]
    return quietest, len(windows) - len(clean), True


def cpu_us(window: Window) -> float:
    """What a call took of the target's CPU, in µs."""
    outcome = window.outcome
    used = outcome.after.target - outcome.before.target
    return used / max(1.0, outcome.calls) * 1e6


def _generator_us(window: Window) -> float:
    outcome = window.outcome
    used = outcome.after.generator - outcome.before.generator
    return used / max(1.0, outcome.calls) * 1e6


def _seconds(window: OpenWindow) -> float:
    return window.flow.after.at - window.flow.before.at


def _cpu_seconds(window: OpenWindow) -> float:
    return window.flow.after.target - window.flow.before.target
