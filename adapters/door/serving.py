"""Serves the door in a thread of its own, with an event loop of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import partial

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from adapters.http import Connection, HttpLimits, Peers
from adapters.serving import bound
from domain.errors import BadSetup, Unavailable

STARTING_SECONDS = 15.0
STOPPING_SECONDS = 3  # for what is under way; streams have no end of their own
LOOK_SECONDS = 0.02
AGAIN_SECONDS = 2.0
PATIENT = HttpLimits(connections=4000, keep_alive_seconds=75)

log = logging.getLogger(__name__)

Opening = Callable[[], AbstractAsyncContextManager[list[Route]]]


@contextmanager
def open_door(opening: Opening, *, host: str, port: int) -> Iterator[int]:
    """The routes answer until the block ends: on which port.

    They are opened and closed in the door's own loop. `BadSetup`: the port is taken;
    `Unavailable`: they could not be opened.
    """
    listener = bound(host, port, setting="CLAWBOT_WORKER_PORT")
    server = uvicorn.Server(_config(application(opening)))
    failed: list[BaseException] = []

    def serve() -> None:
        try:
            server.run(sockets=[listener])
        except BaseException as error:  # noqa: BLE001  # told to who waits for the start
            failed.append(error)

    thread = threading.Thread(target=serve, name="door")
    thread.start()
    try:
        _wait_for(server, thread)
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@contextmanager
def door_when_free(opening: Opening, *, host: str, port: int) -> Iterator[None]:
    """The door is open until the block ends; while it cannot be, that is tried again."""
    over = threading.Event()
    thread = threading.Thread(
        target=_keep_open, args=(opening, host, port, over), name="door-keeper"
    )
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _keep_open(opening: Opening, host: str, port: int, over: threading.Event) -> None:
    waits = False
    while not over.is_set():
        try:
            with open_door(opening, host=host, port=port) as reached:
                log.info("door.open", extra={"port": reached})
                waits = False
                over.wait()
        except (BadSetup, Unavailable) as error:
            if not waits:
                log.warning("door.waits", extra={"error": str(error)})
            waits = True
            over.wait(AGAIN_SECONDS)


def application(opening: Opening) -> Starlette:
    """The routes as an application, whose lifespan opens and closes them."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with opening() as routes:
            app.router.routes.extend(routes)
            yield

    return Starlette(lifespan=lifespan)


def _wait_for(server: uvicorn.Server, thread: threading.Thread) -> None:
    ends_at = time.monotonic() + STARTING_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > ends_at:
            msg = "the door does not open; the log lines above say why"
            raise Unavailable(msg)
        time.sleep(LOOK_SECONDS)


def _config(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="asyncio",  # child processes of the relays are started and reaped here
        interface="asgi3",
        http=partial(Connection, limits=PATIENT, peers=Peers(PATIENT)),  # type: ignore[arg-type]  # it is called like the class
        ws="none",
        lifespan="on",
        access_log=False,  # a path may hold what stands for a token
        log_config=None,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=STOPPING_SECONDS,
    )
