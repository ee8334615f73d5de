"""The processes as they are shipped, with a vendor behind them that records everything."""

from __future__ import annotations

import base64
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg import sql

from adapters.bootstrap.control_plane import control_plane
from adapters.bootstrap.instance import prepare
from adapters.settings import Settings
from adapters.simulator import Started
from tests.databases import url_of
from tests.journeys.plane import DataPlane, TestBot
from tests.journeys.proxy_process import ROOT, START_SECONDS, ProxyProcess, until
from tests.wire.vendor import Vendor, recording

BEGIN = (
    "from adapters import logs; logs.configure(); "
    "from adapters.settings import Settings; settings = Settings(); "
    "url = settings.database_url; "
)
# As shipped, but for their clocks: what takes 10 or 60 s in earnest takes 1 s here.
HASTY = (
    "from adapters.http import HttpLimits; from adapters.serving import serve; "
    "from proxy.main import application; "
    "limits = HttpLimits(head_seconds=1, keep_alive_seconds=1, body_seconds=3, "
    "pace_seconds=0.5, write_seconds=1, connections=300); "
    "serve(application(settings, url), host='127.0.0.1', "
    "port=settings.clawbot_proxy_port, limits=limits)"
)
PROGRAMS = {
    "proxy": "from proxy.main import main; main(settings, url)",
    "api": "from api.main import main; main(settings, url, proxy=True)",
    "hasty": HASTY,
}


class Server(ProxyProcess):
    """A process that serves; which one, its program says."""

    def __init__(
        self, environment: Mapping[str, str], port: int, log: Path, program: str
    ) -> None:
        super().__init__(environment, port, log)
        self.port = port
        self._program = program

    def spawn(self) -> None:
        command = ["setpriv", "--pdeathsig", "KILL", sys.executable, "-c"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, BEGIN + self._program],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    @property
    def resident_bytes(self) -> int:
        """What it holds of the machine's memory."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, kw_only=True)
class Served:
    """All of it, and a bot that may call."""

    plane: DataPlane
    vendor: Vendor
    bot: TestBot
    servers: dict[str, Server]

    @property
    def secret(self) -> bytes:
        return self.plane.secret.encode()


@pytest.fixture(scope="session")
def served(database_server: str) -> Iterator[Served]:
    """Started once; tests leave it as it was."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(_database(database_server))
        vendor = stack.enter_context(recording())
        ports = {name: _free_port() for name in PROGRAMS}
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": url,
            "BOT_MASTER_KEY": f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}",
            "EGRESS_ALLOW": vendor.url,
            "CLAWBOT_PORT": str(ports["api"]),
        }
        settings = Settings(
            **{name.lower(): value for name, value in environment.items()}  # type: ignore[arg-type]
        )
        prepare(settings, url)
        servers = {
            name: Server(
                environment | {"CLAWBOT_PROXY_PORT": str(ports[name])},
                ports[name],
                folder / name,
                program,
            )
            for name, program in PROGRAMS.items()
        }
        plane = DataPlane(
            proxy=servers["proxy"],
            simulator=Started(url=vendor.url, pid=os.getpid()),
            control=stack.enter_context(control_plane(settings, url)),
            database_url=url,
            client=stack.enter_context(httpx.Client(timeout=30)),
            secret="sk-wire-0123456789abcdef",
        )
        plane.keys = {"openai": plane.add_key("openai")}
        bot = plane.new_bot()
        for server in servers.values():
            stack.callback(server.stop)
            server.spawn()
        for server in servers.values():
            until(server.answers, seconds=START_SECONDS)
        yield Served(plane=plane, vendor=vendor, bot=bot, servers=servers)
        for server in servers.values():
            server.stop()
            assert not server.bugs()


@contextmanager
def _database(server: str) -> Iterator[str]:
    name = f"clawbot_test_wire_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield url_of(server, name)
        finally:
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)")
            admin.execute(drop.format(sql.Identifier(name)))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture(params=["proxy", "api"])
def port(request: pytest.FixtureRequest, served: Served) -> int:
    """Where each of the two front doors listens."""
    server: str = request.param
    return served.servers[server].port
