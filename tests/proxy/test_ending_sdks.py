"""The official SDKs take a cut stream for one that reached its limit, at any event."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anthropic
import cohere
import groq
import ollama
import openai
import pytest
from google import genai
from google.genai import types as google_types
from mistralai.client import Mistral

from domain.vendors import Format
from tests.little_server import Answering, little_server
from tests.proxy.cuts import borders, cut, named
from tests.proxy.streams import ALL_STREAMS, Stream

ASKED: Any = [{"role": "user", "content": "hello"}]


@contextmanager
def answering(bodies: list[bytes], content_type: str) -> Iterator[str]:
    """A server that gives one answer after the other."""
    left = iter(bodies)

    class Handler(Answering):
        def post(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.answer(200, next(left), media=content_type)

    with little_server(Handler) as url:
        yield url


def openai_chat(url: str, times: int) -> Iterator[str | None]:
    with openai.OpenAI(base_url=url, api_key="k", max_retries=0) as client:
        for _ in range(times):
            chunks = client.chat.completions.create(model="m", messages=ASKED, stream=True)
            yield [c.choices[0].finish_reason for c in chunks if c.choices][-1]


def openai_chat_helper(url: str, times: int) -> Iterator[str | None]:
    with openai.OpenAI(base_url=url, api_key="k", max_retries=0) as client:
        for _ in range(times):
            with (
                client.chat.completions.stream(model="m", messages=ASKED) as stream,
                pytest.raises(openai.LengthFinishReasonError) as cut_off,
            ):
                stream.get_final_completion()
            yield cut_off.value.completion.choices[0].finish_reason


def groq_chat(url: str, times: int) -> Iterator[str | None]:
    with groq.Groq(base_url=url, api_key="k", max_retries=0) as client:
        for _ in range(times):
            chunks = client.chat.completions.create(model="m", messages=ASKED, stream=True)
            yield [c.choices[0].finish_reason for c in chunks if c.choices][-1]


def mistral_chat(url: str, times: int) -> Iterator[str | None]:
    with Mistral(server_url=url, api_key="k") as client:
        for _ in range(times):
            events = client.chat.stream(model="m", messages=ASKED)
            chunks = [event.data for event in events]
            yield [c.choices[0].finish_reason for c in chunks if c.choices][-1]


def openai_responses(url: str, times: int) -> Iterator[str | None]:
    with openai.OpenAI(base_url=url, api_key="k", max_retries=0) as client:
        for _ in range(times):
            *_, last = client.responses.create(model="m", input="hello", stream=True)
            assert isinstance(last, openai.types.responses.ResponseIncompleteEvent)
            details = last.response.incomplete_details
            assert details is not None
            yield details.reason


def openai_responses_helper(url: str, times: int) -> Iterator[str | None]:
    with openai.OpenAI(base_url=url, api_key="k", max_retries=0) as client:
        for _ in range(times):
            with client.responses.stream(model="m", input="hello") as stream:
                *_, last = stream
            assert last.type == "response.incomplete"
            assert last.response.incomplete_details is not None
            yield last.response.incomplete_details.reason


def anthropic_messages(url: str, times: int) -> Iterator[str | None]:
    with anthropic.Anthropic(base_url=url, api_key="k", max_retries=0) as client:
        for _ in range(times):
            with client.messages.stream(model="m", messages=ASKED, max_tokens=10) as stream:
                message = stream.get_final_message()
            assert message.usage.output_tokens == 7
            yield message.stop_reason


def google(url: str, times: int) -> Iterator[str | None]:
    options = google_types.HttpOptions(base_url=url)
    client = genai.Client(api_key="k", http_options=options)
    try:
        for _ in range(times):
            *_, last = client.models.generate_content_stream(model="m", contents="hello")
            assert last.candidates
            reason = last.candidates[0].finish_reason
            yield None if reason is None else reason.value
    finally:
        client.close()


def google_interactions(url: str, times: int) -> Iterator[str | None]:
    options = google_types.HttpOptions(base_url=url)
    client = genai.Client(api_key="k", http_options=options)
    try:
        for _ in range(times):
            last: Any
            *_, last = client.interactions.create(model="m", input="hello", stream=True)
            assert last.event_type == "interaction.completed"
            yield last.interaction.status
    finally:
        client.close()


def ollama_chat(url: str, times: int) -> Iterator[str | None]:
    with ollama.Client(host=url) as client:
        for _ in range(times):
            *_, last = client.chat("m", messages=ASKED, stream=True)
            assert last.done
            yield last.done_reason


def ollama_generate(url: str, times: int) -> Iterator[str | None]:
    with ollama.Client(host=url) as client:
        for _ in range(times):
            *_, last = client.generate("m", "hello", stream=True)
            assert last.done
            yield last.done_reason


def cohere_chat(url: str, times: int) -> Iterator[str | None]:
    client = cohere.ClientV2(api_key="k", base_url=url)
    for _ in range(times):
        *_, last = client.chat_stream(model="m", messages=ASKED)
        assert last.type == "message-end"
        assert last.delta is not None
        yield last.delta.finish_reason


Ask = Callable[[str, int], Iterator[str | None]]
EVENTS = [stream for stream in ALL_STREAMS if stream.content_type != "application/json"]


def of(format: Format, *, but: tuple[str, ...] = ()) -> list[Stream]:  # noqa: A002
    """Its streams, without those that the SDK can't read even when nobody cuts them."""
    return [s for s in EVENTS if s.format == format and s.case not in but]


NO_RETRIES = ("legacy", "stream_event_id_retry_lines")
SDKS: list[tuple[Ask, str, list[Stream]]] = [
    (openai_chat, "length", of("openai-chat", but=NO_RETRIES)),
    (openai_chat_helper, "length", [named("openai-chat/stream_tool_calls")]),
    (groq_chat, "length", of("openai-chat", but=NO_RETRIES)),
    (mistral_chat, "length", of("openai-chat", but=("legacy", "stream_tool_calls"))),
    (openai_responses, "max_output_tokens", of("openai-responses")),
    (
        openai_responses_helper,
        "max_output_tokens",
        [named("openai-responses/answer"), named("openai-responses/refusal")],
    ),
    (
        anthropic_messages,
        "max_tokens",
        of("anthropic-messages", but=("stream_compat_no_event_lines",)),
    ),
    (google, "MAX_TOKENS", of("gemini")),
    (google_interactions, "incomplete", of("gemini-interactions")),
    (ollama_chat, "length", of("ollama", but=("stream_generate",))),
    (ollama_generate, "length", [named("ollama/stream_generate")]),
    (cohere_chat, "MAX_TOKENS", of("cohere-v2")),
]


@pytest.mark.parametrize(
    ("ask", "reason", "streams"), SDKS, ids=[ask.__name__ for ask, *_ in SDKS]
)
def test_the_sdk_reads_a_cut_stream_as_one_that_reached_its_limit(
    ask: Ask, reason: str, streams: list[Stream]
) -> None:
    bodies, names = [], []
    for stream in streams:
        for at in borders(stream):
            found = cut(stream, at)
            if reason.encode() in found.added:  # else it had ended, or failed, by itself
                bodies.append(found.all)
                names.append(f"{stream.name} at {at}")
    assert {name.partition(" at ")[0] for name in names} == {s.name for s in streams}
    with answering(bodies, streams[0].content_type) as url:
        reasons = list(ask(url, len(bodies)))
    assert dict(zip(names, reasons, strict=True)) == dict.fromkeys(names, reason)
