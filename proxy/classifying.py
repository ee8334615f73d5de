"""Asks a model how hard a request is, where a team's policy wants that.

It is a call of the bot's own, through this proxy, under all its rules: admitted, metered,
within its budgets. Whatever goes wrong, the call that waits for it goes on without.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import orjson

from domain.routing_catalog import RoutingCatalog
from domain.routing_facts import Answers, RequestWords
from domain.routing_policy import RouteTarget
from domain.routing_rules import level_said
from proxy.answer import UpstreamCut
from proxy.client import Client
from proxy.fitting import fitted
from proxy.incoming import (
    TOKEN_HEADERS,
    ClientLeft,
    Message,
    Receive,
    Scope,
    is_key,
)

log = logging.getLogger(__name__)

SECONDS = 5.0
MOST_TOKENS = 500  # of its answer, which is one word, and of what it thinks before
LONGEST_WORDS = 8_000  # characters of the user's words that it is shown
LONGEST_ANSWER = 64 * 1024  # bytes
OK = 200
TASK = (
    "Say how hard the user's request is for a language model. Answer with one word: "
    "simple, medium or complex. Do not answer the request itself."
)

Classify = Callable[[RouteTarget, RequestWords, Answers], Awaitable[Answers]]
Serve = Callable[[Scope, Receive, Client], Awaitable[None]]


class Classifier:
    """Asks in the name of the one whose call has this scope."""

    def __init__(self, scope: Scope, serve: Serve, catalog: RoutingCatalog) -> None:
        self._scope = scope
        self._serve = serve
        self._catalog = catalog

    async def classify(
        self, target: RouteTarget, words: RequestWords, answers: Answers
    ) -> Answers:
        """The answers with the level that the model said; without, if it said none."""
        try:
            async with asyncio.timeout(SECONDS):
                said = await self._ask(target, words.text[:LONGEST_WORDS])
        except TimeoutError:
            log.warning("routing.classifier_too_slow", extra={"model": target.model})
            return answers
        level = level_said(said)
        if level is None:
            log.warning("routing.classifier_said_nothing", extra={"model": target.model})
        return replace(answers, level=level)

    async def _ask(self, target: RouteTarget, text: str) -> str | None:
        messages = [
            {"role": "system", "content": TASK},
            {"role": "user", "content": text},
        ]
        asked = orjson.dumps({"messages": messages, "max_tokens": MOST_TOKENS})
        rewrites = self._catalog.rewrites_for(target.vendor, target.model, "openai-chat")
        body, _ = fitted(asked, target.model, rewrites)
        answer = _Answer()
        client = Client(_given(body), answer.send)
        try:
            await self._serve(self._scope_to(target.vendor, body), _given(body), client)
        except (ClientLeft, UpstreamCut) as error:
            log.warning(
                "routing.classifier_broke_off", extra={"reason": type(error).__name__}
            )
        finally:
            await client.close()
        return answer.text()

    def _scope_to(self, vendor: str, body: bytes) -> Scope:
        """The scope of a chat completion, with the caller's own credential."""
        path = f"/api/v1/{vendor}/chat/completions".encode()
        kept = [
            (name, value)
            for name, value in self._scope["headers"]
            if name == b"host" or name in TOKEN_HEADERS
        ]
        query: bytes = self._scope["query_string"]
        key = b"&".join(pair for pair in query.split(b"&") if is_key(pair))
        headers = [
            *kept,
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        return {
            **self._scope,
            "method": "POST",
            "path": path.decode(),
            "raw_path": path,
            "query_string": key,
            "headers": headers,
        }


class _Answer:
    """Takes what would have gone to a client."""

    def __init__(self) -> None:
        self._status = 0
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
        elif len(self._body) <= LONGEST_ANSWER:
            self._body += message.get("body", b"")

    def text(self) -> str | None:
        """What the model said, if it said anything."""
        if self._status != OK or len(self._body) > LONGEST_ANSWER:
            return None
        try:
            said: Any = orjson.loads(self._body)["choices"][0]["message"]["content"]
        except (orjson.JSONDecodeError, KeyError, IndexError, TypeError):
            return None
        return said if isinstance(said, str) else None


def _given(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
