"""The `proxy` process: the data plane alone, on its own port. Bots are given this one."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable

from adapters.bootstrap.data_plane import data_plane
from adapters.bootstrap.watching import gauges_of, watching
from adapters.metrics.numbers import ProcessNumbers, proxy_numbers
from adapters.serving import limits_of, serve
from adapters.settings import Settings
from proxy.admission import Admission
from proxy.alone import alone
from proxy.app import Application, Proxy, in_front_of
from proxy.attempts import Parts
from proxy.incoming import PREFIX, Receive, Scope, Send
from proxy.latencies import Latencies
from proxy.metrics import with_metrics
from proxy.relaying import LIMITS, Relaying
from proxy.router import Router
from proxy.upstream import Upstream


@contextlib.asynccontextmanager
async def running_proxy(
    settings: Settings, url: str, numbers: ProcessNumbers
) -> AsyncIterator[Proxy]:
    """The proxy in the running event loop, until the block ends; it counts in `numbers`."""
    async with (
        watching(settings, numbers) as watch,
        data_plane(settings, url, watch) as plane,
    ):
        numbers.add(*gauges_of(plane.meter, plane.routes))
        upstream = Upstream(plane.resolver)
        admission = Admission(
            plane.routes,
            plane.catalog,
            token_key=plane.token_key,
            pass_key=plane.pass_key,
        )
        latencies = Latencies()
        router = Router(admission, plane.routing, plane.prices, latencies)
        parts = Parts(
            meter=plane.meter,
            vault=plane.vault,
            upstream=upstream,
            prices=plane.prices,
            limits=plane.limits,
            latencies=latencies,
            router=router,
            watch=watch,
        )
        to_worker = Upstream(plane.worker_resolver, limits=LIMITS)
        relaying = Relaying(
            admission, to_worker, worker_url=plane.worker_url, door_key=plane.door_key
        )
        try:
            yield Proxy(admission, parts, relaying)
        finally:
            await to_worker.close()
            await upstream.close()


def application(settings: Settings, url: str) -> Application:
    """The ASGI application; its lifespan starts and stops the data plane."""
    running: dict[str, Application] = {}

    async def lifespan(receive: Receive, send: Send) -> None:
        async with contextlib.AsyncExitStack() as stack:
            await receive()
            numbers = proxy_numbers(settings)
            calls = running_proxy(settings, url, numbers)
            proxy = await stack.enter_async_context(calls)
            rest = with_metrics(alone(proxy.current), numbers, token=settings.metrics_token)
            running["proxy"] = in_front_of(rest, proxy)
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    def app(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "lifespan":
            return lifespan(receive, send)
        return running["proxy"](scope, receive, send)

    return app


def main(settings: Settings, url: str, *, listener: socket.socket | None = None) -> None:
    """Serve until SIGTERM or SIGINT; calls under way are finished first.

    `listener` is an address that several proxies share; without it one is bound.
    """
    serve(
        application(settings, url),
        host=settings.clawbot_proxy_host,
        port=settings.clawbot_proxy_port,
        limits=limits_of(settings, upgrades_below=PREFIX),
        listener=listener,
    )
