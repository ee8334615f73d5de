"""What passes from elsewhere to a bot: capped, and without the secret that was sent."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Sequence

import httpx2
from starlette.requests import Request

from adapters.relays.outbound import Unreachable
from adapters.relays.streamed import Cut
from domain.errors import Refused
from domain.key_mask import KeyMask

LARGEST_ANSWER = 32 * 1024 * 1024
REDIRECTS = range(300, 400)


class BodyTooLarge(Refused):
    """The body is larger than it may be."""

    code = "body-too-large"


def refuse_odd(answer: httpx2.Response) -> None:
    """No redirect is followed, and what is coded could hide a secret: `Unreachable`."""
    if answer.status_code in REDIRECTS or "content-encoding" in answer.headers:
        raise Unreachable


def masked_headers(
    answer: httpx2.Response, names: Collection[str], masks: Sequence[KeyMask]
) -> dict[str, str]:
    """The first of each of these names that the answer has, its bytes as they came."""
    passing: dict[str, str] = {}
    for raw, value in answer.headers.raw:
        name, shown = raw.decode("latin-1").lower(), value
        for mask in masks:
            shown = mask.whole(shown)
        if name in names:
            passing.setdefault(name, shown.decode("latin-1"))
    return passing


async def masked(
    answer: httpx2.Response, masks: Sequence[KeyMask]
) -> AsyncGenerator[bytes, None]:
    """The body as it comes; `Cut` behind 32 MiB, or where it breaks off."""
    size = 0
    try:
        async for piece in answer.aiter_raw():
            size += len(piece)
            if size > LARGEST_ANSWER:
                raise Cut
            passing = piece
            for mask in masks:
                passing = mask.feed(passing)
            if passing:
                yield passing
    except httpx2.HTTPError as error:
        raise Cut from error
    rest = b""
    for mask in masks:
        rest = mask.feed(rest) + mask.flush()
    if rest:
        yield rest


async def read_body(request: Request, largest: int) -> bytes:
    """The whole body of a request; `BodyTooLarge`."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > largest:
            raise BodyTooLarge
    return bytes(body)
