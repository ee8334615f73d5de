"""The `proxy` process: the data plane alone, on its own port. Bots are given this one."""

from __future__ import annotations

import contextlib

from adapters.bootstrap.data_plane import data_plane
from adapters.serving import serve
from adapters.settings import Settings
from proxy.app import Application, alone, in_front_of
from proxy.incoming import Receive, Scope, Send


def application(settings: Settings, url: str) -> Application:
    """The ASGI application; its lifespan starts and stops the data plane."""
    running: dict[str, Application] = {}

    async def lifespan(receive: Receive, send: Send) -> None:
        async with contextlib.AsyncExitStack() as stack:
            await receive()
            plane = await stack.enter_async_context(data_plane(settings, url))
            running["proxy"] = in_front_of(alone, plane.proxy)
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await lifespan(receive, send)
        else:
            await running["proxy"](scope, receive, send)

    return app


def main(settings: Settings, url: str) -> None:
    """Serve until SIGTERM or SIGINT; calls under way are finished first."""
    serve(
        application(settings, url),
        host=settings.clawbot_proxy_host,
        port=settings.clawbot_proxy_port,
    )
