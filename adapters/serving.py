"""Runs an ASGI application in uvicorn's process on our own connections (`adapters/http`).

uvicorn brings the loop, the signals, the lifespan and the way to stop.
"""

from __future__ import annotations

import resource
import socket
from functools import partial

import uvicorn

from adapters.garbage import spare_what_is_loaded
from adapters.http import Connection, HttpLimits, Peers
from adapters.settings import Settings
from domain.errors import BadSetup

SHUTDOWN_SECONDS = 20
BACKLOG = 2048
FILES_PER_CONNECTION = 2  # one more to the vendor
OTHER_FILES = 256


def limits_of(settings: Settings, *, upgrades_below: bytes | None = None) -> HttpLimits:
    """What the operator may set of the limits; the others are fixed."""
    return HttpLimits(
        upgrades_below=upgrades_below,
        connections=settings.clawbot_http_max_connections,
        connections_per_peer=settings.clawbot_http_max_connections_per_peer,
        shared_peers=settings.clawbot_http_shared_peers,
        head_seconds=settings.clawbot_http_head_seconds,
        keep_alive_seconds=settings.clawbot_http_keep_alive_seconds,
        body_seconds=settings.clawbot_http_body_seconds,
        write_seconds=settings.clawbot_http_write_seconds,
    )


def serve(
    application: object,
    *,
    host: str,
    port: int,
    limits: HttpLimits = HttpLimits(),  # noqa: B008  # frozen
    listener: socket.socket | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; `BadSetup` if the port is taken.

    `listener` is an address that is bound already, perhaps shared with other processes.
    """
    listener = listener or bound(host, port)
    config = uvicorn.Config(
        application,  # type: ignore[arg-type]  # our scope is a mapping, as ASGI says
        loop="uvloop",
        interface="asgi3",
        http=partial(Connection, limits=limits, peers=Peers(limits)),  # type: ignore[arg-type]  # it is called like the class
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        backlog=BACKLOG,
    )
    _have_room_for(limits.connections)
    server = uvicorn.Server(config)
    spare_what_is_loaded()
    try:
        server.run(sockets=[listener])
    finally:
        listener.close()
    if not server.started:
        msg = "The process could not start; the log lines above say why."
        raise BadSetup(msg)


def _have_room_for(connections: int) -> None:
    """So many connections do not run out of files, as far as the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_PER_CONNECTION * connections + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


def bound(
    host: str, port: int, *, setting: str = "CLAWBOT_PORT or CLAWBOT_PROXY_PORT"
) -> socket.socket:
    """A listening address of ours; `BadSetup` names it if it is taken or not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        msg = (
            f"Cannot listen on {host}:{port} ({error.strerror}). Stop what uses the port, "
            f"or choose another with {setting}."
        )
        raise BadSetup(msg) from error
    return listener
