"""The vendors' own SDKs, unmodified, are content; their numbers equal the ledger's."""

from __future__ import annotations

from typing import Any

import anthropic
import openai
import pytest
from google import genai
from google.genai import types
from google.genai.errors import ClientError, ServerError

from adapters.simulator.counting import tokens_of
from tests.adapters.simulator.given import KEY, PROMPT, PROMPT_TOKENS, Vendor

MESSAGES: Any = [{"role": "user", "content": PROMPT}]
GREETING = f"Hello from the simulator. You said: {PROMPT}"


def in_ledger(vendor: Vendor) -> tuple[str, int, int]:
    item = vendor.only_item()
    assert item["outcome"] == "complete"
    return item["id"], item["input_tokens"], item["output_tokens"]


def openai_client(vendor: Vendor) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{vendor.url}/v1", api_key=KEY, max_retries=0)


def anthropic_client(vendor: Vendor) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=vendor.url, api_key=KEY, max_retries=0)


def genai_client(vendor: Vendor) -> genai.Client:
    options = types.HttpOptions(base_url=vendor.url)
    return genai.Client(api_key=KEY, http_options=options)


def test_openai_chat_plain(vendor: Vendor) -> None:
    with openai_client(vendor) as client:
        answer = client.chat.completions.create(model="gpt-5-mini", messages=MESSAGES)
    assert (answer.model, answer.choices[0].message.content) == ("gpt-5-mini", GREETING)
    assert answer.usage is not None
    usage = (answer.id, answer.usage.prompt_tokens, answer.usage.completion_tokens)
    assert usage == (answer.id, PROMPT_TOKENS, tokens_of(GREETING)) == in_ledger(vendor)


def test_openai_chat_streamed(vendor: Vendor) -> None:
    with openai_client(vendor) as client:
        chunks = list(
            client.chat.completions.create(
                model="gpt-5-mini+reasoning=5",
                messages=MESSAGES,
                stream=True,
                stream_options={"include_usage": True},
            )
        )
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == GREETING
    last = chunks[-1]
    assert last.usage is not None
    assert all(chunk.usage is None for chunk in chunks[:-1])
    usage = (last.id, last.usage.prompt_tokens, last.usage.completion_tokens)
    assert usage == (last.id, PROMPT_TOKENS, tokens_of(GREETING) + 5) == in_ledger(vendor)


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("reasoning", [0, 3, 9])
def test_openai_limits_hold_for_text_and_reasoning_together(
    vendor: Vendor, limit: str, reasoning: int
) -> None:
    asked: Any = {"model": f"m+reasoning={reasoning}", "messages": MESSAGES, limit: 5}
    with openai_client(vendor) as client:
        answer = client.chat.completions.create(**asked)
    assert answer.choices[0].finish_reason == "length"
    text = answer.choices[0].message.content
    assert text == GREETING[: 4 * (5 - min(reasoning, 5))]
    assert in_ledger(vendor) == (answer.id, PROMPT_TOKENS, 5)


def test_openai_streams_no_usage_unless_it_is_asked_for(vendor: Vendor) -> None:
    with openai_client(vendor) as client:
        chunks = list(
            client.chat.completions.create(model="m", messages=MESSAGES, stream=True)
        )
    assert all(chunk.choices for chunk in chunks)
    assert vendor.only_item()["input_tokens"] is None
    assert vendor.only_item()["billed_output_tokens"] == tokens_of(GREETING)


def test_openai_responses_plain_and_streamed(vendor: Vendor) -> None:
    with openai_client(vendor) as client:
        plain = client.responses.create(model="gpt-5-mini", input=PROMPT)
        with client.responses.stream(model="m+reasoning=4", input=PROMPT) as stream:
            streamed = stream.get_final_response()
    assert plain.output_text == streamed.output_text == GREETING
    for answer, item in zip((plain, streamed), vendor.items(), strict=True):
        assert answer.usage is not None
        assert (item["id"], item["input_tokens"]) == (answer.id, answer.usage.input_tokens)
        assert item["output_tokens"] == answer.usage.output_tokens
    assert vendor.items()[1]["output_tokens"] == tokens_of(GREETING) + 4


def test_openai_responses_that_reach_their_limit_are_incomplete(vendor: Vendor) -> None:
    with openai_client(vendor) as client:
        limits: Any = {"model": "m", "input": PROMPT, "max_output_tokens": 3}
        plain = client.responses.create(**limits)
        *_, last = client.responses.create(stream=True, **limits)
    assert (plain.status, plain.output_text) == ("incomplete", GREETING[:12])
    assert last.type == "response.incomplete"


@pytest.mark.parametrize("asked", [{}, {"encoding_format": "float"}])
def test_openai_embeddings(vendor: Vendor, asked: Any) -> None:
    with openai_client(vendor) as client:
        answer = client.embeddings.create(
            model="e", input=["abcd", "abcde"], dimensions=3, **asked
        )
    assert [len(each.embedding) for each in answer.data] == [3, 3]
    assert answer.data[0].embedding != answer.data[1].embedding
    assert answer.usage.prompt_tokens == 3
    _, *tokens = in_ledger(vendor)
    assert tokens == [3, 0]


def test_openai_errors_are_typed(vendor: Vendor) -> None:
    kinds = {
        401: openai.AuthenticationError,
        429: openai.RateLimitError,
        500: openai.InternalServerError,
    }
    with openai_client(vendor) as client:
        for status, kind in kinds.items():
            with pytest.raises(kind):
                client.chat.completions.create(
                    model=f"m+status={status}", messages=MESSAGES
                )
        with pytest.raises(openai.APIError, match="had an error"):
            list(
                client.chat.completions.create(
                    model="m+error=2", messages=MESSAGES, stream=True
                )
            )


def test_anthropic_plain(vendor: Vendor) -> None:
    with anthropic_client(vendor) as client:
        answer = client.messages.create(
            model="claude-sonnet-4-5+reasoning=6+cached=2", max_tokens=99, messages=MESSAGES
        )
    thinking, text = answer.content
    assert thinking.type == "thinking"
    assert text.type == "text"
    assert (text.text, answer.stop_reason) == (GREETING, "end_turn")
    usage = answer.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens) == (PROMPT_TOKENS - 2, 2)
    expected = (answer.id, PROMPT_TOKENS, usage.output_tokens)
    assert in_ledger(vendor) == expected
    assert usage.output_tokens == tokens_of(GREETING) + 6


def test_anthropic_streamed(vendor: Vendor) -> None:
    with (
        anthropic_client(vendor) as client,
        client.messages.stream(
            model="m+reasoning=6", max_tokens=9, messages=MESSAGES, system="Be brief."
        ) as stream,
    ):
        answer = stream.get_final_message()
    assert answer.stop_reason == "max_tokens"
    assert answer.content[1].type == "text"
    assert answer.content[1].text == GREETING[:12]
    usage = (answer.id, answer.usage.input_tokens, answer.usage.output_tokens)
    assert usage == (answer.id, PROMPT_TOKENS + 6, 9) == in_ledger(vendor)


def test_anthropic_counts_tokens_and_lists_models_free_of_charge(vendor: Vendor) -> None:
    with anthropic_client(vendor) as client:
        counted = client.messages.count_tokens(model="m", messages=MESSAGES)
        models = client.models.list().data
    assert counted.input_tokens == PROMPT_TOKENS
    assert {model.type for model in models} == {"model"}
    assert [item["metered"] for item in vendor.items()] == [False, False]
    assert vendor.client.get("/ledger").json()["totals"]["calls"] == 0


def test_anthropic_errors_are_typed(vendor: Vendor) -> None:
    kinds: list[tuple[str, type[anthropic.APIError], bool]] = [
        ("status=401", anthropic.AuthenticationError, False),
        ("status=429", anthropic.RateLimitError, False),
        ("status=529", anthropic.InternalServerError, False),
        ("error=3", anthropic.APIStatusError, True),
    ]
    with anthropic_client(vendor) as client:
        for directive, kind, stream in kinds:
            with pytest.raises(kind):
                list(
                    client.messages.create(
                        model=f"m+{directive}",
                        max_tokens=9,
                        messages=MESSAGES,
                        stream=stream,
                    )
                )


def test_gemini_plain(vendor: Vendor) -> None:
    with genai_client(vendor) as client:
        answer = client.models.generate_content(
            model="gemini-2.5-flash+reasoning=6+cached=2", contents=PROMPT
        )
    assert (answer.text, answer.model_version) == (GREETING, "gemini-2.5-flash")
    usage = answer.usage_metadata
    assert usage is not None
    assert (usage.thoughts_token_count, usage.cached_content_token_count) == (6, 2)
    total = PROMPT_TOKENS + tokens_of(GREETING) + 6
    assert usage.total_token_count == total
    expected = (answer.response_id, PROMPT_TOKENS, tokens_of(GREETING) + 6)
    assert in_ledger(vendor) == expected


def test_gemini_streamed(vendor: Vendor) -> None:
    with genai_client(vendor) as client:
        config = types.GenerateContentConfig(max_output_tokens=5)
        chunks = list(
            client.models.generate_content_stream(model="m", contents=PROMPT, config=config)
        )
    assert "".join(chunk.text or "" for chunk in chunks) == GREETING[:20]
    last = chunks[-1]
    assert last.candidates is not None
    assert last.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS
    assert last.usage_metadata is not None
    counts = last.usage_metadata
    usage = (last.response_id, counts.prompt_token_count, counts.candidates_token_count)
    assert usage == (last.response_id, PROMPT_TOKENS, 5) == in_ledger(vendor)


def test_gemini_embeds_counts_and_lists(vendor: Vendor) -> None:
    with genai_client(vendor) as client:
        embedded = client.models.embed_content(model="e", contents=["abcd", "efghi"])
        counted = client.models.count_tokens(model="m", contents=PROMPT)
        names = [model.name for model in client.models.list()]
    assert embedded.embeddings is not None
    assert [len(each.values or []) for each in embedded.embeddings] == [8, 8]
    assert counted.total_tokens == PROMPT_TOKENS
    assert "models/gemini-2.5-flash" in names
    assert vendor.items()[0]["input_tokens"] == 3


def test_gemini_errors_are_typed(vendor: Vendor) -> None:
    with genai_client(vendor) as client:
        with pytest.raises(ClientError) as throttled:
            client.models.generate_content(model="m+status=429", contents=PROMPT)
        with pytest.raises(ServerError, match="overloaded"):
            list(client.models.generate_content_stream(model="m+error=2", contents=PROMPT))
    assert (throttled.value.code, throttled.value.status) == (429, "RESOURCE_EXHAUSTED")


def test_the_models_of_openai_are_listed_to_its_sdk(vendor: Vendor) -> None:
    with openai_client(vendor) as client:
        assert "gpt-5-mini" in [model.id for model in client.models.list()]
