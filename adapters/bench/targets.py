"""The systems under test, each on the first CPU; what they lean on is on the others.

bare   the simulator's fast mode, called directly (it stays on the others' CPUs)
nginx  `proxy_pass` to it, if nginx is installed: no tokens, no metering, no log
proxy  ours: a real `proxy` process with a database of its own, fsync on
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from adapters import simulator
from adapters.bench import metered
from adapters.bench.measure import pinned
from domain.errors import BadSetup, Unavailable

ROOT = Path(__file__).parents[2]
START_SECONDS = 30.0
END_SECONDS = 10.0
REQUEST_BYTES = 800  # the body's
# Makes 1,024 bytes of a plain answer's body, and 50 pieces of a streamed one.
PLAIN_MODEL, STREAM_MODEL = "gpt-5-mini+big=457", "gpt-5-mini+tokens=50"
STREAMED = {
    "model": STREAM_MODEL,
    "stream": True,
    "stream_options": {"include_usage": True},
}
PATH = "/v1/chat/completions"
PROXY = (
    "from adapters import logs; from adapters.settings import Settings; "
    "from proxy.main import main; "
    "logs.configure(); settings = Settings(); main(settings, settings.database_url)"
)
NGINX = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream simulator {{
        server 127.0.0.1:{upstream};
        keepalive 512;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://simulator;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }}
    }}
}}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Something that answers calls; `pid` is its process, or the first of them."""

    name: str
    pid: int
    port: int
    metered: bool
    plain: bytes
    stream: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Systems:
    """Everything that a run measures, up and reachable."""

    targets: list[Target]
    log: metered.CallLog


@contextmanager
def systems(folder: Path, cpus: set[int]) -> Iterator[Systems]:
    """The targets, on these CPUs; everything is gone when the block ends.

    What this thread starts otherwise stays on its own CPUs. Raises `BadSetup`.
    """
    with ExitStack() as stack:
        upstream = stack.enter_context(simulator.started(fast=True))
        url = stack.enter_context(metered.database(folder))
        instance = metered.instance(url, vendor_url=upstream.url)
        log = stack.enter_context(metered.call_log(url))
        vendor_port = urlsplit(upstream.url).port or 0
        targets = [_target("bare", upstream.pid, vendor_port, instance.token)]
        port = free_port()
        environment = instance.environment | {"CLAWBOT_PROXY_PORT": str(port)}
        command = [sys.executable, "-c", PROXY]
        with pinned(cpus):
            pid = stack.enter_context(_running(command, port, folder, environment))
        base = "/api/v1/openai"
        targets.append(_target("proxy", pid, port, instance.token, base=base))
        nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if nginx is not None:
            port, home = free_port(), folder / "nginx"
            home.mkdir()
            settings = NGINX.format(folder=home, upstream=vendor_port, port=port)
            (home / "conf").write_text(settings)
            command = [nginx, "-p", str(home), "-c", "conf", "-e", "log"]
            with pinned(cpus):
                pid = stack.enter_context(_running(command, port, home, {}))
            targets.append(_target("nginx", pid, port, instance.token))
        yield Systems(targets=targets, log=log)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _target(name: str, pid: int, port: int, token: str, *, base: str = "") -> Target:
    path = base + PATH
    return Target(
        name=name,
        pid=pid,
        port=port,
        metered=bool(base),
        plain=_request(path, token, {"model": PLAIN_MODEL}),
        stream=_request(path, token, STREAMED),
    )


def _request(path: str, token: str, asked: Mapping[str, object]) -> bytes:
    """The call's bytes, its body filled up to `REQUEST_BYTES`."""
    message = {"role": "user", "content": ""}
    missing = REQUEST_BYTES - len(orjson.dumps({**asked, "messages": [message]}))
    message["content"] = "How do bees find their way home? "[:missing].ljust(missing, ".")
    body = orjson.dumps({**asked, "messages": [message]})
    return (
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n"
        f"content-type: application/json\r\naccept: application/json\r\n"
        f"user-agent: clawbot-bench\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode() + body


@contextmanager
def _running(
    command: list[str], port: int, folder: Path, environment: dict[str, str]
) -> Iterator[int]:
    """The process, once it accepts connections on the port; what it says is in `output`."""
    output = folder / "output"
    with output.open("wb") as file:
        process = subprocess.Popen(  # noqa: S603  # a program of the installation, or ours
            command,
            cwd=ROOT,
            env={"PATH": os.environ.get("PATH", os.defpath)} | environment,
            stdout=file,
            stderr=file,
        )
    try:
        _wait_until_open(process, port, output)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_open(process: subprocess.Popen[bytes], port: int, output: Path) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        if process.poll() is not None:
            said = output.read_text(errors="replace")[-2000:]
            raise BadSetup(f"A process to be measured ended at once. It said:\n{said}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise Unavailable(f"{process.args!r} does not listen after {START_SECONDS:.0f} s")
