"""The systems under test, each on the first CPU; what they lean on is on the others.

bare     the simulator's fast mode, called directly (it stays on the others' CPUs)
nginx    `proxy_pass` to it, if nginx is installed: no tokens, no metering, no log
proxy    ours: a real `proxy` process with a database of its own, fsync on
budgets  the same process, asked by a bot whose every call is under three quotas
litellm  LiteLLM's proxy with a master key, if peers are asked for
portkey  Portkey's gateway, if peers are asked for
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from adapters import simulator
from adapters.bench import metered
from adapters.bench.asking import PATH, Kind, bearer, calls
from adapters.bench.measure import pinned
from adapters.bench.peers import installing, litellm, nginx, portkey
from adapters.bench.running import free_port, running

BASE = "/api/v1/openai"
PROXY = (
    "from adapters import logs; from adapters.settings import Settings; "
    "from proxy.main import main; "
    "logs.configure(); settings = Settings(); main(settings, settings.database_url)"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where the streams that stay open are to be had, and what is shown there."""

    port: int
    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Something that answers calls; `pid` is its process, or the first of them."""

    name: str
    pid: int
    port: int
    calls: Mapping[Kind, bytes]
    metered: bool = False
    paced: Place | None = None  # None: it is not asked for open streams
    lead: float = 0.0  # windows' worth of calls before the counted ones: it is slow
    stretch: float = 1.0  # and its windows are so much longer
    loads: frozenset[int | str] | None = None  # by the scenes' keys; None: all

    @property
    def plain(self) -> bytes:
        """A plain call's request."""
        return self.calls[Kind.PLAIN]


@dataclass(frozen=True, kw_only=True, slots=True)
class Systems:
    """Everything that a run measures, up and reachable."""

    targets: list[Target]
    log: metered.CallLog | None  # None: nothing of ours is measured


@contextmanager
def systems(folder: Path, cpus: set[int], *, peers: bool = False) -> Iterator[Systems]:
    """The targets, on these CPUs; everything is gone when the block ends.

    What this thread starts otherwise stays on its own CPUs. Raises `BadSetup`, and
    `Unavailable` for a peer that cannot be installed.
    """
    programs = (
        (installing.node(), installing.portkey(), installing.litellm()) if peers else None
    )
    with ExitStack() as stack:
        upstream = stack.enter_context(simulator.started(fast=True))
        vendor = urlsplit(upstream.url).port or 0
        paced = free_port()
        command = [sys.executable, "-m", "adapters.bench.paced", str(paced)]
        stack.enter_context(running(command, paced, folder / "paced", {}))
        url = stack.enter_context(metered.database(folder))
        paced_url = f"http://127.0.0.1:{paced}"
        instance = metered.instance(url, vendor_url=upstream.url, paced_url=paced_url)
        log = stack.enter_context(metered.call_log(url))
        token = bearer(instance.token)
        bare = Target(
            name="bare",
            pid=upstream.pid,
            port=vendor,
            calls=calls(PATH, token),
            paced=Place(port=paced, path=PATH, headers=token),
        )
        targets = [bare]
        with pinned(cpus):
            ours = stack.enter_context(_ours(folder / "ours", instance))
            targets += [ours, _under_quotas(ours, instance)]
            program = nginx.program()
            if program is not None:
                targets.append(stack.enter_context(_nginx(program, folder, bare)))
            if programs is not None:
                node, gateway, proxy = programs
                targets.append(stack.enter_context(_litellm(proxy, folder, vendor)))
                targets.append(stack.enter_context(_portkey(node, gateway, folder, vendor)))
        yield Systems(targets=targets, log=log)


@contextmanager
def _ours(folder: Path, instance: metered.Instance) -> Iterator[Target]:
    port = free_port()
    environment = instance.environment | {"CLAWBOT_PROXY_PORT": str(port)}
    with running([sys.executable, "-c", PROXY], port, folder, environment) as pid:
        yield Target(
            name="proxy",
            pid=pid,
            port=port,
            calls=calls(BASE + PATH, bearer(instance.token)),
            metered=True,
            paced=Place(port=port, path=BASE + PATH, headers=bearer(instance.paced_token)),
        )


def _under_quotas(ours: Target, instance: metered.Instance) -> Target:
    return replace(
        ours,
        name="budgets",
        calls=calls(BASE + PATH, bearer(instance.budget_token)),
        paced=None,
        loads=frozenset({32}),
    )


@contextmanager
def _nginx(program: str, folder: Path, bare: Target) -> Iterator[Target]:
    assert bare.paced is not None
    with nginx.started(
        program, folder / "nginx", upstream=bare.port, paced=bare.paced.port
    ) as (pid, port):
        headers = bare.paced.headers
        yield Target(
            name="nginx",
            pid=pid,
            port=port,
            calls=bare.calls,
            paced=Place(port=port, path=nginx.PACED + PATH, headers=headers),
        )


@contextmanager
def _litellm(program: Path, folder: Path, vendor: int) -> Iterator[Target]:
    with litellm.started(program, folder / "litellm", upstream=vendor) as up:
        pid, port, key = up
        asked = calls(PATH, bearer(key))
        yield Target(name="litellm", pid=pid, port=port, calls=asked, lead=1.5, stretch=3.0)


@contextmanager
def _portkey(node: str, gateway: Path, folder: Path, vendor: int) -> Iterator[Target]:
    with portkey.started(node, gateway, folder / "portkey") as (pid, port):
        asked = calls(PATH, bearer("sk-upstream") | portkey.headers(vendor))
        yield Target(name="portkey", pid=pid, port=port, calls=asked, lead=0.5, stretch=1.5)
