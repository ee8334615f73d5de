"""Puts a channel's real token into a bot's call, and masks it in what comes back.

The proxy has read the surrogate and made it a pass; here the bot's stream says whether the
channel is still there. Only the channel's own origin is reached, or the one that its
`apiRoot` names (a Bot API server of one's own): the token was given for it, and is bound
to it in the vault.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from adapters.door.guard import code_of, status_of, words_of
from adapters.relays.bots import Bots, opened
from adapters.relays.masked import masked, masked_headers, refuse_odd
from adapters.relays.outbound import Ask, Outbound
from adapters.relays.streamed import Streamed, while_listened
from application.equipment import channel_ref
from application.ports import OpenVault
from domain.channel_relays import RELAYS, ChannelRelay, TokenPlace, error_body
from domain.door_passes import DoorPass
from domain.equipment import BotChannel, item_of
from domain.errors import (
    Conflict,
    Forbidden,
    LimitReached,
    NotFound,
    Refused,
    Unauthenticated,
    Unavailable,
)
from domain.key_mask import mask_of

AT_ONCE = 16  # calls of one channel
READ_FIRST = 1024 * 1024  # a body that is known to be larger is passed on as it comes
PASSED_BACK = ("content-type", "content-length", "retry-after", "content-disposition")


class ChannelIsOff(Forbidden):
    """The channel is disconnected: nothing is relayed."""

    code = "channel-is-disconnected"


class CallNotAllowed(Forbidden):
    """The relay does not let a bot make this call."""

    code = "path-not-allowed"


class NoCredential(Conflict):
    """The channel has no credential that can be used for this call."""

    code = "missing-credential"


class ManyAtOnce(LimitReached):
    """The channel has 16 calls under way already."""


class ChannelRelaying:
    """Relays the calls of channels; lives in the door's loop."""

    def __init__(self, bots: Bots, vault: OpenVault, outbound: Outbound) -> None:
        self._bots = bots
        self._vault = vault
        self._outbound = outbound
        self._under_way: Counter[UUID] = Counter()

    async def answer(self, request: Request, names: DoorPass) -> Response:
        """The channel's answer to the call, or ours in its software's words."""
        channel_type = request.path_params["type"]
        try:
            return await self._answer(request, names)
        except (Refused, Unavailable) as error:
            status = status_of(error)
            body = error_body(
                channel_type, status=status, code=code_of(error), message=words_of(error)
            )
            return Response(body, status, media_type="application/json")

    async def _answer(self, request: Request, names: DoorPass) -> Response:
        wanted = request.path_params
        relay = RELAYS.get(wanted["type"])
        if relay is None:
            raise NotFound
        bot = await self._bots.served(names)
        channel = _channel_of(item_of(bot.equipment.channels, wanted["channel_id"]), wanted)
        if not relay.allows(request.method, wanted["path"]):
            raise CallNotAllowed
        secrets = await opened(self._vault, channel_ref(names.team_id, channel))
        token = secrets.get(relay.field_for(wanted["path"]), "")
        if not relay.takes(token):
            raise NoCredential
        if self._under_way[channel.id] >= AT_ONCE:
            raise ManyAtOnce
        ask = Ask(
            origin=self._outbound.allowed(_root_of(channel) or relay.origin),
            method=request.method,
            target=_target(relay, request, token),
            headers=_headers(relay, request, token),
            body=await _body(request),
        )
        return await self._asked(request, ask, channel.id, token)

    async def _asked(
        self, request: Request, ask: Ask, channel_id: UUID, token: str
    ) -> Response:
        """The call is under way until the answer's last piece, or until nobody listens."""
        stack = AsyncExitStack()
        self._under_way[channel_id] += 1
        stack.callback(self._over, channel_id)
        try:
            coming = stack.enter_async_context(self._outbound.answer(ask))
            whole = isinstance(ask.body, bytes)
            answer = await (while_listened(request, coming) if whole else coming)
            refuse_odd(answer)
        except BaseException:
            await stack.aclose()
            raise
        masks = (mask_of(token.encode("ascii")),)
        headers = masked_headers(answer, PASSED_BACK, masks)
        pieces = masked(answer, masks)
        return Streamed(pieces, answer.status_code, headers, closing=stack.aclose)

    def _over(self, channel_id: UUID) -> None:
        self._under_way[channel_id] -= 1
        if not self._under_way[channel_id]:
            del self._under_way[channel_id]


def _channel_of(channel: BotChannel | None, wanted: Mapping[str, object]) -> BotChannel:
    """The channel, if the surrogate still stands for it."""
    if channel is None or channel.channel_type != wanted["type"]:
        raise NotFound
    if channel.secret_version != wanted["version"]:
        raise Unauthenticated
    if not channel.connected:
        raise ChannelIsOff
    return channel


def _root_of(channel: BotChannel) -> str | None:
    root = json.loads(channel.config).get("apiRoot")
    return root if isinstance(root, str) else None


def _target(relay: ChannelRelay, request: Request, token: str) -> str:
    target = relay.target(request.path_params["path"], token)
    query = request.scope["query_string"].decode("latin-1")
    if not all("!" <= letter <= "~" and letter != "#" for letter in query):
        raise CallNotAllowed
    return f"{target}?{query}" if query else target


def _headers(relay: ChannelRelay, request: Request, token: str) -> dict[str, str]:
    """What goes out: built, not copied."""
    passing = ("content-type", "content-length", "accept")
    headers = {name: request.headers[name] for name in passing if name in request.headers}
    if relay.token_in is TokenPlace.BEARER:
        headers["authorization"] = f"Bearer {token}"
    return headers


async def _body(request: Request) -> bytes | AsyncIterator[bytes]:
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) <= READ_FIRST:
        return await request.body()
    if length or "transfer-encoding" in request.headers:
        return request.stream()
    return b""
