"""Realtime sessions of OpenAI's own client; what it is told equals the ledger."""

from __future__ import annotations

import base64
import time
from typing import Any

import openai
import pytest
from openai.resources.realtime.realtime import RealtimeConnection
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect

from adapters.simulator.counting import MESSAGE_TOKENS, tokens_of
from tests.adapters.simulator.given import KEY, PROMPT, PROMPT_TOKENS, Vendor

# OpenAI's blocking client opens its line in a way that `websockets` has left behind.
pytestmark = pytest.mark.filterwarnings(
    r"ignore:connect\(\) must be used:DeprecationWarning"
)

GREETING = f"Hello from the simulator. You said: {PROMPT}"


def client_of(vendor: Vendor, key: str = KEY) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{vendor.url}/v1", api_key=key, max_retries=0)


def ask(connection: RealtimeConnection) -> list[Any]:
    """All events of the answer to PROMPT."""
    connection.conversation.item.create(
        item={
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": PROMPT}],
        }
    )
    return respond(connection)


def respond(connection: RealtimeConnection) -> list[Any]:
    connection.response.create()
    events: list[Any] = []
    while not events or events[-1].type != "response.done":
        events.append(connection.recv())
    return events


def booked(vendor: Vendor) -> dict[str, Any]:
    """The one session in the ledger, once it is there."""
    deadline = time.monotonic() + 5
    while not (items := vendor.items()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    (item,) = items
    return item


def test_turns_are_answered_and_their_usage_is_that_of_the_ledger(vendor: Vendor) -> None:
    with client_of(vendor) as client, client.realtime.connect(model="m") as connection:
        created = connection.recv()
        assert created.type == "session.created"
        first, second = ask(connection), ask(connection)
    said = "".join(e.delta for e in first if e.type == "response.output_text.delta")
    assert said == GREETING
    one, two = first[-1].response.usage, second[-1].response.usage
    answer = tokens_of(GREETING)
    assert (one.input_tokens, one.output_tokens) == (PROMPT_TOKENS, answer)
    assert two.input_tokens == 2 * PROMPT_TOKENS + MESSAGE_TOKENS + answer
    item = booked(vendor)
    assert (item["status"], item["outcome"], item["stream"]) == (101, "complete", True)
    assert item["vendor_format"] == "openai-realtime"
    assert item["id"].startswith("sess_")
    assert item["input_tokens"] == one.input_tokens + two.input_tokens
    assert item["output_tokens"] == one.output_tokens + two.output_tokens


def test_sound_costs_a_token_for_a_tenth_of_a_second(vendor: Vendor) -> None:
    with client_of(vendor) as client, client.realtime.connect(model="m") as connection:
        connection.recv()
        connection.session.update(
            session={
                "type": "realtime",
                "output_modalities": ["audio"],
                "audio": {"input": {"transcription": {"model": "whisper-1"}}},
            }
        )
        sound = base64.b64encode(bytes(4_801)).decode()
        connection.input_audio_buffer.append(audio=sound)
        connection.input_audio_buffer.commit()
        events = respond(connection)
    (heard,) = [e for e in events if e.type.endswith("input_audio_transcription.completed")]
    usage = events[-1].response.usage
    assert heard.usage.input_tokens == usage.input_token_details.audio_tokens == 2
    pieces = sum(event.type == "response.output_audio.delta" for event in events)
    assert usage.output_token_details.audio_tokens == pieces
    item = booked(vendor)
    assert item["input_tokens"] == 2 + usage.input_tokens
    assert item["output_tokens"] == heard.usage.output_tokens + usage.output_tokens


@pytest.mark.parametrize(
    ("directives", "outcome"), [("cut=3", "cut"), ("stall=3", "client_left")]
)
def test_a_session_that_ends_within_a_response_has_stated_nothing(
    vendor: Vendor, directives: str, outcome: str
) -> None:
    url = f"{vendor.url}/v1/realtime?model=m%2B{directives}".replace("http", "ws", 1)
    with connect(url, additional_headers={"authorization": f"Bearer {KEY}"}) as line:
        line.send('{"type":"response.create"}')
        for _ in range(4):
            line.recv()
        if outcome == "cut":
            with pytest.raises(ConnectionClosedError):
                line.recv()
    item = booked(vendor)
    assert (item["outcome"], item["input_tokens"]) == (outcome, None)


def test_what_is_wrong_is_said_and_the_session_goes_on(vendor: Vendor) -> None:
    with client_of(vendor) as client, client.realtime.connect(model="m+error=2") as line:
        line.recv()
        line.send({"type": "unknown"})  # type: ignore[arg-type]
        mistake = line.recv()
        assert mistake.type == "error"
        assert mistake.error.type == "invalid_request_error"
        failed = respond(line)[-1].response
        assert (failed.status, failed.usage) == ("failed", None)
        assert failed.status_details.error.code == "server_error"


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        ("/v1/realtime?model=m%2Bstatus=429", KEY, 429),
        ("/v1/realtime", KEY, 400),
        ("/v1/realtime?model=m", "", 401),
        ("/v1/chat/completions?model=m", KEY, 404),
    ],
)
def test_an_opening_is_refused_in_http(
    vendor: Vendor, path: str, key: str, status: int
) -> None:
    url = f"{vendor.url}{path}".replace("http", "ws", 1)
    headers = {"authorization": f"Bearer {key}"} if key else {}
    with pytest.raises(InvalidStatus) as refused, connect(url, additional_headers=headers):
        pass
    assert refused.value.response.status_code == status
    assert booked(vendor)["status"] == status
