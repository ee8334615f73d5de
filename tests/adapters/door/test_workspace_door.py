"""What the api learns of bots' folders through the worker's door."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from uuid import UUID, uuid4

import pytest
from starlette.routing import Route

from adapters.door.client import DoorClient
from adapters.door.serving import open_door
from adapters.door.workspace_routes import workspace_routes
from application.workspace_store import ShownFile, ShownWorkspace
from domain.errors import NotFound, Unavailable
from domain.workspace.notes import note
from domain.workspace.rendered import Area
from tests.adapters.door.given import SECRET

BOT = uuid4()
SHOWN = ShownWorkspace(
    files=(ShownFile(area=Area.CONFIG, path="openclaw.json", text="{}"),),
    revision="abc",
    in_step=True,
    notes=(note("channel-twice", "telegram"),),
)


def shown(bot_id: UUID) -> ShownWorkspace:
    if bot_id != BOT:
        raise NotFound
    return SHOWN


@asynccontextmanager
async def opening() -> AsyncIterator[list[Route]]:
    yield list(workspace_routes(shown, SECRET))


def test_a_workspace_comes_through_the_door_as_it_is() -> None:
    with open_door(opening, host="127.0.0.1", port=0) as port:
        url = f"http://127.0.0.1:{port}"
        with closing(DoorClient(url, SECRET)) as client:
            assert client.workspace(BOT) == SHOWN
            with pytest.raises(NotFound):
                client.workspace(uuid4())
        with closing(DoorClient(url, b"x" * 32)) as stranger, pytest.raises(Unavailable):
            stranger.workspace(BOT)
