"""`clawbot up` as a person has it: started, used, hurt, stopped, started again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.api.cli.running import clawbot, environment

pytestmark = pytest.mark.xdist_group("up")

ACCOUNT = {"email": "ada@example.com", "password": "a long passphrase", "name": "Ada"}
LATER_START_SECONDS = 12  # 5 on a machine with nothing else to do
STOP_SECONDS = 20


@dataclass(frozen=True, kw_only=True)
class Up:
    """A running instance: its process, and what it said when it was ready."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> float:
        """It has ended by itself; the seconds that took."""
        began = time.monotonic()
        self.process.send_signal(number)
        assert self.process.wait(STOP_SECONDS) == 0
        return time.monotonic() - began


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path that the database's own user may enter, unlike pytest's."""
    made = Path(tempfile.mkdtemp(prefix="clawbot-up-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@contextmanager
def up(folder: Path, ports: tuple[int, int], **settings: str) -> Iterator[Up]:
    told = {
        "CLAWBOT_PORT": str(ports[0]),
        "CLAWBOT_PROXY_PORT": str(ports[1]),
        "CLAWBOT_WORKER_PORT": str(free_port()),  # another instance may have the usual one
    }
    with (
        (folder / "said").open("w") as said,
        subprocess.Popen(
            [sys.executable, "-P", "-m", "api.cli.main", "up", "--json"],
            cwd=folder,
            env=environment(folder, **told, **settings),
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, (folder / "said").read_text()
            yield Up(process=process, ready=json.loads(line))
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(STOP_SECONDS)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        for probe in (one, other):
            probe.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def test_it_starts_from_nothing_heals_stops_and_starts_again(
    folder: Path, ports: tuple[int, int]
) -> None:
    with up(folder, ports) as first:
        control, proxy = first.ready["control_plane"], first.ready["proxy"]
        assert (control, proxy) == tuple(f"http://127.0.0.1:{port}" for port in ports)
        key = Path(first.ready["master_key_written"])
        assert key == folder / "data/master.key"
        assert key.stat().st_mode & 0o777 == 0o600
        registered = httpx2.post(f"{control}/api/auth/register", json=ACCOUNT)
        assert registered.status_code == 201
        replay_works_beside_it(folder, registered.json()["team"]["id"])

        os.kill(first.ready["processes"]["proxy"], signal.SIGKILL)
        wait_until(lambda: answers(f"{proxy}/health"))
        postmaster = int(
            (folder / "data/postgres/data/postmaster.pid").read_text().split()[0]
        )
        os.kill(postmaster, signal.SIGKILL)
        wait_until(lambda: signs_in(control))
        said = (folder / "said").read_text()
        assert "proxy was ended by SIGKILL" in said
        assert "PostgreSQL has ended; it is started again" in said
        assert first.stop() < STOP_SECONDS
    assert left_running(folder) == []

    with up(folder, ports) as second:
        assert second.ready["seconds"] < LATER_START_SECONDS
        assert second.ready["master_key_written"] is None
        assert signs_in(second.ready["control_plane"])
        second.stop(signal.SIGINT)
    assert left_running(folder) == []


def test_each_process_knows_only_the_secrets_it_needs(
    folder: Path, ports: tuple[int, int]
) -> None:
    key = "k1:w6Jm3pQ0Zk8bXv5T1yRrA2nHsD9uLfEoGc7iBx4KqWM="
    with up(folder, ports, BOT_MASTER_KEY=key) as it:
        assert it.ready["master_key_written"] is None
        assert not (folder / "data/master.key").exists()
        knowing = {
            name
            for name, pid in it.ready["processes"].items()
            if key.encode() in Path(f"/proc/{pid}/environ").read_bytes()
        }
        assert knowing == {"api", "proxy", "worker"}
        logs = list((folder / "data/logs").iterdir())
        assert {log.name for log in logs} == {
            f"{name}.log" for name in it.ready["processes"]
        }
        for log in logs:
            for line in log.read_text().splitlines():
                assert json.loads(line)["level"] == "info"
            assert log.stat().st_mode & 0o777 == 0o600


def test_several_proxies_share_the_port_and_nobody_notices_that_one_dies(
    folder: Path, ports: tuple[int, int]
) -> None:
    with up(folder, ports, CLAWBOT_WORKERS="2") as it:
        pids = it.ready["processes"]
        assert {"proxy-1", "proxy-2"} <= set(pids)
        for name in ("proxy-1", "proxy-2"):
            os.kill(pids[name], signal.SIGKILL)
            assert all(answers(f"{it.ready['proxy']}/health") for _ in range(5))
        assert it.stop() < STOP_SECONDS


def test_when_it_is_killed_nothing_of_it_is_left_running(
    folder: Path, ports: tuple[int, int]
) -> None:
    with up(folder, ports) as it:
        it.process.kill()
        it.process.wait()
    wait_until(lambda: left_running(folder) == [])


def test_a_port_that_is_taken_is_named_and_nothing_is_made(
    folder: Path, ports: tuple[int, int]
) -> None:
    with socket.create_server(("127.0.0.1", ports[1])):
        settings = {"CLAWBOT_PORT": str(ports[0]), "CLAWBOT_PROXY_PORT": str(ports[1])}
        ran = clawbot("up", folder=folder, **settings)
    assert ran.returncode == 2
    assert ran.stderr.startswith(f"clawbot: Cannot listen on 127.0.0.1:{ports[1]} ")
    assert list(folder.iterdir()) == []


def replay_works_beside_it(folder: Path, team: str) -> None:
    ran = clawbot("replay", "team", team, "--json", folder=folder)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["items"][0]["type"] == "team.created"


def signs_in(control: str) -> bool:
    account = {name: ACCOUNT[name] for name in ("email", "password")}
    try:
        return httpx2.post(f"{control}/api/auth/login", json=account).status_code == 200
    except httpx2.HTTPError:
        return False


def answers(url: str) -> bool:
    try:
        return httpx2.get(url).status_code == 200
    except httpx2.HTTPError:
        return False


def left_running(folder: Path) -> list[str]:
    """The command lines of processes that were told of this folder."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                told = (process / "environ").read_bytes() + (
                    process / "cmdline"
                ).read_bytes()
            except OSError:  # gone, or another user's
                continue
            if os.fsencode(folder) in told:
                found.append((process / "cmdline").read_text())
    return found


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
