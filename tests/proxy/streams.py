"""Streams to cut: the recorded samples, and some that they lack."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, cast

from domain.vendors import Format
from tests.proxy.usage.given import STREAMS

EVENTS = "text/event-stream"


@dataclass(frozen=True)
class Stream:
    """A vendor's stream."""

    format: Format
    case: str
    body: bytes
    content_type: str = EVENTS
    finished: bool = True
    failed: bool = False

    @property
    def name(self) -> str:
        return f"{self.format}/{self.case}"


def _sse(events: list[dict[str, Any]], *, kind: str = "type") -> bytes:
    return b"".join(
        f"event: {event[kind]}\ndata: {json.dumps(event)}\n\n".encode() for event in events
    )


def _numbered(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event | {"sequence_number": n} for n, event in enumerate(events)]


_RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "gpt-4.1",
    "output": [],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
}
_TEXT = {"type": "output_text", "text": "", "annotations": []}
_MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant"}
_IN_1: dict[str, Any] = {"item_id": "msg_1", "output_index": 1, "content_index": 0}
_IN_0: dict[str, Any] = {"item_id": "rs_1", "output_index": 0, "summary_index": 0}
_DONE_TEXT = _TEXT | {"text": "Hello there"}
_DONE_MESSAGE = _MESSAGE | {"status": "completed", "content": [_DONE_TEXT]}
_SUMMARY = {"type": "summary_text", "text": "Hm, well."}
_REASONING = {"id": "rs_1", "type": "reasoning", "summary": []}
_ADDED, _OVER = "response.output_item.added", "response.output_item.done"
_SUMMED = "response.reasoning_summary"

RESPONSE = _numbered(
    [
        {"type": "response.created", "response": _RESPONSE | {"status": "in_progress"}},
        {"type": _ADDED, "output_index": 0, "item": _REASONING},
        {
            "type": f"{_SUMMED}_part.added",
            **_IN_0,
            "part": {"type": "summary_text", "text": ""},
        },
        {"type": f"{_SUMMED}_text.delta", **_IN_0, "delta": "Hm"},
        {"type": f"{_SUMMED}_text.delta", **_IN_0, "delta": ", well."},
        {"type": f"{_SUMMED}_text.done", **_IN_0, "text": "Hm, well."},
        {"type": f"{_SUMMED}_part.done", **_IN_0, "part": _SUMMARY},
        {"type": _OVER, "output_index": 0, "item": _REASONING | {"summary": [_SUMMARY]}},
        {
            "type": _ADDED,
            "output_index": 1,
            "item": _MESSAGE | {"status": "in_progress", "content": []},
        },
        {"type": "response.content_part.added", **_IN_1, "part": _TEXT},
        {"type": "response.output_text.delta", **_IN_1, "delta": "Hel", "logprobs": []},
        {"type": "response.output_text.delta", **_IN_1, "delta": "lo", "logprobs": []},
        {"type": "response.output_text.delta", **_IN_1, "delta": " there", "logprobs": []},
        {
            "type": "response.output_text.done",
            **_IN_1,
            "text": "Hello there",
            "logprobs": [],
        },
        {"type": "response.content_part.done", **_IN_1, "part": _DONE_TEXT},
        {"type": _OVER, "output_index": 1, "item": _DONE_MESSAGE},
        {
            "type": "response.completed",
            "response": _RESPONSE
            | {
                "status": "completed",
                "output": [_REASONING | {"summary": [_SUMMARY]}, _DONE_MESSAGE],
            },
        },
    ]
)
REFUSAL = _numbered(
    [
        RESPONSE[0],
        {
            "type": _ADDED,
            "output_index": 1,
            "item": _MESSAGE | {"status": "in_progress", "content": []},
        },
        {
            "type": "response.content_part.added",
            **_IN_1,
            "part": {"type": "refusal", "refusal": ""},
        },
        {"type": "response.refusal.delta", **_IN_1, "delta": "I can"},
    ]
)
INTERACTION: list[dict[str, Any]] = [
    {
        "event_type": "interaction.created",
        "interaction": {
            "id": "int_1",
            "model": "gemini-2.0-flash",
            "status": "in_progress",
        },
    },
    {"event_type": "step.start", "index": 0, "step": {"type": "model_output"}},
    {"event_type": "step.delta", "index": 0, "delta": {"type": "text", "text": "Hel"}},
    {"event_type": "step.delta", "index": 0, "delta": {"type": "text", "text": "lo"}},
    {"event_type": "step.stop", "index": 0},
    {
        "event_type": "interaction.completed",
        "interaction": {
            "id": "int_1",
            "model": "gemini-2.0-flash",
            "status": "completed",
            "usage": {"total_input_tokens": 1, "total_output_tokens": 2},
        },
    },
]


def _legacy(text: str, reason: str | None) -> dict[str, Any]:
    choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": reason}
    head = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "davinci"}
    return head | {"choices": [choice]}


LEGACY = [_legacy("Hel", None), _legacy("lo", None), _legacy("", "stop")]


def _added(text: str, reason: str) -> bytes:
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": reason}
    data = {
        "output": {"choices": [choice]},
        "usage": {"input_tokens": 1, "output_tokens": 1},
        "request_id": "r-1",
    }
    return f"id:1\nevent:result\n:HTTP_STATUS/200\ndata:{json.dumps(data)}\n\n".encode()


def _gemini(text: str, reason: str | None) -> bytes:
    said: dict[str, Any] = {"content": {"parts": [{"text": text}], "role": "model"}}
    if reason is not None:
        said["finishReason"] = reason
    data = {"candidates": [said], "modelVersion": "gemini-2.0-flash", "responseId": "r-1"}
    return f"data: {json.dumps(data)}\r\n\r\n".encode()


OWN = (
    Stream(
        "gemini",
        "answer",
        _gemini("Hel", None) + _gemini("lo", None) + _gemini("", "STOP"),
    ),
    Stream("openai-responses", "answer", _sse(RESPONSE)),
    Stream("openai-responses", "refusal", _sse(REFUSAL), finished=False),
    Stream("gemini-interactions", "steps", _sse(INTERACTION, kind="event_type")),
    Stream(
        "openai-chat",
        "legacy",
        b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in LEGACY)
        + b"data: [DONE]\n\n",
    ),
    Stream(
        "dashscope-native",
        "adding",
        _added("Hel", "null") + _added("lo", "null") + _added("", "stop"),
    ),
)
ALL_STREAMS = (
    *(
        Stream(
            format=cast("Format", sample.expected["format"]),
            case=sample.name.partition("/")[2],
            body=sample.body,
            content_type=sample.expected["content_type"].partition(";")[0],
            finished=sample.expected["stream_complete"],
            failed=sample.expected["error"] is not None,
        )
        for sample in STREAMS
        if sample.expected["http_status"] == 200
    ),
    *OWN,
)
