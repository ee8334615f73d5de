"""The engine of the tests itself: what other tests take for granted."""

from __future__ import annotations

import json
import socket

import pytest

from tests.engine.dockerd import Dockerd
from tests.engine.images import BOT_IMAGE, BREAKOUT_IMAGE

pytestmark = pytest.mark.xdist_group("dockerd")


def test_both_images_run(engine_room: Dockerd) -> None:
    with engine_room.client() as client:
        sees = client.containers.run(
            BREAKOUT_IMAGE, ["python3", "/app/breakout.py", "fork", "3"]
        )
        assert json.loads(sees) == {"children": 3}
        imports = ["python3", "-c", "import openai; print(openai.__name__)"]
        assert client.containers.run(BOT_IMAGE, imports, remove=True) == b"openai\n"


def test_a_test_in_the_room_has_another_loopback_address(dockerd: Dockerd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as outside:
        address = outside.getsockname()
        socket.create_connection(address).close()
        with dockerd.room.inside(), pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)
        socket.create_connection(address).close()
