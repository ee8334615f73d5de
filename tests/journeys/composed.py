"""The processes of compose.yaml, as plain processes with the same commands and settings."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from adapters.demo.person import Person
from adapters.simulator.starting import Started, started
from tests.api.cli.running import A_KEY, environment
from tests.test_compose import SERVICES

CANARY = "sk-canary-of-the-processes-0123456789"
WAIT_SECONDS = 30
START_SECONDS = 90  # five processes at once, beside whatever else runs


@dataclass(frozen=True, kw_only=True)
class Composed:
    """All of them, the vendor, somebody who uses them, and what each process wrote."""

    control: str
    vendor: Started
    client: httpx2.Client
    person: Person
    logs: Mapping[str, Path]

    @contextmanager
    def live(self) -> Iterator[Iterator[dict[str, Any]]]:
        """What happens in the person's team from now on, as the stream tells it."""
        with self.client.stream("GET", "/api/events/stream") as answer:
            assert answer.status_code == 200
            lines = answer.iter_lines()
            assert next(lines).startswith("retry: ")
            told = (line.removeprefix("data: ") for line in lines if line[:5] == "data:")
            yield map(json.loads, told)


@contextmanager
def composed(folder: Path, *, allow: tuple[str, ...], **servers: str) -> Iterator[Composed]:
    """They run until the block ends, on these `servers`, and may post to `allow`."""
    key_file = folder / "key"
    key_file.write_text(A_KEY)
    key_file.chmod(0o400)
    api, proxy, worker = free_ports()
    with started(key=CANARY) as vendor, ExitStack() as stack:
        ours = {
            **servers,
            "BOT_MASTER_KEY_FILE": str(key_file),
            "CLAWBOT_DATA_DIR": str(folder / "data"),
            "PROXY_BASE_URL": f"http://127.0.0.1:{proxy}",
            "EGRESS_ALLOW": ",".join((vendor.url, *allow)),
            "METRICS_TOKEN": "",
            "CLAWBOT_HOST": "127.0.0.1",
            "CLAWBOT_PORT": str(api),
            "CLAWBOT_PROXY_HOST": "127.0.0.1",
            "CLAWBOT_PROXY_PORT": str(proxy),
            "CLAWBOT_WORKERS": "1",
            "CLAWBOT_WORKER_URL": f"http://127.0.0.1:{worker}",
            "CLAWBOT_WORKER_HOST": "127.0.0.1",
            "CLAWBOT_WORKER_PORT": str(worker),
            "CLAWBOT_RUNTIME": "external",
            "CLAWBOT_HTTP_SHARED_PEERS": "",
        }
        migrated = subprocess.run(
            command("migrate"), env=told("migrate", ours, folder), timeout=30, check=False
        )
        assert migrated.returncode == 0
        logs = {}
        for service in ("api", "proxy", "projector", "worker", "signer"):
            logs[service] = folder / f"{service}.log"
            stack.enter_context(running(service, ours, folder, logs[service]))
        control = f"http://127.0.0.1:{api}"
        wait_until(lambda: answers(f"{control}/health/ready"), START_SECONDS)
        wait_until(lambda: answers(f"http://127.0.0.1:{proxy}/health"), START_SECONDS)
        client = stack.enter_context(httpx2.Client(base_url=control, timeout=WAIT_SECONDS))
        person = Person(client)
        person.register()
        yield Composed(
            control=control, vendor=vendor, client=client, person=person, logs=logs
        )


def command(service: str) -> list[str]:
    """What compose runs, as we would."""
    return [sys.executable, "-P", "-m", "api.cli.main", *SERVICES[service]["command"]]


def told(service: str, ours: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The settings that compose names for the service, with our values."""
    named: Mapping[str, Any] = SERVICES[service]["environment"]
    assert set(named) <= set(ours)
    return environment(folder, **{name: ours[name] for name in named})


@contextmanager
def running(
    service: str, ours: Mapping[str, str], folder: Path, log: Path
) -> Iterator[None]:
    """The service runs; when told to stop it ends by itself, well."""
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command(service),
            cwd=folder,
            env=told(service, ours, folder),
            stdout=output,
            stderr=output,
        ) as process,
    ):
        try:
            yield
            assert process.poll() is None, log.read_text()[-2000:]
        finally:
            process.terminate()
            code = process.wait(WAIT_SECONDS)
    assert code == 0, log.read_text()[-2000:]


def free_ports() -> tuple[int, int, int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(3)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        one, other, third = (probe.getsockname()[1] for probe in probes)
        return one, other, third


def answers(url: str) -> bool:
    try:
        return httpx2.get(url).status_code == 200
    except httpx2.HTTPError:
        return False


def wait_until(holds: Callable[[], bool], seconds: float = WAIT_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
