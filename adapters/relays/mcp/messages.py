"""JSON-RPC 2.0 messages, one a line, as MCP servers read and write them."""

from __future__ import annotations

from typing import Any

import orjson

from domain.errors import Invalid
from domain.mcp import OURS

Message = dict[str, Any]
Id = str | int


class NotAMessage(Invalid):
    """The body is not one JSON-RPC 2.0 message."""


def read_message(text: bytes) -> Message:
    """The message; `NotAMessage`. Batches went with protocol version 2025-06-18."""
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise NotAMessage from error
    if not isinstance(said, dict) or said.get("jsonrpc") != "2.0":
        raise NotAMessage
    method, number = said.get("method"), said.get("id")
    if not isinstance(method, str) and "method" in said:
        raise NotAMessage
    if not isinstance(number, str | int | None):
        raise NotAMessage
    if isinstance(number, bool) or (method is None and number is None):
        raise NotAMessage
    if not isinstance(said.get("params", {}), dict):
        raise NotAMessage
    return said


def line(message: Message) -> bytes:
    """The message as a line."""
    return orjson.dumps(message) + b"\n"


def is_request(message: Message) -> bool:
    """Whether it wants an answer."""
    return "method" in message and message.get("id") is not None


def notification(method: str, **params: object) -> Message:
    return {"jsonrpc": "2.0", "method": method, "params": params}


def failure(number: Id | None, text: str, *, code: str, kind: int = OURS) -> Message:
    """The answer to a request that has failed on our side."""
    error = {"code": kind, "message": text, "data": {"code": code}}
    return {"jsonrpc": "2.0", "id": number, "error": error}
