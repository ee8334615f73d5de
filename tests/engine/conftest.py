"""The engine's tests run in the engine's room, on one machine with a world around it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine.dockerd import Dockerd
from tests.engine.given import Bots, answering, instance
from tests.engine.swarm_room import Swarm, managing, swarm_of
from tests.engine.world import world_around


@pytest.fixture(scope="session")
def world(dockerd: Dockerd) -> Iterator[None]:
    """The internet, a neighbour in the LAN and a metadata service answer."""
    with world_around(dockerd.room):
        yield


@pytest.fixture(scope="module")
def manager(dockerd: Dockerd, world: None) -> Iterator[Dockerd]:
    """The engine manages a Swarm of one node."""
    del world
    with managing(dockerd):
        yield dockerd


@pytest.fixture
def swarm(manager: Dockerd) -> Iterator[Swarm]:
    """An instance of ours whose bots are services."""
    with swarm_of(manager) as made:
        yield made


@pytest.fixture
def proxy_port(engine_room: Dockerd) -> Iterator[int]:
    """A proxy of no brain listens on the loopback address of the engine's machine."""
    del engine_room
    with answering(("127.0.0.1", 0)) as port:
        yield port


@pytest.fixture
def bots(engine_room: Dockerd, proxy_port: int) -> Iterator[Bots]:
    """An instance of ours whose bots may reach the proxy."""
    folder = engine_room.new_folder()
    with instance(engine_room, folder, proxy_port=proxy_port) as made:
        yield made
