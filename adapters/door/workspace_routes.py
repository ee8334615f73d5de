"""What the api asks through the door about bots' folders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.door import shapes
from adapters.door.engine_routes import said
from adapters.door.guard import guarded
from application.workspace_store import ShownWorkspace
from domain.door_passes import DoorPass, Purpose


def workspace_routes(
    shown: Callable[[UUID], ShownWorkspace], secret: bytes
) -> Sequence[Route]:
    """The route, for a pass of the purpose `engine`; `shown` is asked in a thread."""

    async def workspace(request: Request, _pass: DoorPass) -> Response:
        bot_id: UUID = request.path_params["bot_id"]
        return said(shapes.WORKSPACE, await to_thread.run_sync(shown, bot_id))

    answering = guarded(Purpose.ENGINE, secret, workspace)
    return [Route("/workspaces/{bot_id:uuid}", answering, methods=["GET"])]
