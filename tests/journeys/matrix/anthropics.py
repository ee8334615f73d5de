"""Anthropic's SDK, with the headers of each of its generations.

Since 2.0 it sends a bearer token, whether it is told an API key or a token; before, an API
key went in `x-api-key`, with an older version of the API.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.journeys.matrix.sdk import FUNCTION, MESSAGES, SCHEMA, ToolCall

TOOL = {"name": FUNCTION["name"], "input_schema": SCHEMA}


class Anthropic:
    """Messages."""

    def __init__(self, client: Any, module: Any) -> None:
        self._client = client
        self.refused: type[Exception] = module.AuthenticationError
        self.limited: type[Exception] = module.RateLimitError

    def ask(self, model: str) -> str:
        (block,) = self._create(model).content
        return str(block.text)

    def stream(self, model: str) -> str:
        with self._streaming(model) as stream:
            return str(stream.get_final_text())

    def call(self, model: str) -> ToolCall:
        (block,) = self._create(model, tools=[TOOL]).content
        return ToolCall(block.name, block.input)

    def stream_call(self, model: str) -> ToolCall:
        with self._streaming(model, tools=[TOOL]) as stream:
            (block,) = stream.get_final_message().content
        return ToolCall(block.name, block.input)

    def embed(self, model: str) -> int:
        raise NotImplementedError(model)  # Anthropic has no embeddings

    def _create(self, model: str, **more: Any) -> Any:
        return self._client.messages.create(
            model=model, max_tokens=100, messages=MESSAGES, **more
        )

    def _streaming(self, model: str, **more: Any) -> Any:
        return self._client.messages.stream(
            model=model, max_tokens=100, messages=MESSAGES, **more
        )


@contextmanager
def _opened(url: str, **credential: Any) -> Iterator[Anthropic]:
    import anthropic  # noqa: PLC0415

    with anthropic.Anthropic(
        base_url=f"{url}/anthropic", max_retries=0, **credential
    ) as client:
        yield Anthropic(client, anthropic)


@contextmanager
def with_key(url: str, token: str) -> Iterator[Anthropic]:
    with _opened(url, api_key=token) as sdk:
        yield sdk


@contextmanager
def with_token(url: str, token: str) -> Iterator[Anthropic]:
    with _opened(url, auth_token=token) as sdk:
        yield sdk


@contextmanager
def of_before(url: str, token: str) -> Iterator[Anthropic]:
    from anthropic import omit  # noqa: PLC0415

    headers = {
        "x-api-key": token,
        "Authorization": omit,
        "anthropic-version": "2023-06-01",
    }
    with _opened(url, default_headers=headers) as sdk:
        yield sdk
