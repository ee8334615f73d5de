"""The outermost layer: every answer has a request id and safe headers, whatever happens.

The request id is the caller's own if it is sane, and the correlation id of every event that
the request leads to.
"""

from __future__ import annotations

import logging
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem

LONGEST_REQUEST_ID = 128

log = logging.getLogger(__name__)


class Edge:
    """Names the request, and answers for what fell through."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope))
        scope.setdefault("state", {})["request_id"] = request_id
        started = False

        async def send_named(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Cache-Control"] = "no-store"
            await send(message)

        try:
            await self._app(scope, receive, send_named)
        except Exception as error:
            log.exception("request.failed", extra={"request_id": request_id})
            if started:  # too late for an answer: the connection is cut instead
                raise
            await problem(error, scope)(scope, receive, send_named)


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    sane = given.isascii() and given.isprintable() and " " not in given
    return given if sane and 0 < len(given) <= LONGEST_REQUEST_ID else str(uuid4())
