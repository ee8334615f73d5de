"""What is said to bytes that are no request: a status, and nothing of what came."""

from __future__ import annotations

import json
from http import HTTPStatus
from uuid import uuid4

_CODES = {
    400: "malformed",
    408: "too-slow",
    414: "target-too-long",
    431: "headers-too-large",
    500: "internal",
    503: "too-many-connections",
}
_TITLES = {
    400: "This is not HTTP as it is served here",
    408: "The request took too long to arrive",
    414: "The path with its query is too long",
    431: "The headers are too large or too many",
    500: "Something went wrong here",
    503: "There are too many connections",
}


class Refusal(Exception):
    """The connection ends with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(_TITLES[status])
        self.status = status


def answer_to(status: int, *, with_body: bool = True) -> bytes:
    """The whole answer, as a problem (RFC 9457); the connection is closed behind it."""
    request_id = str(uuid4())
    problem = {
        "type": "about:blank",
        "title": _TITLES[status],
        "status": status,
        "code": _CODES[status],
        "request_id": request_id,
    }
    body = json.dumps(problem).encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        "content-type: application/problem+json\r\n"
        f"content-length: {len(body)}\r\n"
        f"x-request-id: {request_id}\r\n"
        "x-content-type-options: nosniff\r\n"
        "cache-control: no-store\r\n"
        "connection: close\r\n\r\n"
    )
    return head.encode() + (body if with_body else b"")
