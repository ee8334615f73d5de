"""Which commands of ours run, what each of them is told, and when it counts as ready."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, SecretStr

from adapters.serving import SHUTDOWN_SECONDS
from adapters.settings import Settings

ROOT = Path(__file__).parents[2]
KEYS = frozenset({"BOT_MASTER_KEY", "BOT_MASTER_KEY_FILE"})
ANSWER_SECONDS = 2.0
SERVER_STOP_SECONDS = SHUTDOWN_SECONDS + 5.0  # calls under way are settled first
WORKER_STOP_SECONDS = 25.0  # a webhook's turn and its last post


@dataclass(frozen=True, kw_only=True)
class Probe:
    """An address that answers 200 once the program can do its work."""

    host: str
    port: int
    path: str

    async def answers(self) -> bool:
        """Whether it does so now."""
        request = (
            f"GET {self.path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                reader, writer = await asyncio.open_connection(self.host, self.port)
                try:
                    writer.write(request.encode())
                    status = await reader.readline()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False
        return status.startswith(b"HTTP/1.1 200 ")


@dataclass(frozen=True, kw_only=True)
class Program:
    """A command that has to run for as long as we do."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    stop_seconds: float  # until it is killed
    probe: Probe | None = None
    passed: tuple[int, ...] = ()  # file descriptors that it inherits


def proxies_of(settings: Settings, url: str, listener: int) -> list[Program]:
    """CLAWBOT_WORKERS proxies that share one listening socket.

    It is ours, so whoever calls while a proxy is being started again waits, and is served.
    """
    probe = Probe(
        host=reachable(settings.clawbot_proxy_host),
        port=settings.clawbot_proxy_port,
        path="/health",
    )
    several = settings.clawbot_workers > 1
    return [
        Program(
            name=f"proxy-{number}" if several else "proxy",
            command=clawbot("proxy", "--listener", str(listener)),
            environment=environment_of(settings, url),
            stop_seconds=SERVER_STOP_SECONDS,
            probe=probe,
            passed=(listener,),
        )
        for number in range(1, settings.clawbot_workers + 1)
    ]


def programs_of(settings: Settings, url: str, listener: int) -> list[Program]:
    """All processes; those that do not serve in the order in which they are stopped."""
    told = environment_of(settings, url)
    keyless = {name: value for name, value in told.items() if name not in KEYS}
    api = Probe(
        host=reachable(settings.clawbot_host),
        port=settings.clawbot_port,
        path="/health/ready",
    )
    return [
        *proxies_of(settings, url, listener),
        Program(
            name="api",
            command=clawbot("api"),
            environment=told,
            stop_seconds=SERVER_STOP_SECONDS,
            probe=api,
        ),
        Program(
            name="worker",
            command=clawbot("worker"),
            environment=told,
            stop_seconds=WORKER_STOP_SECONDS,
        ),
        Program(
            name="projector",
            command=clawbot("projector"),
            environment=keyless,
            stop_seconds=3,
        ),
        Program(
            name="signer",
            command=clawbot("signer"),
            environment=keyless,
            stop_seconds=3,
        ),
    ]


def clawbot(*arguments: str) -> tuple[str, ...]:
    """Our own command line, wherever it is run from."""
    return (sys.executable, "-P", "-m", "api.cli.main", *arguments)


def environment_of(settings: Settings, url: str) -> dict[str, str]:
    """Our environment, with every setting said outright and paths that hold anywhere.

    Children run in `/`: they read no `.env`, and depend on no folder of ours.
    """
    told = bare_environment()
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if value is not None:
            told[name.upper()] = _written(value)
    return told | {"DATABASE_URL": url}


def bare_environment() -> dict[str, str]:
    """Our environment without any setting; `python -m api.cli.main` works with it."""
    ours = {name.upper() for name in Settings.model_fields}
    bare = {name: value for name, value in os.environ.items() if name.upper() not in ours}
    if (ROOT / "pyproject.toml").exists():  # run from a checkout, perhaps not installed
        bare["PYTHONPATH"] = str(ROOT)
    return bare


def reachable(host: str) -> str:
    """Where to reach what listens on this address from this machine."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def _written(value: object) -> str:
    if isinstance(value, Path):
        return str(value.absolute())
    if isinstance(value, dict):
        return json.dumps(value, default=_spelt_out)
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _spelt_out(value: object) -> object:
    """What JSON has no form for, secrets in clear: a child is told what we were."""
    match value:
        case SecretStr():
            return value.get_secret_value()
        case BaseModel():
            return dict(value)
    raise TypeError(type(value))
