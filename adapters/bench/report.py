"""What a run found: its figures, what they have to reach, and whether to believe them."""

from __future__ import annotations

import statistics
from dataclasses import asdict

import orjson

from adapters.bench.figures import figures, open_figures
from adapters.bench.floors import Floor, floors
from adapters.bench.rounds import PLAIN, SCENES, Measured

ORDER = ("bare", "nginx", "proxy", "portkey", "litellm")
LOADS = tuple(scene.key for scene in SCENES)


class Report:
    """A run's figures, and whether they can be believed."""

    def __init__(self, run: Measured) -> None:
        self.run = run
        self.figures = figures(run.windows)
        self.open = open_figures(run.open)
        self.targets = [name for name in ORDER if name in run.failed]
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

    @property
    def good(self) -> bool:
        """The figures can be believed, and no hard floor is missed."""
        return self.exact and not self.missed()

    def missed(self) -> list[Floor]:
        """The hard floors that are."""
        return [floor for floor in self.floors() if floor.hard and not floor.reached]

    def floors(self) -> list[Floor]:
        """Everything that the figures have to reach."""
        return floors(self.figures, self.open, fdatasync_us=self.fdatasync_us)

    def added_ms(self, target: str, load: int | str) -> tuple[float, float]:
        """What the target adds to p50 and p99 of the bare call."""
        one, bare = self.figures[target, load], self.figures["bare", load]
        return one.p50_ms - bare.p50_ms, one.p99_ms - bare.p99_ms

    def events_per_commit(self, load: int | str) -> float:
        """How many events of the calls log one transaction wrote, on average."""
        windows = [
            w
            for w in self.run.windows
            if w.commits and w.load == load and w.target == "proxy"
        ]
        commits = sum(w.commits for w in windows)
        return sum(w.events for w in windows) / commits if commits else 0.0

    def noise(self) -> tuple[int, int]:
        """How many windows were dropped as noisy, and of how many."""
        dropped = sum(one.dropped for one in self.figures.values())
        dropped += sum(one.dropped for one in self.open.values())
        return dropped, len(self.run.windows) + len(self.run.open)

    def check(self) -> dict[str, int]:
        """What became of the calls through the proxy; `failed` is of all targets."""
        run = self.run
        return {
            "completed": run.completed,
            "admitted": run.admitted,
            "settled": run.settled,
            "abandoned": run.abandoned,
            "failed": sum(run.failed.values()),
        }

    def as_json(self) -> str:
        """All of it as one JSON object."""
        run = self.run
        dropped, windows = self.noise()
        shown = {
            "seconds": run.effort.seconds,
            "rounds": run.effort.rounds,
            "windows": windows,
            "noisy_windows": dropped,
            "fdatasync_us": self.fdatasync_us,
            "figures": {
                name: {str(load): asdict(self.figures[name, load]) for load in LOADS}
                for name in self.targets
            },
            "open_streams": {
                "streams": run.effort.streams,
                "figures": {name: asdict(one) for name, one in self.open.items()},
            },
            "added_ms": {
                name: {str(c): self.added_ms(name, c) for c in PLAIN}
                for name in self.targets
                if name != "bare"
            },
            "memory_mb": run.memory_mb,
            "events_per_commit": {
                str(load): self.events_per_commit(load) for load in LOADS
            },
            "floors": [
                {**asdict(floor), "measured": floor.measured, "reached": floor.reached}
                for floor in self.floors()
            ],
            "failed": run.failed,
            "check": self.check() | {"exact": self.exact},
        }
        return orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode()
