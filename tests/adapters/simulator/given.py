"""One way to ask each format, and what its bytes state: read here by other code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

KEY = "sk-test-0123456789"
PROMPT = "What is the sea?"  # 16 bytes: 4 tokens, and 3 for the message
PROMPT_TOKENS = 7


@dataclass
class Vendor:
    """A running simulator and its ledger."""

    url: str
    client: httpx.Client

    def call(
        self,
        form: str,
        model: str = "m",
        sent: dict[str, str] | None = None,
        *,
        stream: bool = False,
    ) -> httpx.Response:
        """The answer to PROMPT."""
        path, body = request_of(form, model, stream=stream)
        headers = headers_of(stream=stream) | (sent or {})
        return self.client.post(path, json=body, headers=headers)

    def items(self) -> list[dict[str, Any]]:
        """What is in the ledger."""
        items: list[dict[str, Any]] = self.client.get("/ledger").json()["items"]
        return items

    def only_item(self) -> dict[str, Any]:
        """The one call in the ledger."""
        (item,) = self.items()
        return item


def headers_of(*, stream: bool) -> dict[str, str]:
    """What all vendors together want to be sent."""
    headers = {"authorization": f"Bearer {KEY}", "anthropic-version": "2023-06-01"}
    return headers | ({"x-dashscope-sse": "enable"} if stream else {})


def _chat(model: str, *, stream: bool) -> tuple[str, dict[str, Any]]:
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "user", "content": PROMPT}],
    }
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return "/v1/chat/completions", body


def _responses(model: str, *, stream: bool) -> tuple[str, dict[str, Any]]:
    return "/v1/responses", {"model": model, "input": PROMPT, "stream": stream}


def _messages(model: str, *, stream: bool) -> tuple[str, dict[str, Any]]:
    message = {"role": "user", "content": PROMPT}
    body = {"model": model, "max_tokens": 1000, "messages": [message], "stream": stream}
    return "/v1/messages", body


def _gemini(
    model: str, *, stream: bool, ending: str = "?alt=sse"
) -> tuple[str, dict[str, Any]]:
    method = f"streamGenerateContent{ending}" if stream else "generateContent"
    body = {"contents": [{"role": "user", "parts": [{"text": PROMPT}]}]}
    return f"/v1beta/models/{model}:{method}", body


def _gemini_array(model: str, *, stream: bool) -> tuple[str, dict[str, Any]]:
    return _gemini(model, stream=stream, ending="")


def _cohere(model: str, *, stream: bool) -> tuple[str, dict[str, Any]]:
    message = {"role": "user", "content": PROMPT}
    return "/v2/chat", {"model": model, "messages": [message], "stream": stream}


def _ollama(model: str, *, stream: bool) -> tuple[str, dict[str, Any]]:
    body: dict[str, Any] = {"model": model}
    body["messages"] = [{"role": "user", "content": PROMPT}]
    return "/api/chat", body if stream else body | {"stream": False}


def _ollama_generate(model: str, *, stream: bool) -> tuple[str, dict[str, Any]]:
    return "/api/generate", {"model": model, "prompt": PROMPT, "stream": stream}


def _dashscope(model: str, *, stream: bool) -> tuple[str, dict[str, Any]]:
    message = {"role": "user", "content": PROMPT}
    parameters = {"result_format": "message", "incremental_output": stream}
    body = {"model": model, "input": {"messages": [message]}, "parameters": parameters}
    return "/api/v1/services/aigc/text-generation/generation", body


def _azure(model: str, *, stream: bool) -> tuple[str, dict[str, Any]]:
    path = "/openai/deployments/mine/chat/completions?api-version=2024-10-21"
    return path, _chat(model, stream=stream)[1]


REQUESTS = {
    "openai-chat": _chat,
    "azure": _azure,
    "openai-responses": _responses,
    "anthropic-messages": _messages,
    "gemini": _gemini,
    "gemini-array": _gemini_array,
    "cohere-v2": _cohere,
    "ollama-chat": _ollama,
    "ollama-generate": _ollama_generate,
    "dashscope-native": _dashscope,
}
FORMATS = list(REQUESTS)


def request_of(form: str, model: str, *, stream: bool) -> tuple[str, dict[str, Any]]:
    """The path and the body that ask for an answer to PROMPT."""
    return REQUESTS[form](model, stream=stream)


def events_of(answer: str) -> list[dict[str, Any]]:
    """A stream's events, or an array's elements, without the end mark."""
    if answer.startswith("["):
        elements: list[dict[str, Any]] = json.loads(answer)
        return elements
    lines = answer.replace("\r\n", "\n").split("\n")
    if answer.startswith("{"):
        return [json.loads(line) for line in lines if line]
    sent = [line.removeprefix("data:") for line in lines if line.startswith("data:")]
    return [json.loads(each) for each in sent if each != " [DONE]"]


def usage_of(form: str, answer: str, *, stream: bool) -> dict[str, int] | None:
    """The last word of the bytes on usage, named and added up as the ledger does."""
    documents = events_of(answer) if stream else [json.loads(answer)]
    said: dict[str, Any] = {}
    for usage in _usages(documents):
        said |= {name: value for name, value in usage.items() if value is not None}
    return _normalized(form, said) if said else None


def _usages(documents: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for document in documents:
        for place in ("message", "response", "delta"):
            inner = document.get(place)
            for holder in (document, inner if isinstance(inner, dict) else {}):
                for name in ("usage", "usageMetadata"):
                    if holder.get(name):
                        yield holder[name]
        if "eval_count" in document:
            yield document


def _normalized(form: str, said: dict[str, Any]) -> dict[str, int]:
    details = (
        said.get("completion_tokens_details") or said.get("output_tokens_details") or {}
    )
    prompt = said.get("prompt_tokens_details") or said.get("input_tokens_details") or {}
    if form.startswith("ollama"):
        numbers = (said["prompt_eval_count"], said["eval_count"], 0, 0)
    elif form == "cohere-v2":
        tokens, cached = said["tokens"], said["cached_tokens"]
        assert said["billed_units"]["input_tokens"] == tokens["input_tokens"] - 3
        numbers = (tokens["input_tokens"], tokens["output_tokens"], cached, 0)
    elif form.startswith("gemini"):
        thoughts = said.get("thoughtsTokenCount", 0)
        numbers = (
            said["promptTokenCount"],
            said.get("candidatesTokenCount", 0) + thoughts,
            said.get("cachedContentTokenCount", 0),
            thoughts,
        )
    elif form == "anthropic-messages":
        cached = said["cache_read_input_tokens"]
        thoughts = details.get("thinking_tokens", 0)
        numbers = (said["input_tokens"] + cached, said["output_tokens"], cached, thoughts)
    else:
        numbers = (
            said.get("prompt_tokens", said.get("input_tokens")),
            said.get("completion_tokens", said.get("output_tokens")),
            prompt["cached_tokens"],
            details["reasoning_tokens"],
        )
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "reasoning_tokens")
    return dict(zip(names, numbers, strict=True))


def text_of(answer: str, *, stream: bool) -> str:
    """All the text the bytes carry, reasoning left out."""
    documents = events_of(answer) if stream else [json.loads(answer)]
    return "".join(text for document in documents for text in _texts(document))


def _texts(document: dict[str, Any]) -> Iterator[str]:
    output = document.get("output")
    holder = output if isinstance(output, dict) else document
    for choice in holder.get("choices", []):
        yield choice.get("delta", choice.get("message", {})).get("content") or ""
    for candidate in document.get("candidates", []):
        for part in candidate["content"].get("parts", []):
            yield part.get("text", "")
    if document.get("type") == "response.output_text.delta":
        yield document["delta"]
    if document.get("type") == "content_block_delta":
        yield document["delta"].get("text", "")
    if document.get("object") == "response" or document.get("type") == "message":
        for item in document.get("output", [document]):
            for part in item.get("content", []):
                yield part.get("text", "")
    yield from _texts_of_cohere_and_ollama(document)


def _texts_of_cohere_and_ollama(document: dict[str, Any]) -> Iterator[str]:
    delta = document.get("delta")
    message = delta.get("message") if isinstance(delta, dict) else document.get("message")
    if isinstance(message, dict) and document.get("type") != "message_start":
        content = message.get("content") or ""
        for part in content if isinstance(content, list) else [content]:
            yield part["text"] if isinstance(part, dict) else part
    if isinstance(document.get("response"), str):
        yield document["response"]
