"""`make bench CLIENTS=1`: HTTP clients behind one seam, so that the choice is measured.

httpx, httpx2, aiohttp and ours (`proxy/upstream.py`), each in a bare pass-through of its
own (`passthrough.py`) on the first CPU, interleaved in one run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

import orjson
from rich.console import Console
from rich.table import Table

from adapters import simulator
from adapters.bench import console_of, scratch, shown
from adapters.bench.asking import PATH, bearer, calls
from adapters.bench.checks import check
from adapters.bench.figures import Figures, figures
from adapters.bench.measure import pinned, shares
from adapters.bench.peers import installing
from adapters.bench.rounds import PLAIN, PLAIN_SCENES, STREAM, STREAM_SCENE, Effort, Rounds
from adapters.bench.running import ROOT, free_port, running
from adapters.bench.targets import Systems, Target

OURS = "ours"
CLIENTS = (OURS, "aiohttp", "httpx2", "httpx")
SLOW = frozenset({"httpx", "httpx2"})  # a call through their pools takes seconds at 256
LOADS = (*PLAIN, STREAM)
PROGRAM = (
    "import sys; from adapters.bench.passthrough import serve; "
    "from proxy.upstream import Upstream; "
    "serve(sys.argv[1], int(sys.argv[2]), sys.argv[3], Upstream)"
)

Found = Mapping[tuple[str, int | str], Figures]


def compare(*, seconds: float, rounds: int, json: bool = False) -> int:
    """Measure and print; 0 if every call was answered, else 1.

    Raises `BadSetup`, and `Unavailable` if aiohttp cannot be installed. It takes four
    minutes.
    """
    under_test, others = shares()
    effort = Effort(seconds=seconds, rounds=rounds)
    scenes = (*PLAIN_SCENES, STREAM_SCENE)
    with scratch() as folder, pinned(others), _targets(folder, under_test) as targets:
        check(targets)
        up = Systems(targets=targets, log=None)
        run = shown(Rounds(up, folder, effort, scenes=scenes))
    found = figures(run.windows)
    if json:
        each = {
            name: {str(load): asdict(found[name, load]) for load in LOADS}
            for name in run.failed
        }
        shape = {"figures": each, "memory_mb": run.memory_mb, "failed": run.failed}
        option = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
        sys.stdout.write(orjson.dumps(shape, option=option).decode())
    else:
        console = console_of()
        console.print(_table(found, run.memory_mb))
        _say_the_rest(found, run.failed, console)
    return 1 if any(run.failed.values()) else 0


@contextmanager
def _targets(folder: Path, cpus: set[int]) -> Iterator[list[Target]]:
    """The bare simulator, and a pass-through to it on each client, on these CPUs."""
    place = {"PYTHONPATH": f"{installing.aiohttp()}:{ROOT}"}
    token = bearer("sk-upstream")
    with ExitStack() as stack:
        upstream = stack.enter_context(simulator.started(fast=True))
        vendor = urlsplit(upstream.url).port or 0
        targets = [
            Target(name="bare", pid=upstream.pid, port=vendor, calls=calls(PATH, token))
        ]
        for name in CLIENTS:
            port = free_port()
            command = [sys.executable, "-c", PROGRAM, name, str(port), upstream.url]
            with pinned(cpus):
                pid = stack.enter_context(running(command, port, folder / name, place))
            slow = name in SLOW
            targets.append(
                Target(
                    name=name,
                    pid=pid,
                    port=port,
                    calls=calls(PATH, token),
                    lead=1.5 if slow else 0.0,
                    stretch=2.0 if slow else 1.0,
                )
            )
        yield targets


def _table(found: Found, memory_mb: Mapping[str, float]) -> Table:
    table = Table(title="HTTP clients, each in a bare pass-through; one CPU")
    plain = [f"calls/s at {load}" for load in PLAIN]
    for column in ("", *plain, "CPU µs at 32", "streams/s", "CPU µs", "1st byte p50 ms",
                   "MB", "to ours at 32"):  # fmt: skip
        table.add_column(column, justify="right" if column else "left")
    for name in ("bare", *CLIENTS):
        stream = found[name, STREAM]
        table.add_row(
            name,
            *(_rate(found[name, load]) for load in PLAIN),
            f"{found[name, 32].cpu_us_per_call:.0f}",
            _rate(stream),
            f"{stream.cpu_us_per_call:.0f}",
            f"{stream.first_byte_p50_ms:.2f}",
            f"{memory_mb[name]:.0f}",
            f"{found[name, 32].per_second / max(1.0, found[OURS, 32].per_second):.2f}",
        )
    return table


def _rate(one: Figures) -> str:
    return ("~" if one.noisy else "") + f"{one.per_second:,.0f}"


def _say_the_rest(found: Found, failed: Mapping[str, int], console: Console) -> None:
    dropped = sum(one.dropped for one in found.values())
    fastest = max(CLIENTS, key=lambda name: found[name, 32].per_second)
    console.print(f"{dropped} windows were noisy (~ not enough quiet ones).")
    console.print(f"The fastest at 32 connections is {fastest}; the proxy uses ours.")
    for name, calls_failed in failed.items():
        if calls_failed:
            console.print(
                f"{calls_failed} calls through {name} FAILED: its figures are void."
            )
