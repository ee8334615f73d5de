"""From windows to figures: medians, what the proxy adds, whether the log agrees."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

import orjson
from rich.console import Console
from rich.table import Table

from adapters.bench.measure import FOREIGN_LIMIT
from adapters.bench.rounds import PLAIN, STREAM, Measured, Window

GOAL_PER_SECOND = 3000.0  # plain calls at 32 connections
GOAL_MS, GOAL_COMMITS = 2.0, 5  # above nginx at one connection, and so many fdatasyncs
ENOUGH = 2  # clean windows; with fewer the quietest stand in for them


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


class Report:
    """A run's figures, and whether they can be believed."""

    def __init__(self, run: Measured) -> None:
        self.run = run
        self.figures = {
            key: _figures(windows) for key, windows in _grouped(run.windows).items()
        }
        self.targets = [name for name in ("bare", "nginx", "proxy") if name in run.failed]
        self.fdatasync_us = statistics.median(run.fdatasync_us)

    @property
    def exact(self) -> bool:
        """Every completed call is settled, and no other that had come to its end."""
        run = self.run
        extra = run.settled - run.completed
        return (
            run.completed > 0
            and 0 <= extra <= run.abandoned
            and run.settled <= run.admitted <= run.settled + run.abandoned
            and not any(run.failed.values())
        )

    def added_ms(self, target: str, connections: int) -> tuple[float, float]:
        """What the target adds to p50 and p99 of the bare call."""
        one, bare = self.figures[target, connections], self.figures["bare", connections]
        return one.p50_ms - bare.p50_ms, one.p99_ms - bare.p99_ms

    def events_per_commit(self, load: int | str) -> float:
        """How many events of the calls log one transaction wrote, on average."""
        windows = [w for w in self.run.windows if w.commits and w.load == load]
        commits = sum(w.commits for w in windows)
        return sum(w.events for w in windows) / commits if commits else 0.0

    def goals(self) -> list[tuple[str, float, float, bool]]:
        """Each goal of one core: what, measured, wanted, met."""
        speed = self.figures["proxy", 32].per_second
        goals = [("plain calls/s at 32", speed, GOAL_PER_SECOND, speed >= GOAL_PER_SECOND)]
        if "nginx" in self.targets:
            above = self.figures["proxy", 1].p50_ms - self.figures["nginx", 1].p50_ms
            wanted = GOAL_MS + GOAL_COMMITS * self.fdatasync_us / 1000
            goals.append(("p50 above nginx at 1, ms", above, wanted, above <= wanted))
        return goals

    def as_json(self) -> str:
        """All of it as one JSON object."""
        run = self.run
        shown = {
            "seconds": run.seconds,
            "rounds": run.rounds,
            "fdatasync_us": self.fdatasync_us,
            "figures": {
                name: {
                    str(load): asdict(self.figures[name, load]) for load in (*PLAIN, STREAM)
                }
                for name in self.targets
            },
            "added_ms": {
                name: {str(c): self.added_ms(name, c) for c in PLAIN}
                for name in self.targets
                if name != "bare"
            },
            "memory_mb": run.memory_mb,
            "events_per_commit": {
                str(load): self.events_per_commit(load) for load in (*PLAIN, STREAM)
            },
            "goals": [
                {"goal": goal, "measured": got, "wanted": wanted, "met": met}
                for goal, got, wanted, met in self.goals()
            ],
            "check": self._check() | {"exact": self.exact},
        }
        return orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode()

    def _check(self) -> dict[str, int]:
        run = self.run
        return {
            "completed": run.completed,
            "admitted": run.admitted,
            "settled": run.settled,
            "abandoned": run.abandoned,
            "failed": sum(run.failed.values()),
        }

    def show(self, console: Console) -> None:
        """The tables, for a person."""
        run = self.run
        console.print(self._plain())
        console.print(self._streams())
        memory = ", ".join(f"{name} {run.memory_mb[name]:.0f} MB" for name in self.targets)
        commits = ", ".join(
            f"{load}: {self.events_per_commit(load):.1f}" for load in (*PLAIN, STREAM)
        )
        dropped = sum(one.dropped for one in self.figures.values())
        console.print(f"Memory (PSS): {memory}")
        console.print(f"Events of the log per commit, at {commits}")
        console.print(f"fdatasync of 8 kB on this disk: {self.fdatasync_us:.0f} µs")
        console.print(
            f"{run.rounds} rounds of {run.seconds:g} s a window; {dropped} of "
            f"{len(run.windows)} windows were noisy: others took more than "
            f"{FOREIGN_LIMIT:.0%} of a CPU (~ not enough quiet ones, the quietest shown)"
        )
        for goal, got, wanted, met in self.goals():
            word = "met" if met else "missed"
            console.print(f"Goal {word}: {goal}: {got:,.2f} (wanted {wanted:,.2f})")
        counted = ", ".join(f"{count:,} {word}" for word, count in self._check().items())
        console.print(f"Calls through the proxy: {counted}")
        console.print(
            "The log agrees with the answers."
            if self.exact
            else "The log does NOT agree with the answers: these figures are void."
        )

    def _plain(self) -> Table:
        table = Table(title="Plain calls: 0.8 kB request, 1 kB reply; one CPU")
        for column in ("", "conns", "calls/s", "p50 ms", "p99 ms", "added p50",
                       "added p99", "CPU µs"):  # fmt: skip
            table.add_column(column, justify="right" if column else "left")
        for name in self.targets:
            for connections in PLAIN:
                one = self.figures[name, connections]
                added = self.added_ms(name, connections)
                table.add_row(
                    name if connections == PLAIN[0] else "",
                    str(connections),
                    ("~" if one.noisy else "") + f"{one.per_second:,.0f}",
                    f"{one.p50_ms:.2f}",
                    f"{one.p99_ms:.2f}",
                    *("" if name == "bare" else f"{ms:.2f}" for ms in added),
                    f"{one.cpu_us_per_call:.0f}",
                    end_section=connections == PLAIN[-1],
                )
        return table

    def _streams(self) -> Table:
        table = Table(title="Streams of 50 pieces in a burst, 32 connections; one CPU")
        for column in ("", "streams/s", "chunks/s", "1st byte p50 ms", "p99 ms",
                       "CPU µs"):  # fmt: skip
            table.add_column(column, justify="right" if column else "left")
        for name in self.targets:
            one = self.figures[name, STREAM]
            table.add_row(
                name,
                ("~" if one.noisy else "") + f"{one.per_second:,.0f}",
                f"{one.events_per_second:,.0f}",
                f"{one.first_byte_p50_ms:.2f}",
                f"{one.first_byte_p99_ms:.2f}",
                f"{one.cpu_us_per_call:.0f}",
            )
        return table


def _grouped(windows: Iterable[Window]) -> dict[tuple[str, int | str], list[Window]]:
    groups: dict[tuple[str, int | str], list[Window]] = {}
    for window in windows:
        groups.setdefault((window.target, window.load), []).append(window)
    return groups


def _figures(windows: list[Window]) -> Figures:
    clean = [window for window in windows if window.foreign <= FOREIGN_LIMIT]
    enough = min(ENOUGH, len(windows))
    noisy = len(clean) < enough
    used = sorted(windows, key=lambda window: window.foreign)[:enough] if noisy else clean

    def median(of: Callable[[Window], float]) -> float:
        return statistics.median(of(window) for window in used)

    return Figures(
        per_second=median(lambda w: w.outcome.per_second),
        p50_ms=median(lambda w: percentile(w.outcome.latencies, 50) * 1e3),
        p99_ms=median(lambda w: percentile(w.outcome.latencies, 99) * 1e3),
        first_byte_p50_ms=median(lambda w: percentile(w.outcome.first_bytes, 50) * 1e3),
        first_byte_p99_ms=median(lambda w: percentile(w.outcome.first_bytes, 99) * 1e3),
        events_per_second=median(lambda w: w.outcome.events / w.outcome.seconds),
        cpu_us_per_call=median(_cpu_us),
        generator_us_per_call=median(_generator_us),
        windows=len(used),
        dropped=len(windows) - len(clean),
        noisy=noisy,
    )


def percentile(values: list[float], percent: int) -> float:
    """The value that so many percent of the values do not exceed; 0 of none."""
    if not values:
        return 0.0
    return sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]


def _cpu_us(window: Window) -> float:
    outcome = window.outcome
    used = outcome.after.target - outcome.before.target
    return used / max(1, outcome.in_time) * 1e6


def _generator_us(window: Window) -> float:
    outcome = window.outcome
    used = outcome.after.generator - outcome.before.generator
    return used / max(1, outcome.in_time) * 1e6
