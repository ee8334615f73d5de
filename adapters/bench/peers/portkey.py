"""Portkey's gateway: the open one checks no token and passes the vendor's key on.

`package.json` holds `@hono/node-server` at 1.14.1: with a newer one the gateway answers
every stream with 500 (Portkey-AI/gateway, issue 1389). `package-lock.json` is made with
`npm install --package-lock-only --omit=dev --omit-lockfile-registry-resolved`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adapters.bench.running import free_port, running

SERVER = "node_modules/@portkey-ai/gateway/build/start-server.js"


@contextmanager
def started(node: str, installed: Path, folder: Path) -> Iterator[tuple[int, int]]:
    """Its pid and port, from where it is installed."""
    port = free_port()
    command = [node, str(installed / SERVER), f"--port={port}", "--headless"]
    environment = {"NODE_ENV": "production", "HOME": str(folder)}
    with running(command, port, folder, environment) as pid:
        yield pid, port


def headers(upstream: int) -> dict[str, str]:
    """What tells it where to call: this port of 127.0.0.1, as OpenAI is called."""
    return {
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": f"http://127.0.0.1:{upstream}/v1",
    }
