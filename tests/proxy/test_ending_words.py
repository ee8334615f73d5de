"""What each format says where it is cut: what is open is closed, in its own words."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.endings import Opening, ending_for
from tests.proxy.cuts import AT, USED, borders, cut, named, objects

ENDS: list[tuple[str, int, list[dict[str, Any]]]] = [
    (
        "openai-chat/stream_tool_calls",
        3,
        [{"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]}],
    ),
    (
        "openai-chat/legacy",
        1,
        [{"object": "text_completion", "id": "cmpl-1", "model": "davinci"}],
    ),
    (
        "anthropic-messages/stream_thinking_tool_use",
        3,
        [
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "usage": {"output_tokens": 7}},
            {"type": "message_stop"},
        ],
    ),
    (
        "anthropic-messages/stream_thinking_tool_use",
        11,
        [{"type": "message_stop"}],
    ),
    (
        "openai-responses/answer",
        4,
        [
            {"type": "response.reasoning_summary_text.done", "text": "Hm"},
            {"type": "response.reasoning_summary_part.done"},
            {"type": "response.output_item.done"},
            {"type": "response.incomplete"},
        ],
    ),
    (
        "openai-responses/answer",
        14,
        [
            {"type": "response.content_part.done", "output_index": 1},
            {"type": "response.output_item.done"},
            {"type": "response.incomplete"},
        ],
    ),
    (
        "gemini/stream_sse_error_midway",
        1,
        [{"responseId": "r1", "modelVersion": "gemini-2.5-flash"}],
    ),
    (
        "gemini-interactions/steps",
        3,
        [
            {"event_type": "step.stop", "index": 0},
            {"event_type": "interaction.completed"},
        ],
    ),
    (
        "cohere-v2/stream_cut",
        3,
        [{"type": "content-end", "index": 0}, {"type": "message-end", "id": "c1"}],
    ),
    ("ollama/stream_generate", 2, [{"response": "", "done_reason": "length"}]),
    ("ollama/stream_cut", 1, [{"model": "llama3.2", "done": True}]),
]


@pytest.mark.parametrize(("name", "events", "said"), ENDS)
def test_what_is_open_is_closed_in_the_words_of_the_format(
    name: str, events: int, said: list[dict[str, Any]]
) -> None:
    stream = named(name)
    added = objects(stream, cut(stream, list(borders(stream))[events]).added)
    assert len(added) == len(said)
    for frame, expected in zip(added, said, strict=True):
        assert expected.items() <= frame.items()


def test_a_response_is_told_once_more_as_far_as_it_came() -> None:
    stream = named("openai-responses/answer")
    at = stream.body.index(b'"delta": " there"')
    found = objects(stream, cut(stream, at).all)
    numbers = [event["sequence_number"] for event in found]
    assert numbers == list(range(len(numbers)))
    last = found[-1]["response"]
    assert last["id"] == "resp_1"
    assert last["status"] == "incomplete"
    assert last["incomplete_details"] == {"reason": "max_output_tokens"}
    assert last["usage"]["total_tokens"] == 18
    reasoning, message = last["output"]
    assert reasoning["summary"] == [{"type": "summary_text", "text": "Hm, well."}]
    assert message["status"] == "incomplete"
    (part,) = message["content"]
    assert (part["type"], part["text"]) == ("output_text", "Hello")
    assert [event["type"] for event in found[-4:]] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.incomplete",
    ]


def test_half_a_call_of_a_tool_is_told_as_half_a_call() -> None:
    stream = named("openai-responses/stream_tool_call")
    at = stream.body.index(b'"delta":"\\"Oslo')
    *_, done, _, last = objects(stream, cut(stream, at).all)
    assert done["type"] == "response.function_call_arguments.done"
    assert done["arguments"] == '{"city":'
    (call,) = last["response"]["output"]
    assert (call["arguments"], call["status"]) == ('{"city":', "incomplete")


def test_the_client_gets_the_usage_it_asked_for() -> None:
    stream = named("openai-chat/stream_tool_calls")
    at = list(borders(stream))[2]
    without, with_usage = cut(stream, at), cut(stream, at, usage_asked=True)
    assert len(objects(stream, without.added)) == 1
    last = objects(stream, with_usage.added)[-1]
    assert last["choices"] == []
    assert last["id"] == "chatcmpl-s2"
    assert last["usage"] == {
        "prompt_tokens": 11,
        "completion_tokens": 7,
        "total_tokens": 18,
    }


@pytest.mark.parametrize(
    ("incremental", "text"), [(None, "你好"), (False, "你好"), (True, "")]
)
def test_a_repeating_stream_repeats_its_text_at_the_end(
    incremental: bool | None,  # noqa: FBT001
    text: str,
) -> None:
    stream = named("dashscope-native/stream_full_text")
    opening = Opening(call_id="c-1", model="m", at=AT, incremental=incremental)
    ending = ending_for(stream.format, content_type=stream.content_type, opening=opening)
    assert ending is not None
    for event in ending.feed(stream.body)[:2]:
        ending.relayed(event)
    added = ending.close(USED)
    assert added.startswith(b"id:3\nevent:result\n:HTTP_STATUS/200\ndata: ")
    (choice,) = objects(stream, added)[0]["output"]["choices"]
    assert choice["finish_reason"] == "length"
    assert choice["message"]["content"] == text


def test_a_stream_that_adds_is_not_repeated() -> None:
    stream = named("dashscope-native/adding")
    (choice,) = objects(stream, cut(stream, list(borders(stream))[2]).added)[0]["output"][
        "choices"
    ]
    assert choice["message"]["content"] == ""


def test_a_chat_ends_with_its_mark_even_if_nothing_else_is_left_to_say() -> None:
    stream = named("openai-chat/legacy")
    finished = list(borders(stream))[3]
    assert cut(stream, finished).added == b"data: [DONE]\n\n"
    assert cut(stream, 0).added.endswith(b"\n\ndata: [DONE]\n\n")
