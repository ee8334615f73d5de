"""SDKs at vendors that they are not made for, and where the token may stand.

Each SDK at its own vendor is in `test_sdk_matrix.py`.
"""

from __future__ import annotations

from hashlib import sha256

import httpx
import pytest

from domain.calls import CallSettled
from tests.journeys.plane import DataPlane, TestBot, chat_body, new_model
from tests.journeys.sdks import (
    ask_openai,
    openai_sdk,
    stream_openai,
)


def test_a_custom_endpoint_is_called_with_the_same_sdk(
    data_plane: DataPlane, bot: TestBot
) -> None:
    model = new_model()
    with openai_sdk(data_plane, bot.token, vendor="custom") as client:
        ask_openai(client, model)
    (booked,) = data_plane.ledger(model)
    assert data_plane.only(bot, CallSettled).usage.input_tokens == booked["input_tokens"]


@pytest.mark.parametrize("streamed", [False, True])
def test_embeddings_and_anthropics_openai_layer_are_metered_too(
    data_plane: DataPlane,
    bot: TestBot,
    streamed: bool,  # noqa: FBT001
) -> None:
    model = new_model()
    with openai_sdk(data_plane, bot.token, vendor="anthropic") as client:
        (stream_openai if streamed else ask_openai)(client, model)
    (booked,) = data_plane.ledger(model)
    assert data_plane.only(bot, CallSettled).usage.output_tokens == booked["output_tokens"]
    embedder, model = data_plane.new_bot(), new_model()
    with openai_sdk(data_plane, embedder.token) as client:
        client.embeddings.create(model=model, input="hello")
    (booked,) = data_plane.ledger(model)
    settled = data_plane.only(embedder, CallSettled)
    assert settled.usage.input_tokens == booked["input_tokens"]


# Tokens.


@pytest.mark.parametrize(
    "place", ["Authorization", "x-api-key", "x-goog-api-key", "api-key", "?key="]
)
@pytest.mark.parametrize("vendor", ["openai", "custom"])
def test_the_token_is_taken_from_any_place_and_only_our_key_goes_upstream(
    data_plane: DataPlane, bot: TestBot, place: str, vendor: str
) -> None:
    model = new_model()
    in_query = place == "?key="
    value = f"Bearer {bot.token}" if place == "Authorization" else bot.token
    answer = httpx.post(
        f"{data_plane.url}/{vendor}/v1/chat/completions",
        params={"key": bot.token, "a": "b"} if in_query else {},
        headers={} if in_query else {place: value},
        json=chat_body(model),
    )
    assert answer.status_code == 200
    (booked,) = data_plane.ledger(model)
    assert booked["credential_sha256"] == sha256(data_plane.secret.encode()).hexdigest()
    assert booked["credential_last4"] == data_plane.secret[-4:]
    assert booked["other_credentials_sha256"] == []


def test_a_token_that_stands_in_two_places_is_removed_from_both(
    data_plane: DataPlane, bot: TestBot
) -> None:
    model = new_model()
    places = ("x-api-key", "x-goog-api-key", "api-key")
    answer = httpx.post(
        f"{data_plane.url}/google/v1beta/models/{model}:generateContent",
        params=[("key", bot.token), ("key", bot.token)],
        headers={**bot.bearer, **dict.fromkeys(places, bot.token)},
        json={"contents": [{"parts": [{"text": "hello"}]}]},
    )
    assert answer.status_code == 200
    (booked,) = data_plane.ledger(model)
    assert booked["credential_sha256"] == sha256(data_plane.secret.encode()).hexdigest()
    assert booked["other_credentials_sha256"] == []
