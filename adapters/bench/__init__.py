"""`make bench`: the proxy with metering on, beside others and no proxy at all, in one run.

    targets.py   the systems under test, each on a CPU of its own; peers/ has the others'
    metered.py   the database, teams, keys and bots that the proxy needs
    asking.py    the bytes of each kind of call; checks.py sees that each is answered
    load.py      the load generator; answers.py reads for it
    open_streams.py   streams that stay open; paced.py is their upstream
    measure.py   CPU, memory and disk, and what others take of the machine
    rounds.py    the interleaved rounds and what each window brought
    figures.py   medians; floors.py what they have to reach; report.py, tables.py show both
    clients.py   HTTP clients behind one seam, as `make bench CLIENTS=1`
    guard.py     the CPU of a call beside an earlier revision's, as `make guard`

How to measure here, and what misleads: the design note on performance. Figures compare
within one run only.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from adapters.bench import tables
from adapters.bench.checks import check
from adapters.bench.measure import pinned, shares
from adapters.bench.report import Report
from adapters.bench.rounds import Effort, Measured, Rounds
from adapters.bench.targets import systems

# A disk even where the folder for temporary files is memory: commits are part of it.
DISK = Path("/var/tmp")  # noqa: S108  # a fresh folder of our own is made in it
WIDTH = 110  # of the tables in a file


def run(
    *,
    seconds: float = 1.0,
    rounds: int = 4,
    streams: int = 500,
    peers: bool = False,
    json: bool = False,
) -> int:
    """Measure and print; 0 if the log agrees and no hard floor is missed, else 1.

    A window lasts `seconds`, those of slow peers longer; `streams` are open at once. Raises
    `BadSetup` or `Unavailable` if a system does not come up or answers wrongly. It takes
    a minute and a half, with peers six, and once the minutes that installing them takes.
    """
    under_test, others = shares()
    with (
        scratch() as folder,
        pinned(others),
        systems(folder, under_test, peers=peers) as up,
    ):
        check(up.targets)
        effort = Effort(seconds=seconds, rounds=rounds, streams=streams)
        report = Report(shown(Rounds(up, folder, effort)))
    if json:
        sys.stdout.write(report.as_json() + "\n")
    else:
        tables.show(report, console_of())
    return 0 if report.good else 1


def console_of() -> Console:
    """Standard output, wide enough for the tables where nobody looks at it."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH)


def shown(rounds: Rounds) -> Measured:
    """What the rounds brought; a person sees how far they are."""
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("Measuring", total=rounds.steps)
        return rounds.measured(lambda: bar.advance(task))


@contextmanager
def scratch() -> Iterator[Path]:
    """A fresh folder on a disk, gone when the block ends."""
    disk = DISK if DISK.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="clawbot-bench-", dir=disk) as name:
        folder = Path(name)
        folder.chmod(0o711)  # run by root, PostgreSQL is another user and must get in
        yield folder
