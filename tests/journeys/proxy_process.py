"""The proxy as a process of its own, to be killed, frozen and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
START_SECONDS = 30
PROXY = (
    "from adapters import logs; logs.configure(); "
    "from adapters.settings import Settings; from proxy.main import main; "
    "settings = Settings(); main(settings, settings.database_url)"
)


class ProxyProcess:
    """`clawbot proxy`, and what it wrote to its log."""

    def __init__(self, environment: Mapping[str, str], port: int, log: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.log = log
        self.environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def beside(self, port: int) -> ProxyProcess:
        """Another one on the same database, which was not started yet."""
        environment = {**self.environment, "CLAWBOT_PROXY_PORT": str(port)}
        return ProxyProcess(environment, port, self.log.with_name(f"proxy-{port}.log"))

    def spawn(self) -> None:
        """It has begun to start; it ends with the thread that asked for it."""
        # setpriv becomes the proxy: the process id is the proxy's own.
        command = ["setpriv", "--pdeathsig", "KILL", sys.executable, "-c", PROXY]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )

    def answers(self) -> bool:
        """Whether it accepts connections; raises if it has ended instead."""
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()[-3000:]
        try:
            return httpx.get(f"{self.url}/health").status_code == 200
        except httpx.TransportError:
            return False

    def start(self) -> None:
        """It accepts calls."""
        self.spawn()
        until(self.answers, seconds=START_SECONDS)

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        """It is gone, as by a power cut."""
        self.send(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()

    def stop(self) -> None:
        """It has ended by itself, calls under way finished."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(START_SECONDS)

    def bugs(self) -> list[str]:
        """Log lines that tell of one: a traceback, or what is no log line at all."""
        lines = self.log.read_text().splitlines()
        return [line for line in lines if line[:1] != "{" or '"exception":' in line]


def until(condition: Callable[[], bool], *, seconds: float = 10) -> None:
    """It is so, at last; fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.02)
