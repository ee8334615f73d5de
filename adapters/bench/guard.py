"""`make guard`: the CPU of a call, beside that of an earlier revision, in one run.

Both proxies are up at once, each with its own database, made and run by the code of its
own revision, and are measured in turns, so that what the machine does to one it does to
the other. CPU time is compared and not speed: neighbours disturb it least.
"""

from __future__ import annotations

import base64
import json
import os
import statistics
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path

import orjson

from adapters.bench import scratch
from adapters.bench.base import Base, base_of
from adapters.bench.load import Load, drive
from adapters.bench.measure import Patience, family, pinned, sample, shares
from adapters.bench.rounds import shuffled
from adapters.bench.running import ROOT
from domain.errors import BadSetup

LIMIT = 1.25  # times the base's CPU
CONNECTIONS = 32
WARM_UP_SECONDS, SECONDS, ROUNDS = 0.5, 0.8, 6
PATIENCE_SECONDS = 4.0  # in all, for others to be quiet
SAID = 2000  # characters of a failed side's last words
# Run by the code of a side's own revision: all it must have is `systems` as it is here.
SIDE = """
import base64, json, sys
from pathlib import Path
import adapters
from adapters.bench.targets import systems
if not Path(adapters.__file__).is_relative_to(Path.cwd()):
    sys.exit("the code of this revision was not found by Python")
cpus = {int(cpu) for cpu in sys.argv[2].split(",")}
with systems(Path(sys.argv[1]), cpus) as up:
    [proxy] = [target for target in up.targets if target.name == "proxy"]
    request = base64.b64encode(proxy.plain).decode()
    print(json.dumps([proxy.pid, proxy.port, request]), flush=True)
    sys.stdin.read()
"""


class Incomparable(Exception):
    """The earlier revision cannot be measured; the text says why."""


@dataclass(kw_only=True, slots=True)
class Side:
    """A revision's proxy, and what its calls took in each round, in µs."""

    pid: int
    port: int
    request: bytes
    cpu_us: list[float] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a plain call took of the CPU, in µs, and how many times that of the base."""

    head_us: float
    base_us: float
    times: float
    rounds: int

    @property
    def good(self) -> bool:
        return self.times <= LIMIT


def hold(*, json: bool = False) -> int:
    """Measure and print; 1 if a call takes over a quarter more CPU than it did, else 0.

    It is 0 as well where there is nothing to compare with, and says so. Raises `BadSetup`
    if our own proxy does not come up. It takes half a minute.
    """
    try:
        base = base_here()
        verdict = compared(base)
    except Incomparable as why:
        shape: dict[str, object] = {"base": None, "why": str(why), "good": True}
        text = f"Nothing to compare the CPU of a call with: {why}."
    else:
        shape = {"base": base.commit, "chosen": base.why, "limit": LIMIT}
        shape |= {"head_us": verdict.head_us, "base_us": verdict.base_us}
        shape |= {"times": verdict.times, "rounds": verdict.rounds, "good": verdict.good}
        text = said(base, verdict)
    sys.stdout.write((orjson.dumps(shape).decode() if json else text) + "\n")
    return 0 if shape["good"] else 1


def base_here() -> Base:
    """What this checkout is held against. Raises `Incomparable`."""
    base = base_of(ROOT)
    if base is None:
        raise Incomparable("there is no earlier revision here that has this bench")
    return base


def said(base: Base, verdict: Verdict) -> str:
    """The verdict, in a line."""
    word = "at most" if verdict.good else "TOO MUCH: at most"
    return (
        f"CPU of a plain call at {CONNECTIONS} connections: {verdict.head_us:.0f} µs; "
        f"{verdict.base_us:.0f} µs at {base.commit[:10]} ({base.why}); "
        f"{verdict.times:.2f} times that, {word} {LIMIT:g}."
    )


def compared(base: Base) -> Verdict:
    """What rounds of both, in turns, brought. Raises `Incomparable` and `BadSetup`.

    More than the limit is looked at twice as long, before it is believed.
    """
    under_test, others = shares()
    with scratch() as folder, pinned(others), ExitStack() as stack:
        tree = folder / "tree"
        extract(base.commit, tree)
        cpus = ",".join(map(str, sorted(under_test)))
        try:
            before = stack.enter_context(side(tree, folder / "base", cpus))
        except BadSetup as error:
            raise Incomparable(f"{base.commit[:10]} does not come up: {error}") from error
        now = stack.enter_context(side(ROOT, folder / "head", cpus))
        for one in (before, now):
            measure(one, WARM_UP_SECONDS)
            one.cpu_us.clear()
        patience = Patience(PATIENCE_SECONDS)
        for number in range(2 * ROUNDS):
            if number == ROUNDS and verdict_of(now, before).good:
                break
            for one in shuffled((before, now)):
                patience.wait()
                measure(one, SECONDS)
        return verdict_of(now, before)


def verdict_of(now: Side, before: Side) -> Verdict:
    """The medians, and that of the rounds' ratios: a round's two saw the same machine."""
    pairs = zip(now.cpu_us, before.cpu_us, strict=True)
    return Verdict(
        head_us=statistics.median(now.cpu_us),
        base_us=statistics.median(before.cpu_us),
        times=statistics.median(ours / theirs for ours, theirs in pairs),
        rounds=len(now.cpu_us),
    )


def measure(one: Side, seconds: float) -> None:
    """One more figure for the side. Raises `BadSetup` if its calls fail."""
    load = Load(
        port=one.port, request=one.request, connections=CONNECTIONS, seconds=seconds
    )
    outcome = drive(load, partial(sample, family(one.pid)))
    if outcome.failed or not outcome.calls:
        raise BadSetup(f"{outcome.failed} calls failed and {outcome.completed} did not.")
    used = outcome.after.target - outcome.before.target
    one.cpu_us.append(used / outcome.calls * 1e6)


def extract(commit: str, tree: Path) -> None:
    """The commit's files are in the folder. Raises `Incomparable`."""
    packed = subprocess.run(  # noqa: S603  # git, with a commit that git named
        ["git", "archive", "--format=tar", commit],  # noqa: S607  # as on PATH
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if packed.returncode:
        raise Incomparable(f"git has no files of {commit[:10]}")
    tree.mkdir()
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
        archive.extractall(tree, filter="data")


@contextmanager
def side(tree: Path, folder: Path, cpus: str) -> Iterator[Side]:
    """The proxy of the code in the tree, on these CPUs. Raises `BadSetup`."""
    folder.mkdir()
    folder.chmod(0o711)  # for PostgreSQL's user, as `scratch` is
    with (folder / "said").open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603  # our own interpreter and code
            [sys.executable, "-c", SIDE, str(folder), cpus],
            cwd=tree,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            text = (folder / "said").read_text(errors="replace")[-SAID:]
            raise BadSetup(f"it ended at once and said: {text}")
        pid, port, request = json.loads(line)
        yield Side(pid=pid, port=port, request=base64.b64decode(request))
        process.stdin.close()
