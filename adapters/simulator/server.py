"""The simulator as a process: one event loop, one port, until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys

import uvloop

from adapters.simulator.connection import Connection
from adapters.simulator.simulator import Simulator
from domain.errors import BadSetup

GRACE_SECONDS = 2.0


def run(*, host: str, port: int, key: str | None = None, fast: bool = False) -> None:
    """Serve until SIGTERM or SIGINT; port 0 takes a free one. Raises BadSetup.

    The address is printed once calls are accepted. With `key` only that credential is
    good; with `fast` identical requests get identical answers but for their ids.
    """
    uvloop.run(serve(Simulator(key=key, fast=fast), host=host, port=port))


async def serve(simulator: Simulator, *, host: str, port: int) -> None:
    """Accept calls until a signal; answers on their way have two seconds to end."""
    loop = asyncio.get_running_loop()
    connections: set[Connection] = set()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        server = await loop.create_server(
            lambda: Connection(simulator, connections), host, port, backlog=4096
        )
    except (OSError, OverflowError) as error:
        msg = f"The simulator cannot listen on {host}:{port}: {error}"
        raise BadSetup(msg) from error
    gc.freeze()
    bound, *_ = server.sockets[0].getsockname()[1:]
    shown = f"[{host}]" if ":" in host else host
    sys.stdout.write(f"simulator listening on http://{shown}:{bound}\n")
    sys.stdout.flush()
    await stop.wait()
    server.close()
    await _let_go(connections)


async def _let_go(connections: set[Connection]) -> None:
    """Every connection has ended, those that take too long by force."""
    for connection in list(connections):
        connection.stop()
    lost = [connection.lost for connection in connections]
    if lost:
        await asyncio.wait(lost, timeout=GRACE_SECONDS)
    for connection in connections:
        connection.abort()
    await asyncio.sleep(0)  # the transports tell their connections
