"""OpenAI's images and sound: generated and edited images, transcriptions, speech.

An image is 8 tokens and a kilobyte of sound is one; speech as plain sound tells nothing.
Forms are read by the standard library, which is another reader than the proxy's.
"""

from __future__ import annotations

from email.parser import BytesParser
from email.policy import HTTP
from typing import Annotated, Any

import msgspec

from adapters.simulator.counting import tokens_of
from adapters.simulator.dialects.single import Whole, metered
from adapters.simulator.dialects.vendors import encode
from adapters.simulator.ledger import Usage
from adapters.simulator.rendering import SSE, Refusal, Rendered

PIXELS = "iVBORw0KGgo="
IMAGE_TOKENS = 8
SOUND_BYTES = 1024  # a token
HEARD = "Hello from the recording."
MPEG = b"audio/mpeg"


class ImagesRequest(msgspec.Struct):
    model: str
    prompt: str
    n: Annotated[int, msgspec.Meta(ge=1, le=10)] = 1
    stream: bool | None = False


class SpeechRequest(msgspec.Struct):
    model: str
    input: str
    voice: str
    stream_format: str = "audio"


images_decoder = msgspec.json.Decoder(ImagesRequest)
speech_decoder = msgspec.json.Decoder(SpeechRequest)


def generated(body: bytes) -> tuple[str, Whole]:
    """`{"created", "data": [{"b64_json"}], "usage"}`, or an event for each image."""
    request = images_decoder.decode(body)
    return request.model, _images(request.prompt, request.n, 0, stream=request.stream)


def edited(body: bytes) -> tuple[str, Whole]:
    """The same from a form, with the image to edit in it."""
    form = _form(body, "model", "prompt", "image")
    fields = {name: values[0] for name, values in form.items()}
    stream, prompt = fields.get("stream") == b"true", fields["prompt"].decode()
    return fields["model"].decode(), _images(prompt, 1, len(form["image"]), stream=stream)


def transcribed(body: bytes) -> tuple[str, Whole]:
    """`{"text", "usage"}`, or deltas and their end."""
    form = {n: values[0] for n, values in _form(body, "model", "file").items()}
    usage = Usage(-(-len(form["file"]) // SOUND_BYTES), tokens_of(HEARD))
    told = _usage(usage) | {"type": "tokens"}
    told["input_token_details"] = {"text_tokens": 0, "audio_tokens": usage.input}

    def answer(_model: str, with_usage: bool) -> Rendered:  # noqa: FBT001  # a Whole
        shown: dict[str, Any] = {"text": HEARD}
        shown |= {"usage": told} if with_usage else {}
        if form.get("stream") != b"true":
            return metered(shown, usage, with_usage=with_usage)
        half = len(HEARD) // 2
        deltas = [
            {"type": "transcript.text.delta", "delta": text}
            for text in (HEARD[:half], HEARD[half:])
        ]
        return _events([*deltas, shown | {"type": "transcript.text.done"}], usage)

    return form["model"].decode(), answer


def spoken(body: bytes) -> tuple[str, Whole]:
    """Sound, and nothing of what it costs; as events, with the usage in the last one."""
    request = speech_decoder.decode(body)
    usage = Usage(tokens_of(request.input), 4 * tokens_of(request.input))

    def answer(_model: str, _usage_too: bool) -> Rendered:  # noqa: FBT001  # a Whole
        if request.stream_format != "sse":
            return Rendered([b"ID3\x04" + b"\xff\xfb" * usage.output], usage, MPEG)
        said = {"type": "speech.audio.delta", "audio": PIXELS}
        return _events([said, {"type": "speech.audio.done", "usage": _usage(usage)}], usage)

    return request.model, answer


def _images(prompt: str, count: int, given: int, *, stream: bool | None) -> Whole:
    seen = given * IMAGE_TOKENS
    usage = Usage(tokens_of(prompt) + seen, count * IMAGE_TOKENS)
    told = _usage(usage)
    told["input_tokens_details"] = {"text_tokens": usage.input - seen, "image_tokens": seen}

    def answer(_model: str, with_usage: bool) -> Rendered:  # noqa: FBT001  # a Whole
        if stream:
            done = {"type": "image_generation.completed", "b64_json": PIXELS, "usage": told}
            return _events([done], usage)
        shown: dict[str, Any] = {"created": 0, "data": [{"b64_json": PIXELS}] * count}
        shown |= {"usage": told} if with_usage else {}
        return metered(shown, usage, with_usage=with_usage)

    return answer


def _usage(usage: Usage) -> dict[str, Any]:
    total = usage.input + usage.output
    counts = {"input_tokens": usage.input, "output_tokens": usage.output}
    return counts | {"total_tokens": total}


def _events(shown: list[dict[str, Any]], usage: Usage) -> Rendered:
    return Rendered(
        [b"data: %b\n\n" % encode(event) for event in shown],
        usage,
        content_type=SSE,
        stream=True,
        statements=[(len(shown), usage)],
    )


def _form(body: bytes, *needed: str) -> dict[str, list[bytes]]:
    """The values and files by name, lists without their brackets; raises Refusal."""
    boundary = body.partition(b"\r\n")[0].removeprefix(b"--")
    head = b'content-type: multipart/form-data; boundary="%b"\r\n\r\n' % boundary
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    found: dict[str, list[bytes]] = {}
    for part in message.iter_parts() if message.is_multipart() else ():
        name = str(part.get_param("name", header="content-disposition"))
        value = part.get_payload(decode=True)
        if isinstance(value, bytes):
            found.setdefault(name.removesuffix("[]"), []).append(value)
    if lacking := [name for name in needed if name not in found]:
        raise Refusal(400, f"Missing required parameter: {lacking[0]}")
    return found
