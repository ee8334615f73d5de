"""`make bench`: the proxy with metering on, beside nginx and no proxy at all, in one run.

    targets.py   the systems under test, each on a CPU of its own
    metered.py   the database, team, key and bot that the proxy needs
    load.py      the load generator; answers.py reads for it
    measure.py   CPU, memory and disk, and what others take of the machine
    rounds.py    the interleaved rounds and what each window brought
    report.py    medians, the check of the figures, the table and the JSON

How to measure here, and what misleads: the design note on performance. Figures compare
within one run only.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from rich.console import Console

from adapters.bench.measure import pinned, shares
from adapters.bench.report import Report
from adapters.bench.rounds import measured
from adapters.bench.targets import systems

# A disk even where the folder for temporary files is memory: commits are part of it.
DISK = Path("/var/tmp")  # noqa: S108  # a fresh folder of our own is made in it


def run(*, seconds: float = 1.0, rounds: int = 4, json: bool = False) -> int:
    """Measure and print; 0 if the figures agree with the log of the calls, else 1.

    Each window lasts `seconds`. Raises `BadSetup` or `Unavailable` if a system does not
    come up. It takes about 12 x seconds x rounds, and 20 s.
    """
    under_test, others = shares()
    disk = DISK if DISK.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="clawbot-bench-", dir=disk) as name:
        folder = Path(name)
        folder.chmod(0o711)  # run by root, PostgreSQL is another user and must get in
        with pinned(others), systems(folder, under_test) as up:
            report = Report(measured(up, folder, seconds=seconds, rounds=rounds))
    if json:
        sys.stdout.write(report.as_json() + "\n")
    else:
        report.show(Console())
    return 0 if report.exact else 1
