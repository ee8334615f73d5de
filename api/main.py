"""The `api` process: the control plane, with the proxy in front unless told otherwise."""

from __future__ import annotations

import contextlib

from adapters.bootstrap import erasures
from adapters.bootstrap.control_plane import ControlPlane, control_plane
from adapters.metrics.numbers import ProcessNumbers
from adapters.prices import shipped_price_book
from adapters.serving import limits_of, serve
from adapters.settings import Settings
from adapters.team_prices import TeamPriceBook
from api.app import create_app
from api.erasing import erase_person
from proxy.app import Application, in_front_of
from proxy.incoming import PREFIX, Receive, Scope, Send
from proxy.main import running_proxy
from proxy.metrics import with_metrics
from proxy.rehearsal import Rehearsal


def application(settings: Settings, url: str, *, proxy: bool) -> Application:
    """The ASGI application; its lifespan starts and stops what is behind it."""
    running: dict[str, Application] = {}

    async def lifespan(receive: Receive, send: Send) -> None:
        async with contextlib.AsyncExitStack() as stack:
            await receive()
            system = stack.enter_context(control_plane(settings, url))
            for user_id in erasures.owed(system.erasures, url):
                erase_person(system, user_id, by=erasures.BY)
            numbers = ProcessNumbers("api")
            numbers.look_at(system.readiness)
            app: Application = with_metrics(
                create_app(system, _rehearsal(system)),
                numbers,
                token=settings.metrics_token,
            )
            if proxy:
                calls = running_proxy(settings, url, numbers)
                app = in_front_of(app, await stack.enter_async_context(calls))
            running["app"] = app
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await lifespan(receive, send)
        else:
            await running["app"](scope, receive, send)

    return app


def _rehearsal(system: ControlPlane) -> Rehearsal:
    """The proxy's own routing, for what is only tried out."""
    return Rehearsal(
        vendors=system.catalog,
        catalog=system.routing_catalog,
        prices_in=lambda table: TeamPriceBook(shipped_price_book(), table.prices.of),
    )


def main(settings: Settings, url: str, *, proxy: bool) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are finished first."""
    serve(
        application(settings, url, proxy=proxy),
        host=settings.clawbot_host,
        port=settings.clawbot_port,
        limits=limits_of(settings, upgrades_below=PREFIX if proxy else None),
    )
