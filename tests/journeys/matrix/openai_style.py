"""SDKs made like OpenAI's: OpenAI's own, its client for Azure, Groq's and Together's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.journeys.matrix.sdk import FUNCTION, HELLO, MESSAGES, TOOL, ToolCall


class OpenAIStyle:
    """Chat completions and embeddings."""

    def __init__(self, client: Any, module: Any) -> None:
        self._client = client
        self.refused: type[Exception] = module.AuthenticationError
        self.limited: type[Exception] = module.RateLimitError

    def ask(self, model: str) -> str:
        return str(self._chat(model).choices[0].message.content)

    def stream(self, model: str) -> str:
        chunks = self._chat(model, stream=True)
        return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)

    def call(self, model: str) -> ToolCall:
        (call,) = self._chat(model, tools=[TOOL]).choices[0].message.tool_calls
        return ToolCall(call.function.name, json.loads(call.function.arguments))

    def stream_call(self, model: str) -> ToolCall:
        name = arguments = ""
        for chunk in self._chat(model, tools=[TOOL], stream=True):
            for choice in chunk.choices:
                for call in choice.delta.tool_calls or ():
                    name += call.function.name or ""
                    arguments += call.function.arguments or ""
        return ToolCall(name, json.loads(arguments))

    def embed(self, model: str) -> int:
        answer = self._client.embeddings.create(model=model, input=HELLO)
        return len(answer.data[0].embedding)

    def _chat(self, model: str, **more: Any) -> Any:
        return self._client.chat.completions.create(model=model, messages=MESSAGES, **more)


class Responses(OpenAIStyle):
    """The same client's responses."""

    def ask(self, model: str) -> str:
        return str(self._respond(model).output_text)

    def stream(self, model: str) -> str:
        events = self._respond(model, stream=True)
        kind = "response.output_text.delta"
        return "".join(event.delta for event in events if event.type == kind)

    def call(self, model: str) -> ToolCall:
        (call,) = self._respond(model, tools=[TOOL["function"] | TYPE]).output
        return ToolCall(call.name, json.loads(call.arguments))

    def stream_call(self, model: str) -> ToolCall:
        events = list(self._respond(model, tools=[FUNCTION | TYPE], stream=True))
        kind = "response.function_call_arguments.delta"
        pieces = "".join(event.delta for event in events if event.type == kind)
        (call,) = events[-1].response.output
        assert pieces == call.arguments
        return ToolCall(call.name, json.loads(pieces))

    def _respond(self, model: str, **more: Any) -> Any:
        return self._client.responses.create(model=model, input=HELLO, **more)


TYPE = {"type": "function"}


@contextmanager
def openai(url: str, token: str) -> Iterator[OpenAIStyle]:
    import openai  # noqa: PLC0415

    with openai.OpenAI(base_url=f"{url}/openai/v1", api_key=token, max_retries=0) as client:
        yield OpenAIStyle(client, openai)


@contextmanager
def responses(url: str, token: str) -> Iterator[OpenAIStyle]:
    import openai  # noqa: PLC0415

    with openai.OpenAI(base_url=f"{url}/openai/v1", api_key=token, max_retries=0) as client:
        yield Responses(client, openai)


@contextmanager
def azure(url: str, token: str) -> Iterator[OpenAIStyle]:
    import openai  # noqa: PLC0415

    with openai.AzureOpenAI(
        azure_endpoint=f"{url}/azure-openai",
        api_key=token,
        api_version="2024-10-21",
        max_retries=0,
    ) as client:
        yield OpenAIStyle(client, openai)


@contextmanager
def groq(url: str, token: str) -> Iterator[OpenAIStyle]:
    import groq  # noqa: PLC0415

    with groq.Groq(base_url=f"{url}/groq", api_key=token, max_retries=0) as client:
        yield OpenAIStyle(client, groq)


@contextmanager
def together(url: str, token: str) -> Iterator[OpenAIStyle]:
    import together  # noqa: PLC0415

    with together.Together(
        base_url=f"{url}/together", api_key=token, max_retries=0
    ) as client:
        yield OpenAIStyle(client, together)
