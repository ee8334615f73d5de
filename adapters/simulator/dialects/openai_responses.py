"""OpenAI's responses: `POST /v1/responses`, with the events a text answer needs."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from adapters.simulator.counting import tokens_of_message
from adapters.simulator.dialects import responses_tool
from adapters.simulator.dialects.openai_chat import AtLeastOne, Message, Named, last_text
from adapters.simulator.dialects.vendors import encode
from adapters.simulator.ledger import Usage
from adapters.simulator.rendering import SSE, Answer, Asked, Rendered

ERROR_EVENT = b"event: error\ndata: %b\n\n" % encode(
    {
        "type": "error",
        "code": "server_error",
        "message": "The server had an error while processing your request.",
        "param": None,
        "sequence_number": 0,
    }
)


class InputItem(Message, kw_only=True):
    role: str = ""  # items that are no message have none
    type: str = "message"


class ResponsesRequest(msgspec.Struct):
    model: str
    input: str | Annotated[list[InputItem], msgspec.Meta(min_length=1)]
    instructions: str | None = None
    stream: bool | None = False
    max_output_tokens: AtLeastOne | None = None
    tools: list[Named] | None = None

    def tool_to_call(self) -> str:
        """The first tool, unless the newest item is a function's output."""
        newest = "message" if isinstance(self.input, str) else self.input[-1].type
        if not self.tools or newest == "function_call_output":
            return ""
        return self.tools[0].name

    def messages(self) -> list[Message]:
        """All that is said, a bare input as a message of the user."""
        told = [Message("system", self.instructions)] if self.instructions else []
        if isinstance(self.input, str):
            return [*told, Message("user", self.input)]
        return [*told, *self.input]


decoder = msgspec.json.Decoder(ResponsesRequest)


def usage_fields(usage: Usage) -> dict[str, Any]:
    """The usage as responses state it."""
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read,
            "cache_write_tokens": 0,
        },
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }


def message_item(answer: Answer, *, done: bool) -> dict[str, Any]:
    """The output item that holds the text."""
    return {
        "type": "message",
        "id": f"msg_{answer.core}",
        "status": "completed" if done else "in_progress",
        "role": "assistant",
        "content": [text_part(answer.text)] if done else [],
    }


def reasoning_item(answer: Answer) -> dict[str, Any]:
    """The output item that says there was reasoning."""
    return {"type": "reasoning", "id": f"rs_{answer.core}", "summary": []}


def text_part(text: str) -> dict[str, Any]:
    """A piece of content with the text."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def output_items(answer: Answer) -> list[dict[str, Any]]:
    """All output items of the finished response."""
    thought = [reasoning_item(answer)] if answer.usage.reasoning else []
    if answer.tool:
        return [*thought, responses_tool.call_item(answer, done=True)]
    return [*thought, message_item(answer, done=True)]


def response(answer: Answer, *, done: bool) -> dict[str, Any]:
    """The response as it stands at its begin or at its end."""
    finished = "incomplete" if answer.by_length else "completed"
    why = {"reason": "max_output_tokens"} if done and answer.by_length else None
    return {
        "id": f"resp_{answer.core}",
        "object": "response",
        "created_at": answer.created,
        "status": finished if done else "in_progress",
        "model": answer.model,
        "output": output_items(answer) if done else [],
        "error": None,
        "incomplete_details": why,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "temperature": 1.0,
        "top_p": 1.0,
        "service_tier": "default",
        "usage": usage_fields(answer.usage) if done and answer.with_usage else None,
    }


class OpenAIResponses:
    """Plays the Dialect of responses."""

    def asked(self, body: bytes, model: str) -> Asked:  # noqa: ARG002  # in the body here
        """What the body asks for; raises Refusal."""
        request = decoder.decode(body)
        messages = request.messages()
        return Asked(
            model=request.model,
            input_tokens=sum([tokens_of_message(*each.texts()) for each in messages]),
            last_text=last_text(messages),
            limit=request.max_output_tokens,
            stream=bool(request.stream),
            tool=request.tool_to_call(),
        )

    def plain(self, answer: Answer) -> Rendered:
        """`{"object": "response", …}`."""
        stated = [(1, answer.usage)] if answer.with_usage else []
        body = encode(response(answer, done=True))
        return Rendered([body], answer.usage, statements=stated)

    def streamed(self, answer: Answer) -> Rendered:
        """response.created to response.completed or response.incomplete."""
        before, after = opening(answer), closing(answer)
        events = [
            b"event: %b\ndata: %b\n\n"
            % (event["type"].encode(), encode({**event, "sequence_number": number}))
            for number, event in enumerate([*before, *deltas(answer), *after])
        ]
        return Rendered(
            events,
            answer.usage,
            content_type=SSE,
            stream=True,
            pieces=answer.pieces,
            first_piece=len(before),
            ending=len(after),
            statements=[(len(events), answer.usage)] if answer.with_usage else [],
            error_first=ERROR_EVENT,
            error_later=ERROR_EVENT,
        )


def opening(answer: Answer) -> list[dict[str, Any]]:
    """The events before the first piece of text."""
    begun = response(answer, done=False)
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
    ]
    index = 0
    if answer.usage.reasoning:
        item = reasoning_item(answer)
        events += [
            {"type": "response.output_item.added", "output_index": 0, "item": item},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
        ]
        index = 1
    if answer.tool:
        return events + responses_tool.opening(answer, index)
    item = message_item(answer, done=False)
    place = {"item_id": item["id"], "output_index": index, "content_index": 0}
    events += [
        {"type": "response.output_item.added", "output_index": index, "item": item},
        {"type": "response.content_part.added", **place, "part": text_part("")},
    ]
    return events


def deltas(answer: Answer) -> list[dict[str, Any]]:
    """The text or the arguments, piece by piece."""
    index = len(output_items(answer)) - 1
    if answer.tool:
        return responses_tool.deltas(answer, index)
    place = {"item_id": f"msg_{answer.core}", "output_index": index, "content_index": 0}
    kind = "response.output_text.delta"
    return [{"type": kind, **place, "delta": p, "logprobs": []} for p in answer.pieces]


def closing(answer: Answer) -> list[dict[str, Any]]:
    """The events after the last piece of text."""
    index = len(output_items(answer)) - 1
    end = "response.incomplete" if answer.by_length else "response.completed"
    last = {"type": end, "response": response(answer, done=True)}
    if answer.tool:
        return [*responses_tool.closing(answer, index), last]
    item = message_item(answer, done=True)
    place = {"item_id": item["id"], "output_index": index, "content_index": 0}
    text = {"text": answer.text, "logprobs": []}
    return [
        {"type": "response.output_text.done", **place, **text},
        {"type": "response.content_part.done", **place, "part": text_part(answer.text)},
        {"type": "response.output_item.done", "output_index": index, "item": item},
        last,
    ]
