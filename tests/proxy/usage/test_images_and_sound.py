"""What images, transcriptions and speech are charged by."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.usage import UNKNOWN, OtherUnits, Usage, UsageSource
from proxy.usage import reader_for
from tests.proxy.usage.given import body, stream

MIB = 1024 * 1024


def event(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def plain(value: dict[str, Any], format_: str) -> Usage:
    return body(json.dumps(value).encode(), format_).usage


def test_images_are_counted_and_their_tokens_read() -> None:
    images = {"data": [{"b64_json": "AAAA"}, {"url": "https://img.example/1"}]}
    assert plain(images, "openai-images") == Usage(
        other=OtherUnits(images=2), source=UsageSource.REPORTED
    )
    usage = {"input_tokens": 50, "output_tokens": 4160, "total_tokens": 4210}
    assert plain(images | {"usage": usage}, "openai-images") == Usage(
        input_tokens=50,
        output_tokens=4160,
        total_tokens=4210,
        other=OtherUnits(images=2),
        source=UsageSource.REPORTED,
    )


def test_the_tokens_of_images_are_told_apart_and_none_is_news() -> None:
    usage = {
        "input_tokens": 50,
        "output_tokens": 4160,
        "input_tokens_details": {"text_tokens": 50, "image_tokens": 0, "cached_tokens": 2},
    }
    answer = {"data": [{"b64_json": "AAAA"}], "usage": usage}
    told = plain(answer, "openai-images")
    assert told.other == OtherUnits(images=1, image_input_tokens=0)
    assert told.cache_read_tokens == 2
    out = usage | {"output_tokens_details": {"image_tokens": 4096, "text_tokens": 64}}
    assert plain({"usage": out}, "openai-images").other == OtherUnits(
        image_input_tokens=0, image_output_tokens=4096
    )


def test_gemini_tells_the_tokens_of_images_by_modality() -> None:
    details = [
        {"modality": "TEXT", "tokenCount": 5},
        {"modality": "IMAGE", "tokenCount": 258},
    ]
    metadata = {
        "promptTokenCount": 263,
        "candidatesTokenCount": 1290,
        "promptTokensDetails": details,
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}],
    }
    assert plain({"usageMetadata": metadata}, "gemini").other == OtherUnits(
        image_input_tokens=258, image_output_tokens=1290
    )


PICTURE = {"mimeType": "image/png", "data": "A" * 3 * MIB}
DRAWN = {
    "candidates": [
        {"content": {"parts": [{"inlineData": PICTURE}]}, "finishReason": "STOP"}
    ],
    "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 1290},
}
GENERATED = {
    "type": "response.completed",
    "response": {
        "status": "completed",
        "output": [{"type": "image_generation_call", "result": "A" * 3 * MIB}],
        "usage": {"input_tokens": 9, "output_tokens": 1290},
    },
}


@pytest.mark.parametrize(
    ("format_", "answer", "images"),
    [("gemini", DRAWN, 1), ("openai-responses", GENERATED, None)],
)
def test_the_usage_beside_a_picture_is_read(
    format_: str, answer: dict[str, Any], images: int | None
) -> None:
    reading = stream(event(answer), format_)
    assert (reading.usage.input_tokens, reading.usage.output_tokens) == (9, 1290)
    assert reading.complete
    assert (reading.usage.other or OtherUnits()).images == images


def test_the_usage_beside_a_picture_is_read_in_an_array_too() -> None:
    array = b"[" + json.dumps(DRAWN).encode() + b"\r\n]"
    assert body(array, "gemini").usage == stream(event(DRAWN), "gemini").usage
    assert body(array, "gemini").usage.output_tokens == 1290


def test_an_image_in_a_stream_may_be_larger_than_any_other_event() -> None:
    usage = {"input_tokens": 50, "output_tokens": 4160}
    image = {"type": "image_generation.completed", "b64_json": "A" * 3 * MIB}
    reading = stream(event(image | {"usage": usage}), "openai-images")
    assert (reading.usage.output_tokens, reading.usage.other) == (
        4160,
        OtherUnits(images=1),
    )
    assert reading.complete


def test_a_transcription_is_charged_by_tokens_or_by_time() -> None:
    usage = {"type": "tokens", "input_tokens": 14, "output_tokens": 45}
    details = {"input_token_details": {"text_tokens": 0, "audio_tokens": 14}}
    told = plain({"text": "hi", "usage": usage | details}, "openai-audio")
    assert (told.input_tokens, told.output_tokens) == (14, 45)
    assert told.other == OtherUnits(audio_input_tokens=14)
    timed = {"duration": 8.47, "usage": {"type": "duration", "seconds": 9}}
    assert plain(timed, "openai-audio").other == OtherUnits(audio_ms=9000)
    assert plain({"duration": "8.4705"}, "openai-audio").other == OtherUnits(audio_ms=8471)
    assert plain({"text": "hi"}, "openai-audio") == UNKNOWN


def test_a_streamed_transcription_ends_with_its_usage() -> None:
    text = event({"type": "transcript.text.delta", "delta": "hé"})
    usage = {"type": "tokens", "input_tokens": 14, "output_tokens": 45}
    ended = {"type": "transcript.text.done", "text": "hé", "usage": usage}
    reading = stream(text + event(ended), "openai-audio")
    assert (reading.usage.output_tokens, reading.output_bytes) == (45, 3)
    assert reading.complete
    assert not stream(text, "openai-audio").complete


def test_sound_is_not_kept_in_memory_to_be_read() -> None:
    reader = reader_for(
        "openai-audio", content_type="audio/mpeg", status=200, requested_model="tts-1"
    )
    reader.feed(b'{"usage":{"input_tokens":1}}')
    reader.end()
    assert reader.reading().usage == UNKNOWN
    assert reader.reading().model == "tts-1"
