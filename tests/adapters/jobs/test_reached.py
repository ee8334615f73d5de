"""A RabbitMQ that is away is known to be."""

from __future__ import annotations

import socket

import pytest

from adapters.bootstrap.control_plane import control_plane
from adapters.bootstrap.instance import prepare
from adapters.jobs import reached
from adapters.jobs.reached import RabbitmqLook
from adapters.settings import Settings
from application.readiness import Dependency
from tests.adapters.jobs.given import MASTER_KEY

AWAY = Dependency(name="rabbitmq", ready=False, needed=False)
THERE = Dependency(name="rabbitmq", ready=True, needed=False)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reached, "BELIEVED_SECONDS", 0.0)


@pytest.mark.usefixtures("at_once")
def test_it_is_there_while_it_takes_connections(free_port: int) -> None:
    look = RabbitmqLook(f"amqp://guest:guest@127.0.0.1:{free_port}/%2F").look
    assert look() == AWAY
    with socket.create_server(("127.0.0.1", free_port)):
        assert look() == THERE
    assert look() == AWAY


def test_one_of_several_is_enough_and_what_cannot_be_read_is_away(free_port: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as there:
        port = there.getsockname()[1]
        urls = f"amqp://127.0.0.1:{free_port};amqp://127.0.0.1:{port}"
        assert RabbitmqLook(urls).look() == THERE
    assert RabbitmqLook("amqp://127.0.0.1:none").look() == AWAY


def test_the_control_plane_tells_of_it(database_url: str, free_port: int) -> None:
    url = f"amqp://127.0.0.1:{free_port}"
    settings = Settings(bot_master_key=MASTER_KEY, rabbitmq_url=url)
    prepare(settings, database_url)
    with control_plane(settings, database_url) as plane:
        assert AWAY in plane.readiness.look().dependencies
    without = settings.model_copy(update={"rabbitmq_url": None})
    with control_plane(without, database_url) as plane:
        names = {one.name for one in plane.readiness.look().dependencies}
    assert names == {"database"}
