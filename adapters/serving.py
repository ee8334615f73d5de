"""Runs an ASGI application under uvicorn, with our limits and our logs."""

from __future__ import annotations

import gc
import logging
import socket

import uvicorn

from domain.errors import BadSetup

KEEP_ALIVE_SECONDS = 15
SHUTDOWN_SECONDS = 20
CONNECTIONS = 2000
BACKLOG = 2048
# What a call leaves behind is freed by counting references; the few cycles can wait. With
# Python's own thresholds the collector walks everything loaded, for some 20 ms, again and
# again while calls wait.
GARBAGE_THRESHOLDS = (50_000, 20, 20)


class _CutIsNoError(logging.Filter):
    """A stream that we cut on purpose ends without its last piece; `call.cut` says why."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "without completing response" not in record.getMessage()


def serve(application: object, *, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; `BadSetup` if the port is taken."""
    logging.getLogger("uvicorn.error").addFilter(_CutIsNoError())
    listener = bound(host, port)
    config = uvicorn.Config(
        application,  # type: ignore[arg-type]  # our scope is a mapping, as ASGI says
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        limit_concurrency=CONNECTIONS,
        backlog=BACKLOG,
    )
    server = uvicorn.Server(config)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    try:
        server.run(sockets=[listener])
    finally:
        listener.close()
    if not server.started:
        msg = "The process could not start; the log lines above say why."
        raise BadSetup(msg)


def bound(host: str, port: int) -> socket.socket:
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
            "or choose another with CLAWBOT_PORT or CLAWBOT_PROXY_PORT."
        )
        raise BadSetup(msg) from error
    return listener
