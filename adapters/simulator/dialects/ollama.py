"""Ollama's own API: `POST /api/chat`, `/api/generate`, `/api/embed`, `GET /api/tags`.

A stream is lines of JSON, and what comes unless the body says `"stream": false`. Thinking
is counted in the output and not stated by itself; what the cache gave is not stated.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from adapters.simulator.counting import tokens_of, tokens_of_message
from adapters.simulator.dialects.openai_chat import Message, Tool, last_text, tool_to_call
from adapters.simulator.dialects.single import Dimensions, Whole, free, metered, vector
from adapters.simulator.dialects.vendors import encode
from adapters.simulator.ledger import Usage
from adapters.simulator.rendering import Answer, Asked, Rendered

LINES = b"application/x-ndjson"
MODELS = ("llama3.2", "qwen3")
FAILED = encode({"error": "model runner has unexpectedly stopped"}) + b"\n"


class Options(msgspec.Struct):
    num_predict: int | None = None  # below 0: no limit


class Request(msgspec.Struct):
    model: str
    stream: bool | None = True
    options: Options | None = None

    def limit(self) -> int | None:
        """Of output tokens."""
        limit = self.options.num_predict if self.options else None
        return limit if limit is not None and limit > 0 else None


class ChatRequest(Request, kw_only=True):
    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    tools: list[Tool] | None = None


class GenerateRequest(Request, kw_only=True):
    prompt: str
    system: str | None = None


class EmbedRequest(msgspec.Struct):
    model: str
    input: str | list[str]
    dimensions: Dimensions | None = None

    def texts(self) -> list[str]:
        """What is to be embedded, one by one."""
        return [self.input] if isinstance(self.input, str) else self.input


chat_decoder = msgspec.json.Decoder(ChatRequest)
generate_decoder = msgspec.json.Decoder(GenerateRequest)
embed_decoder = msgspec.json.Decoder(EmbedRequest)


class Ollama:
    """Plays the Dialects of chat and generate, which differ in where the text stands."""

    def __init__(self, *, chat: bool) -> None:
        self._chat = chat

    def asked(self, body: bytes, model: str) -> Asked:  # noqa: ARG002  # in the body here
        """What the body asks for; raises Refusal."""
        if self._chat:
            request = chat_decoder.decode(body)
            return _asked(request, request.messages, request.tools)
        prompt = generate_decoder.decode(body)
        told = [Message("system", prompt.system)] if prompt.system else []
        return _asked(prompt, [*told, Message("user", prompt.prompt)], None)

    def plain(self, answer: Answer) -> Rendered:
        """One line, with the counts."""
        line = encode(self._last(answer, self._said(answer, answer.text)))
        return Rendered([line], answer.usage, statements=_stated(answer, 1))

    def streamed(self, answer: Answer) -> Rendered:
        """A line for each piece; the last one says no more, and has the counts."""
        # A tool is called in one piece.
        answer.pieces = [answer.text] if answer.tool else answer.pieces
        lines = [
            _head(answer) | self._said(answer, piece) | {"done": False}
            for piece in answer.pieces
        ]
        lines.append(self._last(answer, self._text("")))
        return Rendered(
            [encode(line) + b"\n" for line in lines],
            answer.usage,
            content_type=LINES,
            stream=True,
            pieces=answer.pieces,
            statements=_stated(answer, len(lines)),
            error_first=FAILED,
            error_later=FAILED,
        )

    def _said(self, answer: Answer, text: str) -> dict[str, Any]:
        if not answer.tool:
            return self._text(text)
        arguments = msgspec.Raw(text.encode())
        call = {"function": {"name": answer.tool, "arguments": arguments}}
        return {"message": {"role": "assistant", "content": "", "tool_calls": [call]}}

    def _text(self, text: str) -> dict[str, Any]:
        if self._chat:
            return {"message": {"role": "assistant", "content": text}}
        return {"response": text}

    def _last(self, answer: Answer, said: dict[str, Any]) -> dict[str, Any]:
        reason = "length" if answer.by_length else "stop"
        line = _head(answer) | said | {"done": True, "done_reason": reason}
        if answer.with_usage:
            line["prompt_eval_count"] = answer.usage.input
            line["eval_count"] = answer.usage.output
        return line | {"total_duration": 500_000_000, "load_duration": 1_000_000}


def embed(body: bytes) -> tuple[str, Whole]:
    """`{"embeddings": […]}`: one vector for each text."""
    request = embed_decoder.decode(body)
    usage = Usage(sum(map(tokens_of, request.texts())), 0)

    def answer(model: str, with_usage: bool) -> Rendered:  # noqa: FBT001  # a Whole
        vectors = [vector(text, request.dimensions) for text in request.texts()]
        shown: dict[str, Any] = {"model": model, "embeddings": vectors}
        if with_usage:
            shown["prompt_eval_count"] = usage.input
        return metered(shown, usage, with_usage=with_usage)

    return request.model, answer


def tags(_body: bytes) -> tuple[str, Whole]:
    """The models that are here."""
    made = {"modified_at": "2025-01-01T00:00:00Z", "size": 1_000_000, "digest": "5e1f"}
    models = [{"name": name, "model": name, **made} for name in MODELS]
    return "", lambda _model, _usage: free({"models": models})


def _asked(request: Request, messages: list[Message], tools: list[Tool] | None) -> Asked:
    return Asked(
        model=request.model,
        input_tokens=sum([tokens_of_message(*each.texts()) for each in messages]),
        last_text=last_text(messages),
        limit=request.limit(),
        stream=request.stream is not False,
        tool=tool_to_call(messages, tools),
    )


def _head(answer: Answer) -> dict[str, Any]:
    made = datetime.fromtimestamp(answer.created, UTC).isoformat()
    return {"model": answer.model, "created_at": made}


def _stated(answer: Answer, at: int) -> list[tuple[int, Usage]]:
    stated = answer.usage._replace(reasoning=0, cache_read=0)
    return [(at, stated)] if answer.with_usage else []
