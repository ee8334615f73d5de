"""A Swarm of one node, for tests: our own engine manages it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from docker.types import IPAMConfig, IPAMPool

from adapters.docker.swarm import SwarmEngine
from adapters.docker.transport import EngineAddress
from domain.containers import ContainerState, SeenContainer
from domain.errors import NotFound
from tests.engine.dockerd import Dockerd
from tests.engine.given import Bots, instance, until
from tests.engine.images import BOT_IMAGE

PROXY = "the-proxy"
SERVE = """
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self): self.send_response(204); self.end_headers()
HTTPServer(('0.0.0.0', 3101), Handler).serve_forever()
"""


@dataclass(frozen=True)
class Swarm:
    bots: Bots
    engine: SwarmEngine

    def running(self, **wishes: Any) -> str:
        made = self.engine.create(self.bots.spec(**wishes))
        self.engine.start(made)
        until(lambda: self.seen(made).state is ContainerState.RUNNING, seconds=40)
        return made

    def seen(self, service_id: str) -> SeenContainer:
        return next(
            one for one in self.engine.containers() if one.container_id == service_id
        )

    def container(self, service_id: str) -> str:
        """The container of the service's task."""
        with self.bots.dockerd.client() as client:
            (found,) = client.containers.list(
                filters={"label": f"com.docker.swarm.service.id={service_id}"}
            )
            return str(found.id)

    def asks(self, service_id: str, *arguments: str) -> Any:
        return self.bots.asks(self.container(service_id), *arguments)


@contextmanager
def _proxy(manager: Dockerd) -> Iterator[None]:
    """A container that stands for the proxy's, with a port of its own and no more."""
    with manager.client() as client:
        made = client.containers.run(
            BOT_IMAGE, ["python3", "-c", SERVE], name=PROXY, detach=True, network="front"
        )
        try:
            yield
        finally:
            made.remove(force=True)


@contextmanager
def managing(dockerd: Dockerd) -> Iterator[Dockerd]:
    """The engine manages a Swarm."""
    pool = IPAMConfig(pool_configs=[IPAMPool(subnet="10.98.0.0/24")])
    with dockerd.client() as client:
        client.swarm.init(
            advertise_addr="127.0.0.1",
            listen_addr="127.0.0.1:2377",
            default_addr_pool=["10.217.0.0/16"],
        )
        client.networks.create("front", ipam=pool)
        yield dockerd
        client.swarm.leave(force=True)
        client.networks.get("front").remove()


@contextmanager
def swarm_of(manager: Dockerd) -> Iterator[Swarm]:
    """An instance of ours on it; all that it has made is gone afterwards."""
    folder = manager.new_folder()
    with (
        manager.room.inside(),
        _proxy(manager),
        instance(manager, folder, proxy_port=3101, timeout_seconds=60) as bots,
    ):
        address = EngineAddress(host=manager.url)
        engine = SwarmEngine(bots.setup, address, proxy_container=PROXY)
        try:
            yield Swarm(bots, engine)
        finally:
            for orphan in engine.orphans(frozenset()):
                # A Swarm takes a network away by itself once nothing is on it.
                with suppress(NotFound):
                    engine.discard(orphan)
            engine.close()
