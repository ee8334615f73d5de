"""SDKs that speak their vendor's own format: Cohere, Google, Mistral, Ollama."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.journeys.matrix.sdk import FUNCTION, HELLO, MESSAGES, TOOL, ToolCall


class Cohere:
    """Version 2 of its API."""

    def __init__(self, client: Any, errors: Any) -> None:
        self._client = client
        self.refused: type[Exception] = errors.UnauthorizedError
        self.limited: type[Exception] = errors.TooManyRequestsError
        self._once: Any = {"max_retries": 0}

    def ask(self, model: str) -> str:
        (part,) = self._chat(model).message.content
        return str(part.text)

    def stream(self, model: str) -> str:
        events = self._client.chat_stream(model=model, messages=MESSAGES)
        said = [e.delta.message.content.text for e in events if e.type == "content-delta"]
        return "".join(said)

    def call(self, model: str) -> ToolCall:
        (call,) = self._chat(model, tools=[TOOL]).message.tool_calls
        return ToolCall(call.function.name, json.loads(call.function.arguments))

    def stream_call(self, model: str) -> ToolCall:
        name = arguments = ""
        for event in self._client.chat_stream(model=model, messages=MESSAGES, tools=[TOOL]):
            if event.type == "tool-call-start":
                name = event.delta.message.tool_calls.function.name
            if event.type == "tool-call-delta":
                arguments += event.delta.message.tool_calls.function.arguments
        return ToolCall(name, json.loads(arguments))

    def embed(self, model: str) -> int:
        answer = self._client.embed(
            model=model,
            input_type="search_document",
            texts=[HELLO],
            embedding_types=["float"],
        )
        return len(answer.embeddings.float_[0])

    def _chat(self, model: str, **more: Any) -> Any:
        return self._client.chat(
            model=model, messages=MESSAGES, request_options=self._once, **more
        )


class Google:
    """Gemini's API."""

    def __init__(self, client: Any, errors: Any, types: Any) -> None:
        self._client = client
        self.refused: type[Exception] = errors.ClientError
        self.limited: type[Exception] = errors.ClientError
        declared = types.FunctionDeclaration(
            name=FUNCTION["name"], parameters_json_schema=FUNCTION["parameters"]
        )
        tools = [types.Tool(function_declarations=[declared])]
        self._with_tool = types.GenerateContentConfig(tools=tools)

    def ask(self, model: str) -> str:
        return str(self._client.models.generate_content(model=model, contents=HELLO).text)

    def stream(self, model: str) -> str:
        chunks = self._client.models.generate_content_stream(model=model, contents=HELLO)
        return "".join(chunk.text or "" for chunk in chunks)

    def call(self, model: str) -> ToolCall:
        answer = self._client.models.generate_content(
            model=model, contents=HELLO, config=self._with_tool
        )
        (call,) = answer.function_calls
        return ToolCall(call.name, call.args)

    def stream_call(self, model: str) -> ToolCall:
        chunks = self._client.models.generate_content_stream(
            model=model, contents=HELLO, config=self._with_tool
        )
        (call,) = [call for chunk in chunks for call in chunk.function_calls or ()]
        return ToolCall(call.name, call.args)

    def embed(self, model: str) -> int:
        answer = self._client.models.embed_content(model=model, contents=HELLO)
        return len(answer.embeddings[0].values)


class Mistral:
    """OpenAI's format, in its own words."""

    def __init__(self, client: Any, error: type[Exception]) -> None:
        self._client = client
        self.refused = self.limited = error

    def ask(self, model: str) -> str:
        return str(self._chat(model).choices[0].message.content)

    def stream(self, model: str) -> str:
        with self._client.chat.stream(model=model, messages=MESSAGES) as events:
            return "".join(e.data.choices[0].delta.content or "" for e in events)

    def call(self, model: str) -> ToolCall:
        (call,) = self._chat(model, tools=[TOOL]).choices[0].message.tool_calls
        return ToolCall(call.function.name, json.loads(call.function.arguments))

    def stream_call(self, model: str) -> ToolCall:
        name = arguments = ""
        with self._client.chat.stream(
            model=model, messages=MESSAGES, tools=[TOOL]
        ) as events:
            for event in events:
                for call in event.data.choices[0].delta.tool_calls or ():
                    name += call.function.name or ""
                    arguments += call.function.arguments
        return ToolCall(name, json.loads(arguments))

    def embed(self, model: str) -> int:
        answer = self._client.embeddings.create(model=model, inputs=[HELLO])
        return len(answer.data[0].embedding)

    def _chat(self, model: str, **more: Any) -> Any:
        return self._client.chat.complete(model=model, messages=MESSAGES, **more)


class Ollama:
    """Its own API."""

    def __init__(self, client: Any, error: type[Exception]) -> None:
        self._client = client
        self.refused = self.limited = error

    def ask(self, model: str) -> str:
        return str(self._client.chat(model=model, messages=MESSAGES).message.content)

    def stream(self, model: str) -> str:
        lines = self._client.chat(model=model, messages=MESSAGES, stream=True)
        return "".join(line.message.content for line in lines)

    def call(self, model: str) -> ToolCall:
        answer = self._client.chat(model=model, messages=MESSAGES, tools=[TOOL])
        (call,) = answer.message.tool_calls
        return ToolCall(call.function.name, dict(call.function.arguments))

    def stream_call(self, model: str) -> ToolCall:
        lines = self._client.chat(model=model, messages=MESSAGES, tools=[TOOL], stream=True)
        (call,) = [call for line in lines for call in line.message.tool_calls or ()]
        return ToolCall(call.function.name, dict(call.function.arguments))

    def embed(self, model: str) -> int:
        return len(self._client.embed(model=model, input=HELLO).embeddings[0])


class OllamaGenerate(Ollama):
    """The same, by its older call."""

    def ask(self, model: str) -> str:
        return str(self._client.generate(model=model, prompt=HELLO).response)

    def stream(self, model: str) -> str:
        lines = self._client.generate(model=model, prompt=HELLO, stream=True)
        return "".join(line.response for line in lines)


@contextmanager
def cohere(url: str, token: str) -> Iterator[Cohere]:
    import cohere  # noqa: PLC0415
    import cohere.errors  # noqa: PLC0415

    with httpx.Client() as transport:  # its own is never closed
        client = cohere.ClientV2(
            api_key=token, base_url=f"{url}/cohere", httpx_client=transport
        )
        yield Cohere(client, cohere.errors)


@contextmanager
def google(url: str, token: str) -> Iterator[Google]:
    from google import genai  # noqa: PLC0415
    from google.genai import errors, types  # noqa: PLC0415

    options = types.HttpOptions(base_url=f"{url}/google")
    client = genai.Client(api_key=token, http_options=options)
    try:
        yield Google(client, errors, types)
    finally:
        client.close()


@contextmanager
def mistral(url: str, token: str) -> Iterator[Mistral]:
    from mistralai.client import Mistral as Client  # noqa: PLC0415
    from mistralai.client.errors import SDKError  # noqa: PLC0415

    with Client(api_key=token, server_url=f"{url}/mistral") as client:
        yield Mistral(client, SDKError)


@contextmanager
def _ollama(url: str, token: str) -> Iterator[tuple[Any, type[Exception]]]:
    import ollama  # noqa: PLC0415

    headers = {"Authorization": f"Bearer {token}"}
    with ollama.Client(host=f"{url}/ollama", headers=headers) as client:
        yield client, ollama.ResponseError


@contextmanager
def ollama(url: str, token: str) -> Iterator[Ollama]:
    with _ollama(url, token) as (client, error):
        yield Ollama(client, error)


@contextmanager
def ollama_generate(url: str, token: str) -> Iterator[Ollama]:
    with _ollama(url, token) as (client, error):
        yield OllamaGenerate(client, error)
