"""LangChain's chat models of OpenAI and Anthropic, and its embeddings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.journeys.matrix.sdk import HELLO, TOOL, ToolCall


class LangChain:
    """A chat model is made for each question, as LangChain's are for one model."""

    def __init__(self, chat: Any, embeddings: Any, module: Any) -> None:
        self._chat = chat
        self._embeddings = embeddings
        self.refused: type[Exception] = module.AuthenticationError
        self.limited: type[Exception] = module.RateLimitError

    def ask(self, model: str) -> str:
        return str(self._chat(model).invoke(HELLO).text)

    def stream(self, model: str) -> str:
        return "".join(chunk.text for chunk in self._chat(model).stream(HELLO))

    def call(self, model: str) -> ToolCall:
        (call,) = self._chat(model).bind_tools([TOOL]).invoke(HELLO).tool_calls
        return ToolCall(call["name"], call["args"])

    def stream_call(self, model: str) -> ToolCall:
        first, *others = self._chat(model).bind_tools([TOOL]).stream(HELLO)
        whole = first
        for chunk in others:
            whole += chunk
        (call,) = whole.tool_calls
        return ToolCall(call["name"], call["args"])

    def embed(self, model: str) -> int:
        return len(self._embeddings(model).embed_query(HELLO))


@contextmanager
def of_openai(url: str, token: str) -> Iterator[LangChain]:
    import openai  # noqa: PLC0415
    from langchain_openai import ChatOpenAI, OpenAIEmbeddings  # noqa: PLC0415

    base = f"{url}/openai/v1"
    with httpx.Client() as transport:
        told: Any = {"base_url": base, "api_key": token, "http_client": transport}

        def chat(model: str) -> Any:
            return ChatOpenAI(**told | {"model": model, "max_retries": 0})

        def embeddings(model: str) -> Any:
            # Lengths would be checked with a tokenizer that it downloads.
            return OpenAIEmbeddings(model=model, check_embedding_ctx_length=False, **told)

        yield LangChain(chat, embeddings, openai)


@contextmanager
def of_anthropic(url: str, token: str) -> Iterator[LangChain]:
    import anthropic  # noqa: PLC0415
    from langchain_anthropic import ChatAnthropic  # noqa: PLC0415

    told: Any = {"base_url": f"{url}/anthropic", "api_key": token}
    told |= {"max_tokens": 100, "max_retries": 0}

    def chat(model: str) -> Any:
        return ChatAnthropic(**told | {"model": model})

    yield LangChain(chat, None, anthropic)
