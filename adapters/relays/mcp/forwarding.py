"""Plugins that run elsewhere: asked over HTTP, with the credential that the bot has not.

Streamable HTTP passes as it is; only headers that the protocol knows go either way. Only a
public https address is asked, or one that the operator has listed in EGRESS_ALLOW.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from uuid import UUID

import httpx2
from starlette.requests import Request
from starlette.responses import Response

from adapters.relays.masked import masked, masked_headers, read_body, refuse_odd
from adapters.relays.mcp.servers import Owned
from adapters.relays.mcp.sessions import UNDER_WAY, Busy
from adapters.relays.outbound import Ask, Outbound
from adapters.relays.streamed import Streamed, while_listened
from domain.destinations import parse_base_url
from domain.errors import Conflict
from domain.key_mask import mask_of
from domain.mcp import SESSION, VERSION
from domain.plugin_launch import Asked

LARGEST_BODY = 4 * 1024 * 1024
SILENT_SECONDS = 600.0  # a stream that nobody listens to any more is let go then
SHORTEST_MASKED = 8
PASSED_ON = ("content-type", "accept", SESSION, VERSION, "last-event-id")
PASSED_BACK = ("content-type", SESSION, "retry-after", "allow")
NOT_FOR_THE_BOT = {401, 403}  # the credential is ours: nobody else is to sign in

Asking = Callable[[Owned], Awaitable[Asked]]


class CredentialRefused(Conflict):
    """The plugin's server refuses its credential; whoever set it must look at it."""

    code = "upstream-refused-credential"


class Forwarding:
    """Asks servers elsewhere for bots; lives in the door's loop."""

    def __init__(self, outbound: Outbound, asking: Asking) -> None:
        self._outbound = outbound
        self._asking = asking
        self._under_way: Counter[UUID] = Counter()

    async def answer(self, request: Request, owned: Owned) -> Response:
        """What it answers; `Busy`, `Unreachable`, `TooSlow`, `CredentialRefused`."""
        if self._under_way[owned.install.id] >= UNDER_WAY:
            raise Busy
        asked = await self._asking(owned)
        base = parse_base_url(asked.url)
        headers = {
            name: request.headers[name] for name in PASSED_ON if name in request.headers
        }
        ask = Ask(
            origin=self._outbound.allowed(asked.url),
            method=request.method,
            target=base.path or "/",
            headers=headers | {name.lower(): one for name, one in asked.headers.items()},
            body=await read_body(request, LARGEST_BODY),
        )
        stack = AsyncExitStack()
        self._under_way[owned.install.id] += 1
        stack.callback(self._over, owned.install.id)
        try:
            coming = self._outbound.answer(ask, seconds=SILENT_SECONDS)
            answer = await while_listened(request, stack.enter_async_context(coming))
            _refuse_odd(answer)
        except BaseException:
            await stack.aclose()
            raise
        masks = [mask_of(one.encode()) for one in _secrets(asked)]
        back = masked_headers(answer, PASSED_BACK, masks)
        pieces = masked(answer, masks)
        return Streamed(pieces, answer.status_code, back, closing=stack.aclose)

    def _over(self, install_id: UUID) -> None:
        self._under_way[install_id] -= 1
        if not self._under_way[install_id]:
            del self._under_way[install_id]


def _refuse_odd(answer: httpx2.Response) -> None:
    if answer.status_code in NOT_FOR_THE_BOT:
        raise CredentialRefused
    refuse_odd(answer)


def _secrets(asked: Asked) -> list[str]:
    """What may be a credential, whole and without the word that stands before it."""
    values = [
        part for value in asked.headers.values() for part in (value, *value.split()[-1:])
    ]
    return [one for one in dict.fromkeys(values) if len(one) >= SHORTEST_MASKED]
