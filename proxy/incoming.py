"""A call as it came in: whose token, which vendor, which path, what body.

Everything is decided on the raw path and the raw headers, before anything is decoded. The
token is taken out of wherever an SDK put it, and is never seen again.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from domain.catalog import WEBSOCKET
from domain.errors import Refused
from proxy.further_models import further_models
from proxy.realtime import protocols

PREFIX = b"/api/v1/"
UPGRADE = "clawbot.upgrade"  # among a scope's extensions: it asks for a WebSocket
MAX_BODY = 20 * 1024 * 1024
MAX_TARGET = 8 * 1024
LONGEST_MODEL = 200  # characters

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
# How the server tells that the client has closed its side, where it can: an extension of
# the scope, to be given what is to be done then, once.
Leaving = Callable[[Callable[[], None]], None]
LEAVING = "clawbot.leaving"
# How it takes a piece of an answer that has begun without a task waiting, where it can: it
# says whether the next one may come so too; if not, it is to be sent as ASGI has it.
Passing = Callable[[bytes], bool]
PASSING = "clawbot.passing"
# How it takes an answer that is all there without a task waiting, where it can: status,
# headers and body. It says whether it did; if not, it is to be sent as ASGI has it.
Answering = Callable[[int, list[tuple[bytes, bytes]], bytes], bool]
ANSWERING = "clawbot.answering"

# Where the SDKs of the vendors put a credential, in the order in which we look.
TOKEN_HEADERS = (b"authorization", b"x-api-key", b"x-goog-api-key", b"api-key")


class BodyTooLarge(Refused):
    """The body is larger than 20 MiB."""

    code = "body-too-large"


class NotReadable(Refused):
    """The body is not a JSON object with each name once."""

    code = "invalid"


class TargetTooLong(Refused):
    """The path with its query is longer than 8 KiB."""

    code = "invalid"


class CodedBody(Refused):
    """The body has a content-coding; send it as it is."""

    code = "invalid"


class ClientLeft(Exception):
    """The caller hung up before the call was read."""


# Not frozen, like all that is made anew for each call: that would cost a call 3 µs.
@dataclass(kw_only=True, slots=True)
class Incoming:
    """What the request line and the headers say."""

    method: str  # or WEBSOCKET
    vendor: str
    tail: str  # what follows /api/v1/{vendor}/, percent-encoded as it came
    query: bytes  # without `key`
    tokens: tuple[str, ...]
    headers: dict[bytes, bytes]  # credentials taken out
    changed: tuple[str, ...] = ()  # what is no longer as it came


def read_head(scope: Scope) -> Incoming:
    """The call's head; whatever is odd in it is kept as it is, to be refused later."""
    raw_path: bytes = scope["raw_path"]
    vendor, _, tail = raw_path[len(PREFIX) :].partition(b"/")
    pairs: list[tuple[bytes, bytes]] = scope["headers"]
    headers = dict(pairs)
    if len(headers) < len(pairs):
        headers = _joined(pairs)
    tokens = [
        value for name in TOKEN_HEADERS if (value := headers.pop(name, None)) is not None
    ]
    query, key = _without_key(scope["query_string"])
    if key is not None:
        tokens.append(key)
    method = scope["method"]
    if UPGRADE in scope.get("extensions", ()):
        method = WEBSOCKET
        if (token := protocols.take_token(headers)) is not None:
            tokens.append(token)
    return Incoming(
        method=method,
        vendor=vendor.decode("latin-1"),
        tail=tail.decode("latin-1"),
        query=query,
        tokens=tuple([_bare(token) for token in tokens]),
        headers=headers,
    )


def _joined(pairs: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The headers by name; what stands twice is one list (RFC 9110, section 5.2)."""
    headers: dict[bytes, bytes] = {}
    for name, value in pairs:
        headers[name] = headers[name] + b", " + value if name in headers else value
    return headers


def _bare(value: bytes) -> str:
    scheme, _, rest = value.partition(b" ")
    token = rest if scheme.lower() == b"bearer" else value
    return token.strip().decode("latin-1")


def _without_key(query: bytes) -> tuple[bytes, bytes | None]:
    """The query without its `key`, and the first `key` that was in it."""
    if not query:
        return query, None
    kept, found = [], None
    for pair in query.split(b"&"):
        if is_key(pair):
            found = found or unquote_to_bytes(pair.partition(b"=")[2])
        else:
            kept.append(pair)
    return b"&".join(kept), found


def is_key(pair: bytes) -> bool:
    """Whether this part of a query is a credential."""
    return unquote_to_bytes(pair.partition(b"=")[0]) == b"key"


def declared_length(headers: Mapping[bytes, bytes]) -> int | None:
    """The body's length, if that is told; `CodedBody` or `BodyTooLarge`."""
    if headers.get(b"content-encoding", b"identity").strip().lower() != b"identity":
        raise CodedBody
    length = headers.get(b"content-length", b"")
    if not length.isdigit():
        return None
    if int(length) > MAX_BODY:
        raise BodyTooLarge
    return int(length)


async def read_body(headers: dict[bytes, bytes], receive: Receive) -> bytes:
    """The whole body, at most 20 MiB; `ClientLeft` if it breaks off."""
    declared_length(headers)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        if len(body) > MAX_BODY:
            raise BodyTooLarge
        return body
    pieces, size = [], 0
    while message["type"] == "http.request":
        piece = message.get("body", b"")
        size += len(piece)
        if size > MAX_BODY:
            raise BodyTooLarge
        pieces.append(piece)
        if not message.get("more_body"):
            return b"".join(pieces)
        message = await receive()
    raise ClientLeft


_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_text = msgspec.json.Decoder(str)
_SAID = {b"true": True, b"false": False}
# What a call is let through and charged by, and what else is usual. Go reads names in any
# letters' case, so Ollama and other vendors would take `MODEL` for the model.
_USUAL = frozenset({
    "best_of", "fallbacks", "frequency_penalty", "input", "instructions",
    "max_completion_tokens",
    "max_output_tokens", "max_tokens", "messages", "metadata", "model", "models", "n",
    "options", "parallel_tool_calls", "presence_penalty", "prompt", "reasoning",
    "reasoning_effort", "response_format", "seed", "service_tier", "speed", "stop", "store",
    "stream", "stream_options", "system", "temperature", "text", "thinking", "tool_choice",
    "tools", "top_p", "user",
})  # fmt: skip


@dataclass(kw_only=True, slots=True)
class Asked:
    """What the body of a JSON call asks for."""

    model: str | None = None
    stream: bool | None = None  # None: it does not say
    stream_format: bytes = b""  # as it stands in the body
    # Whether it may have `stream_options`, or has nothing that they could follow.
    stream_options: bool = field(default=True, compare=False)
    others: tuple[str, ...] = ()  # models that the vendor may take instead of that one


NOTHING_ASKED = Asked()


def read_json(body: bytes, *, any_case: bool = False) -> Asked:
    """Model and streaming, from the top level; `NotReadable` if it is not an object.

    A name that stands twice, or in capitals, would be one thing to us and another to the
    vendor (`any_case`: one that names things its own way may mean capitals). What is nested
    about a thousand levels deep is not readable either. Without a model, the first of its
    list of models is meant (OpenRouter, "Model fallbacks").
    """
    try:
        fields = _object.decode(body)
        model = _text.decode(fields["model"]) if "model" in fields else None
        further = "models" in fields or "fallbacks" in fields
        others = further_models(fields) if further else ()
        repeats = not (_compact(fields, body) or _spaced(fields, body)) and _repeats(body)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise NotReadable from error
    if repeats or not is_name(model or ""):
        raise NotReadable
    if others and not all(map(is_name, others)):
        raise NotReadable
    if not (_USUAL.issuperset(fields) or any_case) and any(map(_is_disguised, fields)):
        raise NotReadable
    return Asked(
        model=others[0] if model is None and others else model,
        others=others,
        stream=_SAID.get(bytes(fields.get("stream", b""))),
        stream_format=bytes(fields["stream_format"]) if "stream_format" in fields else b"",
        stream_options="stream_options" in fields or not fields,
    )


def _is_disguised(name: str) -> bool:
    """Whether it is one of the usual names but for the case of its letters."""
    return not (name.islower() and name.isascii()) and (
        name not in _USUAL and name.casefold() in _USUAL
    )


def is_name(model: str) -> bool:
    """Whether it may stand in events, which a NUL or a novel may not."""
    return len(model) <= LONGEST_MODEL and model.isprintable()


def _compact(fields: dict[str, msgspec.Raw], body: bytes) -> bool:
    """Whether these fields, written without a blank between them, are all of the body.

    Most SDKs write JSON so; a repeated name would make the body longer.
    """
    size = 1 + 4 * len(fields)
    for name, value in fields.items():
        size += len(name) + len(value)
    return len(body) == max(size, 2)


def _spaced(fields: dict[str, msgspec.Raw], body: bytes) -> bool:
    """The same of these fields with a blank behind each colon and each comma.

    Python's `json` writes so. That they come to the same length could be chance here, so
    they are written down and compared.
    """
    names = "".join(fields)
    if not names.isascii() or '"' in names or "\\" in names:
        return False
    parts: list[bytes | msgspec.Raw] = []
    for name, value in fields.items():
        parts += (b', "', name.encode(), b'": ', value)
    if not parts:
        return False
    parts[0] = b'{"'
    parts.append(b"}")
    return sum(map(len, parts)) == len(body) and b"".join(parts) == body


def _repeats(body: bytes) -> bool:
    """Whether a name stands twice at the top level; `json` ends with the outermost."""
    last: list[tuple[str, object]] = []

    def keep(pairs: list[tuple[str, object]]) -> None:
        last[:] = pairs

    json.loads(body, object_pairs_hook=keep, parse_int=str, parse_float=str)
    return len({name for name, _ in last}) != len(last)
