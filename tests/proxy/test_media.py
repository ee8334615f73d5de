"""Images and sound through the proxy: metered in their own units, kept to their models."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from domain.calls import CallAdmitted, CallSettled
from domain.usage import OtherUnits, UsageSource
from tests.journeys.plane import DataPlane, TestBot, link_to, new_model

SOUND = b"\0\xff" * 2048  # 4 tokens


@pytest.fixture
def sdk(data_plane: DataPlane, bot: TestBot) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        api_key=bot.token, base_url=f"{data_plane.url}/openai/v1", max_retries=0
    ) as client:
        yield client


def settled(plane: DataPlane, bot: TestBot, model: str) -> CallSettled:
    """The end of the bot's one call, which the vendor has on its books alike."""
    end, (item,) = plane.only(bot, CallSettled), plane.ledger(model)
    assert end.facts.requested_model == plane.only(bot, CallAdmitted).facts.requested_model
    stated = (item["input_tokens"], item["output_tokens"])
    assert (end.usage.input_tokens, end.usage.output_tokens) == stated
    return end


@pytest.mark.parametrize("stream", [False, True])
def test_a_transcription_is_metered_by_what_was_heard(
    data_plane: DataPlane, bot: TestBot, sdk: openai.OpenAI, *, stream: bool
) -> None:
    model = new_model()
    heard: Any = sdk.audio.transcriptions.create(
        model=model, file=("a.mp3", SOUND, "audio/mpeg"), stream=stream
    )
    text = [event.text for event in heard if event.type.endswith("done")] if stream else []
    assert (text or [heard.text]) == ["Hello from the recording."]
    end = settled(data_plane, bot, model)
    assert end.usage.other == OtherUnits(audio_input_tokens=4)
    assert end.usage.source is UsageSource.REPORTED
    admitted = data_plane.only(bot, CallAdmitted)
    assert (admitted.format, admitted.streaming) == ("openai-audio", stream)
    assert admitted.facts.requested_model == model


def test_images_are_metered_by_their_number_and_their_tokens(
    data_plane: DataPlane, bot: TestBot, sdk: openai.OpenAI
) -> None:
    model = new_model()
    made = sdk.images.generate(model=model, prompt="two cats", n=2)
    assert len(made.data or ()) == 2
    end = settled(data_plane, bot, model)
    assert end.usage.other == OtherUnits(images=2, image_input_tokens=0)
    assert data_plane.only(bot, CallAdmitted).format == "openai-images"


@pytest.mark.parametrize("stream", [False, True])
def test_an_edited_image_is_paid_for_by_the_one_that_was_given(
    data_plane: DataPlane, bot: TestBot, sdk: openai.OpenAI, *, stream: bool
) -> None:
    model, image = new_model(), base64.b64decode("iVBORw0KGgo=")
    made: Any = sdk.images.edit(
        model=model, prompt="a hat", image=[("a.png", image)], stream=stream
    )
    assert len(list(made) if stream else made.data) == 1
    end = settled(data_plane, bot, model)
    assert end.usage.other == OtherUnits(images=1, image_input_tokens=8)
    assert data_plane.only(bot, CallAdmitted).streaming is stream


def test_speech_passes_as_it_is_and_what_it_cost_is_unknown(
    data_plane: DataPlane, bot: TestBot, sdk: openai.OpenAI
) -> None:
    model = new_model()
    sound = sdk.audio.speech.create(model=model, input="hi", voice="a")
    assert sound.content.startswith(b"ID3\x04\xff\xfb")
    end = settled(data_plane, bot, model)
    assert (end.usage.source, end.usage.input_tokens) == (UsageSource.ESTIMATED, None)
    assert end.usage.other == OtherUnits(characters=2)
    assert (end.cost_micro_usd, end.error) == (None, None)
    assert not data_plane.only(bot, CallAdmitted).streaming


def test_speech_as_events_tells_its_tokens(
    data_plane: DataPlane, bot: TestBot, sdk: openai.OpenAI
) -> None:
    model = new_model()
    with sdk.audio.speech.with_streaming_response.create(
        model=model, input="hello", voice="a", stream_format="sse"
    ) as sound:
        assert b"speech.audio.done" in sound.read()
    assert settled(data_plane, bot, model).usage.source is UsageSource.REPORTED
    assert data_plane.only(bot, CallAdmitted).streaming


FILE = {"file": ("a.mp3", SOUND, "audio/mpeg")}


def test_a_model_that_a_bot_may_not_use_is_refused_in_a_form_too(
    data_plane: DataPlane,
) -> None:
    link = link_to(data_plane.keys["openai"], models=("whisper-1",))
    bot = data_plane.new_bot(links=(link,))

    def ask(tail: str, **body: Any) -> httpx.Response:
        url = f"{data_plane.url}/openai/v1/{tail}"
        return data_plane.client.post(url, headers=bot.bearer, **body)

    allowed = ask("audio/transcriptions", data={"model": "whisper-1"}, files=FILE)
    assert allowed.status_code == 200
    for refused in (
        ask("audio/transcriptions", data={"model": "dear"}, files=FILE),
        ask("images/generations", json={"model": "dear", "prompt": "a"}),
        ask("audio/speech", json={"model": "dear", "input": "a", "voice": "a"}),
    ):
        assert refused.json()["error"]["code"] == "no-usable-key"
    twice = ask("audio/transcriptions", data={"model": ["whisper-1", "dear"]}, files=FILE)
    assert twice.status_code == 400
    assert not data_plane.ledger("dear")


def test_a_link_for_some_models_does_not_open_what_has_no_format_to_others(
    data_plane: DataPlane,
) -> None:
    link = link_to(data_plane.key_of("mistral"), models=("small",))
    bot = data_plane.new_bot(links=(link,))
    url = f"{data_plane.url}/mistral/v1/ocr"
    for body in (
        b'{"model":"dear"}',
        b'\xef\xbb\xbf{"model":"dear"}',
        b' {"model":"dear"}',
    ):
        answer = data_plane.client.post(url, content=body, headers=bot.bearer)
        assert answer.status_code in {400, 403}
    assert not data_plane.ledger("dear")
