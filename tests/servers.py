"""RabbitMQ and Redis for tests: the one that runs here, else our own for the session.

Ours listens on a free port of the loopback address, keeps everything in a temporary folder
and ends with the session, or with the process that started it. Where the server is not
installed the test is skipped; in CI that is a failure.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pika
import pytest
from pika.exceptions import AMQPError
from redis import Redis
from redis.exceptions import RedisError

# Debian's /usr/sbin wrapper keeps its own folders; this one is told everything.
RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
START_SECONDS = 60


@pytest.fixture(scope="session")
def rabbitmq_url() -> Iterator[str]:
    """The URL of a RabbitMQ that answers."""
    usual = _rabbitmq_at(5672)
    if _rabbitmq_answers(usual):
        yield usual
        return
    if not RABBITMQ.exists():
        pytest.skip("rabbitmq-server is not installed (Debian: apt-get install it)")
    amqp, distribution, names = _free_ports(3)
    with _folder("rabbitmq") as folder:
        environment = {
            "HOME": str(folder),
            "PATH": os.environ["PATH"],
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(names),
            "RABBITMQ_NODENAME": f"clawbot-test-{amqp}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(amqp),
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        }
        url = _rabbitmq_at(amqp)
        # Started by us, for the one that Erlang would start outlives everything.
        names_server = ["epmd", "-port", str(names), "-address", "127.0.0.1"]
        with (
            _running(names_server, folder, environment, lambda: _listens(names)),
            _running([str(RABBITMQ)], folder, environment, lambda: _rabbitmq_answers(url)),
        ):
            yield url


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The URL of a Redis that answers; what it holds is whoever ran before's."""
    usual = _redis_at(6379)
    if _redis_answers(usual):
        yield usual
        return
    (port,) = _free_ports(1)
    with redis_on(port) as url:
        yield url


@contextmanager
def redis_on(port: int) -> Iterator[str]:
    """The URL of a Redis of one's own, which keeps nothing after its end."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed (Debian: apt-get install it)")
    with _folder("redis") as folder:
        command = [program, "--port", str(port), "--bind", "127.0.0.1"]
        command += ["--dir", str(folder), "--save", ""]
        url = _redis_at(port)
        with _running(command, folder, os.environ, lambda: _redis_answers(url)):
            yield url


def _rabbitmq_at(port: int) -> str:
    return f"amqp://guest:guest@127.0.0.1:{port}/%2F"


def _redis_at(port: int) -> str:
    return f"redis://127.0.0.1:{port}/0"


def _rabbitmq_answers(url: str) -> bool:
    try:
        pika.BlockingConnection(pika.URLParameters(url)).close()
    except (AMQPError, OSError):
        return False
    return True


def _redis_answers(url: str) -> bool:
    with Redis.from_url(url) as client:
        try:
            return bool(client.ping())
        except RedisError:
            return False


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@contextmanager
def _folder(server: str) -> Iterator[Path]:
    """A folder that belongs to the server's own system user when we are root."""
    folder = Path(tempfile.mkdtemp(prefix=f"clawbot-test-{server}-"))
    if os.geteuid() == 0:
        user = pwd.getpwnam(server)
        os.chown(folder, user.pw_uid, user.pw_gid)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def _running(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    answers: Callable[[], bool],
) -> Iterator[None]:
    """The server answers within; it has ended afterwards, or as soon as we are killed."""
    tied = ["setpriv", "--pdeathsig", "TERM"]
    if os.geteuid() == 0:
        tied += ["--reuid", folder.owner(), "--regid", folder.group(), "--clear-groups"]
    output = folder / f"{Path(command[0]).name}.output"
    with (
        output.open("wb") as written,
        subprocess.Popen(
            [*tied, *command],
            cwd=folder,
            env=environment,
            stdout=written,
            stderr=subprocess.STDOUT,
        ) as server,
    ):
        try:
            _wait_until(answers, server, output)
            yield
        finally:
            server.terminate()


def _wait_until(
    answers: Callable[[], bool], server: subprocess.Popen[bytes], output: Path
) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not answers():
        if server.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"It did not start:\n{output.read_text()[-2000:]}")
        time.sleep(0.1)
