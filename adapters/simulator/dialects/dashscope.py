"""DashScope's own API: `POST /api/v1/services/aigc/text-generation/generation`.

A header asks for a stream. Every event of it states the usage so far, and repeats what was
said before unless `incremental_output` is asked for. No answer names its model.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from adapters.simulator.counting import tokens_of, tokens_of_message
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

INCREMENTAL, AS_TEXT = "incremental", "text"
UNFINISHED = "null"  # DashScope writes the word
FAILED = {"code": "InternalError", "message": "An internal error has occurred."}


class Input(msgspec.Struct):
    messages: list[Message] = []
    prompt: str | None = None

    def all(self) -> list[Message]:
        """What was said so far, however it was sent."""
        told = [] if self.prompt is None else [Message("user", self.prompt)]
        return [*self.messages, *told]


class Parameters(msgspec.Struct):
    incremental_output: bool = False
    result_format: str = "text"
    max_tokens: AtLeastOne | None = None
    tools: list[Tool] | None = None


class Request(msgspec.Struct):
    model: str
    input: Input
    parameters: Parameters = msgspec.field(default_factory=Parameters)


class Texts(msgspec.Struct):
    texts: Annotated[list[str], msgspec.Meta(min_length=1)]


class EmbedParameters(msgspec.Struct):
    dimension: Dimensions | None = None


class EmbedRequest(msgspec.Struct):
    model: str
    input: Texts
    parameters: EmbedParameters = msgspec.field(default_factory=EmbedParameters)


decoder = msgspec.json.Decoder(Request)
embed_decoder = msgspec.json.Decoder(EmbedRequest)


class DashScope:
    """Plays the Dialects of generation, plain and streamed."""

    def __init__(self, *, stream: bool) -> None:
        self._stream = stream

    def asked(self, body: bytes, model: str) -> Asked:  # noqa: ARG002  # in the body here
        """What the body asks for; raises Refusal."""
        request = decoder.decode(body)
        messages, parameters = request.input.all(), request.parameters
        manner = {INCREMENTAL} if parameters.incremental_output else set()
        if parameters.result_format == AS_TEXT:
            manner.add(AS_TEXT)
        return Asked(
            model=request.model,
            input_tokens=sum([tokens_of_message(*each.texts()) for each in messages]),
            last_text=last_text(messages),
            limit=parameters.max_tokens,
            stream=self._stream,
            tool=tool_to_call(messages, parameters.tools) if messages else "",
            manner=frozenset(manner),
        )

    def plain(self, answer: Answer) -> Rendered:
        """`{"output", "usage", "request_id"}`."""
        shown = _shown(answer, answer.text, _reason(answer), answer.usage)
        stated = [(1, answer.usage)] if answer.with_usage else []
        return Rendered([encode(shown)], answer.usage, statements=stated)

    def streamed(self, answer: Answer) -> Rendered:
        """An event for each piece; the last one says why it ended."""
        # A tool is called in one piece.
        answer.pieces = [answer.text] if answer.tool else answer.pieces
        shown, stated, said = [], [], ""
        for piece in answer.pieces:
            said += piece
            output = tokens_of(said) + answer.usage.reasoning
            usage = answer.usage._replace(output=min(output, answer.usage.output))
            text = piece if INCREMENTAL in answer.manner else said
            shown.append(_shown(answer, text, UNFINISHED, usage))
            stated.append((len(shown), usage))
        last = "" if INCREMENTAL in answer.manner else said
        shown.append(_shown(answer, last, _reason(answer), answer.usage))
        stated.append((len(shown), answer.usage))
        failed = FAILED | {"request_id": answer.core}
        return Rendered(
            [_event(number, "result", 200, each) for number, each in enumerate(shown, 1)],
            answer.usage,
            content_type=SSE,
            stream=True,
            pieces=answer.pieces,
            statements=stated if answer.with_usage else [],
            error_first=_event(1, "error", 500, failed),
            error_later=_event(2, "error", 500, failed),
        )


def embed(body: bytes) -> tuple[str, Whole]:
    """`{"output": {"embeddings": […]}, "usage": {"total_tokens"}}`."""
    request = embed_decoder.decode(body)
    texts, dimension = request.input.texts, request.parameters.dimension
    usage = Usage(sum(map(tokens_of, texts)), 0)

    def answer(_model: str, with_usage: bool) -> Rendered:  # noqa: FBT001  # a Whole
        vectors = [
            {"text_index": index, "embedding": vector(text, dimension)}
            for index, text in enumerate(texts)
        ]
        shown: dict[str, Any] = {"output": {"embeddings": vectors}, "request_id": "r"}
        shown |= {"usage": {"total_tokens": usage.input}} if with_usage else {}
        return metered(shown, usage, with_usage=with_usage)

    return request.model, answer


def _reason(answer: Answer) -> str:
    return "tool_calls" if answer.tool else "length" if answer.by_length else "stop"


def _shown(answer: Answer, text: str, reason: str, usage: Usage) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if answer.tool:
        message |= {"content": "", "tool_calls": [tool_call(answer, text)]}
    output: dict[str, Any] = {"choices": [{"message": message, "finish_reason": reason}]}
    if AS_TEXT in answer.manner and not answer.tool:
        output = {"text": text, "finish_reason": reason}
    shown: dict[str, Any] = {"output": output, "request_id": answer.core}
    if answer.with_usage:
        shown["usage"] = {
            "input_tokens": usage.input,
            "output_tokens": usage.output,
            "total_tokens": usage.input + usage.output,
            "prompt_tokens_details": {"cached_tokens": usage.cache_read},
            "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        }
    return shown


def _event(number: int, name: str, status: int, shown: dict[str, Any]) -> bytes:
    head = b"id:%d\nevent:%b\n:HTTP_STATUS/%d\n" % (number, name.encode(), status)
    return head + b"data:%b\n\n" % encode(shown)
