"""What the proxy sends through the door for bots, and the trial of channels for the api."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.door import shapes
from adapters.door.engine_routes import said
from adapters.door.guard import Answering, guarded
from adapters.relays.channel.relay import ChannelRelaying
from adapters.relays.channel.trying import ChannelTrying
from adapters.relays.mcp.relay import McpRelaying
from domain.door_passes import DoorPass, Purpose

RELAYED = "x-clawbot-relayed"  # tells a relay's answer from the door's own


def channel_routes(
    relaying: ChannelRelaying, trying: ChannelTrying, secret: bytes
) -> Sequence[Route]:
    """The routes about channels."""

    async def test(request: Request, _pass: DoorPass) -> Response:
        wanted = request.path_params
        verdict = await trying.test(wanted["bot_id"], wanted["channel_id"])
        return said(shapes.VERDICT, verdict)

    return [
        Route(
            "/channel/{type}/{channel_id:uuid}/{version:int}/{path:path}",
            guarded(Purpose.CHANNEL, secret, marked(relaying.answer)),
            methods=["GET", "POST"],
        ),
        Route(
            "/channels/{bot_id:uuid}/{channel_id:uuid}/test",
            guarded(Purpose.ENGINE, secret, test),
            methods=["POST"],
        ),
    ]


def marked(answering: Answering) -> Answering:
    """The same answers, which say that a relay gave them."""

    async def answer(request: Request, names: DoorPass) -> Response:
        response = await answering(request, names)
        response.headers[RELAYED] = "1"
        return response

    return answer


def mcp_routes(relaying: McpRelaying, secret: bytes) -> Sequence[Route]:
    """The route of plugins."""
    answering = guarded(Purpose.MCP, secret, marked(relaying.answer))
    return [Route("/mcp/{slug}", answering, methods=["GET", "POST", "DELETE"])]
