"""What a proxy without a control plane says to everything that is not a call."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import orjson

from proxy.app import Application
from proxy.incoming import Receive, Scope, Send


def alone(current: Callable[[], bool]) -> Application:
    """Its health; all else is a problem (RFC 9457): there is nothing.

    `current`: whether the log's head was confirmed lately. Without that calls are answered
    503, and so is `/health/ready`.
    """

    def said_to(path: bytes, request_id: str) -> tuple[bytes, int, dict[str, object]]:
        if path == b"/health":
            return b"application/json", 200, {"status": "ok"}
        if path != b"/health/ready":
            return b"application/problem+json", 404, _nothing_there(request_id)
        if current():
            return b"application/json", 200, {"status": "ready"}
        return b"application/json", 503, {"status": "not-ready"}

    async def application(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        request_id = str(uuid4())
        kind, status, said = said_to(scope["raw_path"], request_id)
        headers = [
            (b"content-type", kind),
            (b"x-content-type-options", b"nosniff"),
            (b"x-request-id", request_id.encode()),
        ]
        start = {"type": "http.response.start", "status": status, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": orjson.dumps(said)})

    return application


def _nothing_there(request_id: str) -> dict[str, object]:
    return {
        "type": "urn:clawbot:problem:not-found",
        "title": "Not Found",
        "status": 404,
        "detail": "Calls go to /api/v1/{vendor}/; the control plane has another port.",
        "code": "not-found",
        "request_id": request_id,
    }
