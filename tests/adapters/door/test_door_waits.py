"""Of several workers on one machine one has the door, and when that ends another."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from adapters.door.serving import Opening, door_when_free, open_door
from domain.errors import BadSetup


def saying(name: str) -> Opening:
    async def who(_request: Request) -> Response:
        return PlainTextResponse(name)

    @asynccontextmanager
    async def opening() -> AsyncIterator[list[Route]]:
        yield [Route("/who", who)]

    return opening


def who(port: int) -> str:
    ends_at = time.monotonic() + 10
    while True:
        try:
            return httpx2.get(f"http://127.0.0.1:{port}/who", trust_env=False).text
        except httpx2.TransportError:
            assert time.monotonic() < ends_at
            time.sleep(0.05)


def test_the_second_waits_for_the_first_and_takes_its_place(free_port: int) -> None:
    with ExitStack() as second:
        with door_when_free(saying("first"), host="127.0.0.1", port=free_port):
            assert who(free_port) == "first"
            waiting = door_when_free(saying("second"), host="127.0.0.1", port=free_port)
            second.enter_context(waiting)
            assert who(free_port) == "first"
        assert who(free_port) == "second"


def test_a_port_that_is_taken_is_told_with_the_setting_that_moves_the_door(
    free_port: int,
) -> None:
    with (
        open_door(saying("first"), host="127.0.0.1", port=free_port),
        pytest.raises(BadSetup, match=r"another with CLAWBOT_WORKER_PORT\.$"),
        open_door(saying("second"), host="127.0.0.1", port=free_port),
    ):
        pass
