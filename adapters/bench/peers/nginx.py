"""nginx with `proxy_pass`, if it is installed: it counts nothing and checks nobody."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adapters.bench.running import free_port, program_path, running

PACED = "/paced"  # below it is the upstream of the open streams
SETTINGS = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_buffer_size 256k;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_buffering off;
    upstream simulator {{
        server 127.0.0.1:{upstream};
        keepalive 512;
        keepalive_requests 1000000000;
    }}
    upstream paced {{
        server 127.0.0.1:{paced};
        keepalive 512;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ proxy_pass http://simulator; }}
        location {prefix}/ {{ proxy_pass http://paced/; }}
    }}
}}
"""


def program() -> str | None:
    """Where nginx is, if it is installed."""
    return shutil.which("nginx", path=program_path())


@contextmanager
def started(
    nginx: str, folder: Path, *, upstream: int, paced: int
) -> Iterator[tuple[int, int]]:
    """Its pid and port; it passes everything to these ports of 127.0.0.1."""
    port = free_port()
    folder.mkdir()
    settings = SETTINGS.format(
        folder=folder, upstream=upstream, paced=paced, port=port, prefix=PACED
    )
    (folder / "conf").write_text(settings)
    command = [nginx, "-p", str(folder), "-c", "conf", "-e", "log"]
    with running(command, port, folder, {}) as pid:
        yield pid, port
