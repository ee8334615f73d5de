"""The processes of compose.yaml, as plain processes with the same commands and settings."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from adapters.demo.bot import Bot
from adapters.demo.person import Person
from adapters.simulator import started
from tests.api.cli.running import A_KEY, environment
from tests.test_compose import SERVICES

pytestmark = pytest.mark.xdist_group("up")

CANARY = "sk-canary-of-the-processes-0123456789"
WAIT_SECONDS = 30


def test_one_metered_call_through_the_processes_of_the_compose_file(
    database_url: str, rabbitmq_url: str, redis_url: str, tmp_path: Path
) -> None:
    key_file = tmp_path / "key"
    key_file.write_text(A_KEY)
    key_file.chmod(0o400)
    api, proxy, worker = free_ports()
    with started(key=CANARY) as vendor, ExitStack() as stack:
        ours = {
            "DATABASE_URL": database_url,
            "RABBITMQ_URL": rabbitmq_url,
            "REDIS_URL": redis_url,
            "BOT_MASTER_KEY_FILE": str(key_file),
            "CLAWBOT_DATA_DIR": str(tmp_path / "data"),
            "PROXY_BASE_URL": f"http://127.0.0.1:{proxy}",
            "EGRESS_ALLOW": vendor.url,
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
        logs = {}
        migrated = subprocess.run(
            command("migrate"), env=told("migrate", ours, tmp_path), timeout=30, check=False
        )
        assert migrated.returncode == 0
        for service in ("api", "proxy", "projector", "worker", "signer"):
            logs[service] = tmp_path / f"{service}.log"
            stack.enter_context(running(service, ours, tmp_path, logs[service]))
        control = f"http://127.0.0.1:{api}"
        wait_until(lambda: answers(f"{control}/health/ready"))
        wait_until(lambda: answers(f"http://127.0.0.1:{proxy}/health"))

        client = stack.enter_context(httpx2.Client(base_url=control, timeout=WAIT_SECONDS))
        person = Person(client)
        person.register()
        key = person.add_key("anthropic", CANARY, vendor.url)
        links = [{"provider_key_id": key["id"]}]
        made = person.post("/api/bot", {"name": "A", "hostname": "ada", "providers": links})
        answer = Bot(made["bot"]["proxy_base_url"], made["bot_token"]).anthropic("Hello")
        position = person.position_of_end(answer.call_id)
        summary = person.get("/api/usage/summary", after_position=position)
        totals = httpx2.get(f"{vendor.url}/ledger").json()["totals"]
        counted = (totals["input_tokens"], totals["output_tokens"])
        assert summary["calls"] == summary["settled"] == 1
        assert (summary["input_tokens"], summary["output_tokens"]) == counted
        assert min(counted) > 0

        # the api alone serves no calls, and the worker hears of work through RabbitMQ
        alone = client.post("/api/v1/anthropic/v1/messages", json={})
        assert alone.status_code == 404
        person.post(f"/api/provider-key/{key['id']}/check", {})
        path = f"/api/provider-key/{key['id']}"
        wait_until(lambda: person.get(path)["checked_at"] is not None)
        assert person.get(path)["status"] == "active"
        assert not any(CANARY in answer for answer in person.answers)
        assert not any(CANARY in log.read_text() for log in logs.values())


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


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
