"""What a run takes from the machine, read from /proc: CPU, memory, and what others took.

`schedstat` counts nanoseconds (proc(5)); `stat` of the machine counts ticks. Niced work of
others is left out: it gives way.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICK = 1 / os.sysconf("SC_CLK_TCK")
FOREIGN_LIMIT = 0.12  # of one CPU; more than that, and a window says nothing
IDLE_LIMIT = 0.1  # of one CPU; less, and a process is done with what it was asked
LOOK_SECONDS = 0.05
PAGE = 8192
DISK_SECONDS = 0.2
# proc(5): user nice system idle iowait irq softirq steal; busy is what is neither idle,
# waiting nor nice.
BUSY_FIELDS = (1, 3, 6, 7, 8)


@contextmanager
def pinned(cpus: set[int]) -> Iterator[None]:
    """This thread, and whatever it starts meanwhile, runs on these CPUs."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def shares() -> tuple[set[int], set[int]]:
    """The CPU for what is measured, and those for everything else: the same if just one."""
    first, *others = sorted(os.sched_getaffinity(0))
    return {first}, set(others) or {first}


def family(pid: int) -> set[int]:
    """The process and those that it started, and so on."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                after_name = (entry / "stat").read_text().rpartition(")")[2]
                children.setdefault(int(after_name.split()[1]), []).append(int(entry.name))
    found, new = set(), [pid]
    while new:
        found.update(new)
        new = [child for parent in new for child in children.get(parent, ())]
    return found


def cpu_seconds(pids: set[int]) -> float:
    """What the threads of these processes have run so far."""
    total = 0
    for pid in pids:
        for path in PROC.glob(f"{pid}/task/*/schedstat"):
            with suppress(OSError):
                total += int(path.read_text().split()[0])
    return total / 1e9


def machine_seconds() -> float:
    """What all CPUs were busy with so far, niced work left out."""
    fields = (PROC / "stat").read_text().partition("\n")[0].split()
    return sum(int(fields[at]) for at in BUSY_FIELDS) * TICK


def pss_mb(pids: set[int]) -> float:
    """Their memory in MB, a page that several share counted as its part (proc(5), Pss)."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A moment's counters, in seconds."""

    at: float
    target: float  # CPU of the system under test
    ours: float  # CPU of this run's processes, that one among them
    machine: float
    generator: float  # CPU of this process


def sample(target: set[int]) -> Sample:
    """The counters now."""
    return Sample(
        at=time.monotonic(),
        target=cpu_seconds(target),
        ours=cpu_seconds(family(os.getpid())),
        machine=machine_seconds(),
        generator=time.process_time(),
    )


def foreign(before: Sample, after: Sample) -> float:
    """What processes that are not ours took between the samples, as a share of one CPU."""
    theirs = (after.machine - before.machine) - (after.ours - before.ours)
    return max(0.0, theirs / (after.at - before.at))


def until_idle(pids: set[int], *, within: float) -> bool:
    """These processes have come to rest, or the seconds are over: whether they have."""
    ends = time.monotonic() + within
    while time.monotonic() < ends:
        before = cpu_seconds(pids)
        time.sleep(LOOK_SECONDS)
        if cpu_seconds(pids) - before <= IDLE_LIMIT * LOOK_SECONDS:
            return True
    return False


class Patience:
    """So many seconds, in all, for waiting until the others are quiet."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    def wait(self) -> None:
        """The machine is quiet, or patience is at an end."""
        while self._left > 0:
            before = sample(set())
            time.sleep(LOOK_SECONDS)
            after = sample(set())
            if foreign(before, after) <= FOREIGN_LIMIT:
                return
            self._left -= after.at - before.at


def fdatasync_us(folder: Path) -> float:
    """The median time of writing 8 kB and fdatasync, in µs: the floor of one commit."""
    times: list[float] = []
    file = os.open(folder / "fdatasync", os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        os.write(file, bytes(PAGE))
        os.fsync(file)  # the size changes no more
        ends = time.perf_counter() + DISK_SECONDS
        while (began := time.perf_counter()) < ends:
            os.pwrite(file, bytes(PAGE), 0)
            os.fdatasync(file)
            times.append(time.perf_counter() - began)
    finally:
        os.close(file)
    return statistics.median(times) * 1e6
