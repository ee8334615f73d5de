"""Request bodies: read whole, within 1 MiB and a minute, and judged before any route."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem
from api.refusals import BodyTooLarge, Malformed, MediaNotSupported, TooSlow
from api.strict_json import parse
from domain.errors import Refused

LONGEST_BODY = 1024 * 1024
BODY_SECONDS = 60


class Bodies:
    """Lets through what is JSON or nothing; the rest gets 400, 408, 413 or 415."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            body = await _read(Headers(scope=scope), receive)
        except ClientDisconnect:
            return
        except Refused as refused:
            await problem(refused, scope)(scope, receive, send)
            return
        scope["state"]["body"] = body
        await self._app(scope, _again(body, receive), send)


async def _read(headers: Headers, receive: Receive) -> bytes:
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise MediaNotSupported
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise Malformed
    if len(length) > len(str(LONGEST_BODY)) or int(length) > LONGEST_BODY:
        raise BodyTooLarge
    try:
        with anyio.fail_after(BODY_SECONDS):
            body = await _received(receive)
    except TimeoutError as error:
        raise TooSlow from error
    if body:
        if not _is_json(headers.getlist("content-type")):
            raise MediaNotSupported
        parse(body)
    return body


async def _received(receive: Receive) -> bytes:
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part = message.get("body", b"")
        more, size = message.get("more_body", False), size + len(part)
        if size > LONGEST_BODY:
            raise BodyTooLarge
        parts.append(part)
    return b"".join(parts)


def _is_json(types: Sequence[str]) -> bool:
    if len(types) != 1:
        return False
    media, _, parameter = types[0].lower().partition(";")
    charset = parameter.replace(" ", "").replace('"', "")
    return media.strip() == "application/json" and charset in {"", "charset=utf-8"}


def _again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once more, and then what else comes."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
