"""Before anything is measured: every target answers each kind of call, and rightly."""

from __future__ import annotations

import http.client
import socket
from dataclasses import dataclass

import orjson

from adapters.bench.asking import Kind
from adapters.bench.targets import Target
from domain.errors import BadSetup

SECONDS = 30.0  # a peer's first call is its slowest
OK = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What an answer says: the text, and the tokens that it reports."""

    text: str
    tokens: int


def check(targets: list[Target]) -> None:
    """All targets say what the first one says, and report tokens. Raises `BadSetup`."""
    for kind in Kind:
        first, *others = targets
        wanted = asked(first, kind)
        for target in others:
            got = asked(target, kind)
            if got.text != wanted.text or not got.tokens:
                raise BadSetup(
                    f"{target.name} answers a {kind} call wrongly: {got} where the "
                    f"simulator says {wanted}."
                )


def asked(target: Target, kind: Kind) -> Said:
    """What the target answers to a call of this kind. Raises `BadSetup`."""
    try:
        with socket.create_connection(("127.0.0.1", target.port), SECONDS) as connection:
            connection.sendall(target.calls[kind])
            answer = http.client.HTTPResponse(connection, method="POST")
            answer.begin()
            body = answer.read()
            answer.close()
    except (OSError, http.client.HTTPException) as error:
        raise BadSetup(f"{target.name} does not answer a {kind} call: {error}") from error
    if answer.status != OK:
        said = body[:500].decode(errors="replace")
        raise BadSetup(f"{target.name} answers a {kind} call with {answer.status}: {said}")
    return streamed(body) if kind is Kind.STREAM else plain(body)


def plain(body: bytes) -> Said:
    """What the body of a chat completion says."""
    answer = orjson.loads(body)
    [choice] = answer["choices"]
    tokens = answer["usage"]["total_tokens"]
    return Said(text=choice["message"]["content"], tokens=tokens)


def streamed(body: bytes) -> Said:
    """What the events of a chat completion say, up to `[DONE]`."""
    *events, done = [
        event.removeprefix(b"data:").strip()
        for event in body.split(b"\n\n")
        if event.startswith(b"data:")
    ]
    assert done == b"[DONE]", f"the stream ends with {done!r}"
    text, tokens = "", 0
    for event in map(orjson.loads, events):
        for choice in event["choices"]:
            text += choice["delta"].get("content") or ""
        tokens = (event.get("usage") or {}).get("total_tokens", tokens)
    return Said(text=text, tokens=tokens)
