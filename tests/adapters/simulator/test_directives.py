"""Each directive does what it says, in every vendor's format, and the ledger tells."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from adapters.simulator.counting import tokens_of
from tests.adapters.simulator.given import (
    FORMATS,
    KEY,
    PROMPT,
    PROMPT_TOKENS,
    Vendor,
    events_of,
    headers_of,
    request_of,
    text_of,
    usage_of,
)

every_format = pytest.mark.parametrize("form", FORMATS)
plain_and_streamed = pytest.mark.parametrize("stream", [False, True])
USAGE = ("input_tokens", "output_tokens", "cache_read_tokens", "reasoning_tokens")


def stated(item: dict[str, Any]) -> dict[str, int] | None:
    usage = {name: item[name] for name in USAGE}
    return None if usage["input_tokens"] is None else usage


def received_of(vendor: Vendor, form: str, model: str) -> str:
    """What arrives of a stream that is cut; an array is given its missing end."""
    path, body = request_of(form, model, stream=True)
    headers = headers_of(stream=True)
    chunks: list[str] = []
    with (
        pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"),
        vendor.client.stream("POST", path, json=body, headers=headers) as answer,
    ):
        chunks.extend(answer.iter_text())
    received = "".join(chunks)
    unended = form == "gemini-array" and not received.endswith("]")
    return received + "]" if unended else received


@every_format
@plain_and_streamed
def test_a_usual_answer_greets_and_states_exact_tokens(
    vendor: Vendor, form: str, *, stream: bool
) -> None:
    answer = vendor.call(form, stream=stream)
    text = text_of(answer.text, stream=stream)
    assert text == f"Hello from the simulator. You said: {PROMPT}"
    usage = usage_of(form, answer.text, stream=stream)
    assert usage == dict(zip(USAGE, (PROMPT_TOKENS, tokens_of(text), 0, 0), strict=True))
    item = vendor.only_item()
    assert stated(item) == usage
    assert (item["billed_input_tokens"], item["billed_output_tokens"]) == (
        PROMPT_TOKENS,
        tokens_of(text),
    )
    assert (item["outcome"], item["status"], item["stream"]) == ("complete", 200, stream)
    assert item["id"] in answer.text or item["id"] == answer.headers["x-request-id"]


@every_format
@plain_and_streamed
def test_tokens_reasoning_and_cached_are_exact(
    vendor: Vendor, form: str, *, stream: bool
) -> None:
    answer = vendor.call(form, "m+tokens=50+reasoning=20+cached=5", stream=stream)
    assert tokens_of(text_of(answer.text, stream=stream)) == 50
    usage = usage_of(form, answer.text, stream=stream)
    cached = 0 if form.startswith("ollama") else 5
    reasoning = 0 if form.startswith(("ollama", "cohere")) else 20
    expected = (PROMPT_TOKENS, 70, cached, reasoning)
    assert usage == dict(zip(USAGE, expected, strict=True))
    assert stated(vendor.only_item()) == usage


@every_format
@plain_and_streamed
def test_nousage_states_nothing_but_is_billed(
    vendor: Vendor, form: str, *, stream: bool
) -> None:
    answer = vendor.call(form, "m+nousage+tokens=9", stream=stream)
    assert usage_of(form, answer.text, stream=stream) is None
    item = vendor.only_item()
    assert stated(item) is None
    assert (item["billed_input_tokens"], item["billed_output_tokens"]) == (PROMPT_TOKENS, 9)


@every_format
@plain_and_streamed
def test_big_answers_have_the_size_asked_for(
    vendor: Vendor, form: str, *, stream: bool
) -> None:
    size = 1 << 20
    asked = form == "anthropic-messages"  # whose requests carry a limit of their own
    answer = vendor.call(form, f"m+big={size}", stream=stream)
    expected = 4000 if asked else size
    assert len(text_of(answer.text, stream=stream)) == expected
    item = vendor.only_item()
    assert item["outcome"] == "complete"
    assert stated(item) == usage_of(form, answer.text, stream=stream)
    assert item["output_tokens"] == expected // 4


@every_format
@plain_and_streamed
def test_echo_puts_the_credential_into_the_text(
    vendor: Vendor, form: str, *, stream: bool
) -> None:
    answer = vendor.call(form, "m+echo", stream=stream)
    assert KEY in text_of(answer.text, stream=stream)


@every_format
def test_a_stream_cut_anywhere_stated_and_cost_what_its_bytes_say(
    vendor: Vendor, form: str
) -> None:
    whole = vendor.call(form, "m+tokens=3+reasoning=2", stream=True).text
    number = len(events_of(whole))
    for cut in range(1, number + 1):
        vendor.client.delete("/ledger")
        received = received_of(vendor, form, f"m+tokens=3+reasoning=2+cut={cut}")
        assert len(events_of(received)) == cut
        item = vendor.only_item()
        assert item["outcome"] == "cut"
        assert stated(item) == usage_of(form, received, stream=True)
        assert item["billed_output_tokens"] == 2 + tokens_of(text_of(received, stream=True))


@every_format
def test_a_cut_of_all_chunks_still_lacks_the_end_of_the_body(
    vendor: Vendor, form: str
) -> None:
    received = received_of(vendor, form, "m+tokens=2+cut=1000")
    item = vendor.only_item()
    assert (item["outcome"], item["billed_output_tokens"]) == ("cut", 2)
    assert stated(item) == usage_of(form, received, stream=True)
    assert item["output_tokens"] == 2


@every_format
def test_a_plain_answer_is_cut_in_its_middle(vendor: Vendor, form: str) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        vendor.call(form, "m+cut=1")
    item = vendor.only_item()
    assert (item["outcome"], stated(item)) == ("cut", None)


@every_format
@plain_and_streamed
def test_cut_0_gives_no_byte_at_all(vendor: Vendor, form: str, *, stream: bool) -> None:
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        vendor.call(form, "m+cut=0", stream=stream)
    item = vendor.only_item()
    assert (item["outcome"], stated(item)) == ("cut", None)


@every_format
@pytest.mark.parametrize("after", [0, 3, 1000])
def test_an_error_event_ends_a_stream(vendor: Vendor, form: str, after: int) -> None:
    answer = vendor.call(form, f"m+tokens=8+error={after}", stream=True)
    assert answer.status_code == 200
    *before, last = events_of(answer.text)
    failed = last["code"] if form.startswith("dashscope") else last.get("type") == "error"
    assert failed or "error" in last or "error" in last["delta"]
    assert "[DONE]" not in answer.text
    assert len(before) == after or after == 1000
    item = vendor.only_item()
    assert (item["outcome"], item["status"]) == ("error", 200)
    assert stated(item) == usage_of(form, answer.text, stream=True)


@every_format
def test_an_error_of_a_plain_call_is_a_500(vendor: Vendor, form: str) -> None:
    answer = vendor.call(form, "m+error=3")
    assert answer.status_code == 500
    assert "had an error" in answer.text
    assert vendor.only_item()["outcome"] == "error"


@every_format
@plain_and_streamed
@pytest.mark.parametrize("status", [400, 401, 402, 429, 500, 503, 529])
def test_a_status_comes_in_the_vendors_shape(
    vendor: Vendor, form: str, *, stream: bool, status: int
) -> None:
    answer = vendor.call(form, f"m+status={status}", stream=stream)
    assert answer.status_code == status
    assert answer.headers.get("retry-after") == ("1" if status in {429, 503, 529} else None)
    body = answer.json()
    if form == "gemini-array" and stream:
        (body,) = body
    if form.startswith(("cohere", "ollama")):
        assert set(body) == ({"error"} if form[0] == "o" else {"id", "message"})
    elif form.startswith("dashscope"):
        assert set(body) == {"code", "message", "request_id"}
    elif form.startswith(("openai", "azure")):
        assert set(body["error"]) == {"message", "type", "param", "code"}
    elif form == "anthropic-messages":
        assert (body["type"], set(body["error"])) == ("error", {"type", "message"})
    else:
        assert body["error"]["code"] == status
    item = vendor.only_item()
    assert (item["outcome"], item["status"], item["model"]) == ("error", status, "m")
    assert (item["billed_input_tokens"], item["billed_output_tokens"]) == (0, 0)


def test_of_several_calls_some_are_refused(vendor: Vendor) -> None:
    model = "m+status=500+one_in=2"
    statuses = [vendor.call("openai-chat", model).status_code for _ in range(40)]
    assert set(statuses) == {200, 500}
    assert 8 <= statuses.count(500) <= 32


def test_it_says_the_word_that_it_is_told(vendor: Vendor) -> None:
    answer = vendor.call("openai-chat", "m+say=complex").json()
    assert answer["choices"][0]["message"]["content"] == "complex"


def test_a_code_replaces_the_retry_after(vendor: Vendor) -> None:
    answer = vendor.call("openai-chat", "m+status=429+code=insufficient_quota")
    assert answer.json()["error"]["code"] == "insufficient_quota"
    assert "retry-after" not in answer.headers


def test_an_error_can_echo_the_credential(vendor: Vendor) -> None:
    assert KEY in vendor.call("openai-chat", "m+status=401+echo").json()["error"]["message"]


@every_format
@plain_and_streamed
def test_slow_delays_the_first_byte(vendor: Vendor, form: str, *, stream: bool) -> None:
    begun = time.monotonic()
    vendor.call(form, "m+slow=150", stream=stream)
    assert time.monotonic() - begun >= 0.15
    assert vendor.only_item()["outcome"] == "complete"


@every_format
def test_pace_spreads_the_chunks(vendor: Vendor, form: str) -> None:
    begun = time.monotonic()
    answer = vendor.call(form, "m+pace=30,tokens=5", stream=True)
    assert time.monotonic() - begun >= 0.12
    assert vendor.only_item()["outcome"] == "complete"
    assert text_of(answer.text, stream=True) == "Hello from the simul"


@pytest.mark.parametrize("stall", ["stall", "stall=2"])
def test_a_stalled_stream_ends_when_the_client_leaves(vendor: Vendor, stall: str) -> None:
    with pytest.raises(httpx.ReadTimeout):
        vendor.client.post(
            "/v1/chat/completions",
            json=request_of("openai-chat", f"m+{stall}", stream=True)[1],
            headers={"authorization": KEY},
            timeout=0.3,
        )
    item = _eventually_only_item(vendor)
    assert item["outcome"] == "client_left"
    assert item["billed_output_tokens"] == (1 if stall == "stall=2" else 0)


def _eventually_only_item(vendor: Vendor) -> dict[str, Any]:
    for _ in range(100):
        if vendor.items():
            break
        time.sleep(0.02)
    return vendor.only_item()
