"""Cohere's chat and embed: `POST /v2/chat`, `POST /v2/embed`.

Reasoning is counted in the output and not stated by itself. What is billed leaves the
vendor's own preamble out: the 3 tokens of the first message.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from adapters.simulator.counting import MESSAGE_TOKENS, tokens_of, tokens_of_message
from adapters.simulator.dialects.openai_chat import (
    AtLeastOne,
    Message,
    Tool,
    last_text,
    tool_call,
    tool_to_call,
)
from adapters.simulator.dialects.single import Dimensions, Whole, metered, vector
from adapters.simulator.dialects.vendors import encode
from adapters.simulator.ledger import Usage
from adapters.simulator.rendering import SSE, Answer, Asked, Rendered

BROKEN = "The server had an error while processing your request."


class ChatRequest(msgspec.Struct):
    model: str
    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    stream: bool | None = False
    max_tokens: AtLeastOne | None = None
    tools: list[Tool] | None = None


class EmbedRequest(msgspec.Struct):
    model: str
    input_type: str
    texts: Annotated[list[str], msgspec.Meta(min_length=1)]
    output_dimension: Dimensions | None = None


decoder = msgspec.json.Decoder(ChatRequest)
embed_decoder = msgspec.json.Decoder(EmbedRequest)


def usage_fields(usage: Usage) -> dict[str, Any]:
    """The usage as chat states it: numbers with a fraction."""
    billed = {
        "input_tokens": float(usage.input - MESSAGE_TOKENS),
        "output_tokens": float(usage.output),
    }
    tokens = {"input_tokens": float(usage.input), "output_tokens": float(usage.output)}
    cached = float(usage.cache_read)
    return {"billed_units": billed, "tokens": tokens, "cached_tokens": cached}


def finish_reason(answer: Answer) -> str:
    """Why it ended."""
    return "TOOL_CALL" if answer.tool else "MAX_TOKENS" if answer.by_length else "COMPLETE"


class CohereChat:
    """Plays the Dialect of chat."""

    def asked(self, body: bytes, model: str) -> Asked:  # noqa: ARG002  # in the body here
        """What the body asks for; raises Refusal."""
        request = decoder.decode(body)
        messages = request.messages
        return Asked(
            model=request.model,
            input_tokens=sum([tokens_of_message(*each.texts()) for each in messages]),
            last_text=last_text(messages),
            limit=request.max_tokens,
            stream=bool(request.stream),
            tool=tool_to_call(messages, request.tools),
        )

    def plain(self, answer: Answer) -> Rendered:
        """`{"id", "finish_reason", "message", "usage"}`: no model."""
        message: dict[str, Any] = {"role": "assistant"}
        if answer.tool:
            message["tool_calls"] = [tool_call(answer, answer.text)]
        else:
            message["content"] = [{"type": "text", "text": answer.text}]
        shown: dict[str, Any] = {
            "id": answer.core,
            "finish_reason": finish_reason(answer),
            "message": message,
        }
        if answer.with_usage:
            shown["usage"] = usage_fields(answer.usage)
        return Rendered([encode(shown)], answer.usage, statements=_stated(answer, 1))

    def streamed(self, answer: Answer) -> Rendered:
        """message-start, the content or the tool's call, message-end."""
        kind = "tool-call" if answer.tool else "content"
        opened: Any = {"content": {"type": "text", "text": ""}}
        if answer.tool:
            opened = {"tool_calls": tool_call(answer, "")}
        empty: dict[str, Any] = {"content": [], "tool_calls": [], "citations": []}
        begun = {"role": "assistant", "tool_plan": "", **empty}
        delta: dict[str, Any] = {"finish_reason": finish_reason(answer)}
        if answer.with_usage:
            delta["usage"] = usage_fields(answer.usage)
        events = [
            _event("message-start", _message(begun), id=answer.core),
            _event(f"{kind}-start", _message(opened), index=0),
            *[_event(f"{kind}-delta", _said(answer, p), index=0) for p in answer.pieces],
            _event(f"{kind}-end", index=0),
            _event("message-end", delta),
        ]
        failed = _event("message-end", {"finish_reason": "ERROR", "error": BROKEN})
        return Rendered(
            events,
            answer.usage,
            content_type=SSE,
            stream=True,
            pieces=answer.pieces,
            first_piece=2,
            ending=2,
            statements=_stated(answer, len(events)),
            error_first=failed,
            error_later=failed,
        )


def embed(body: bytes) -> tuple[str, Whole]:
    """`{"embeddings": {"float": …}}`: a vector for each text; only the bill is told."""
    request = embed_decoder.decode(body)
    usage = Usage(sum(map(tokens_of, request.texts)), 0)

    def answer(_model: str, with_usage: bool) -> Rendered:  # noqa: FBT001  # a Whole
        vectors = [vector(text, request.output_dimension) for text in request.texts]
        meta: dict[str, Any] = {"api_version": {"version": "2"}}
        if with_usage:
            meta["billed_units"] = {"input_tokens": float(usage.input)}
        shown = {
            "id": "embedded",
            "response_type": "embeddings_by_type",
            "embeddings": {"float": vectors},
            "texts": request.texts,
            "meta": meta,
        }
        return metered(shown, usage, with_usage=with_usage)

    return request.model, answer


def _stated(answer: Answer, at: int) -> list[tuple[int, Usage]]:
    return [(at, answer.usage._replace(reasoning=0))] if answer.with_usage else []


def _said(answer: Answer, piece: str) -> dict[str, Any]:
    if answer.tool:
        return _message({"tool_calls": {"function": {"arguments": piece}}})
    return _message({"content": {"text": piece}})


def _message(fields: dict[str, Any]) -> dict[str, Any]:
    return {"message": fields}


def _event(kind: str, delta: dict[str, Any] | None = None, **more: Any) -> bytes:
    shown = {"type": kind, **more} | ({} if delta is None else {"delta": delta})
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), encode(shown))
