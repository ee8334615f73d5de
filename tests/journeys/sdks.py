"""The vendors' official SDKs pointed at the proxy, and one way to ask with each of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import anthropic
import openai
from google import genai
from google.genai import types as google_types

from tests.journeys.plane import DataPlane


@contextmanager
def openai_sdk(
    plane: DataPlane, token: str, vendor: str = "openai"
) -> Iterator[openai.OpenAI]:
    base = f"{plane.url}/{vendor}/v1"
    with openai.OpenAI(base_url=base, api_key=token, max_retries=0) as client:
        yield client


@contextmanager
def anthropic_sdk(
    plane: DataPlane, token: str, vendor: str = "anthropic"
) -> Iterator[anthropic.Anthropic]:
    base = f"{plane.url}/{vendor}"
    with anthropic.Anthropic(base_url=base, api_key=token, max_retries=0) as client:
        yield client


@contextmanager
def google_sdk(
    plane: DataPlane, token: str, vendor: str = "google"
) -> Iterator[genai.Client]:
    options = google_types.HttpOptions(base_url=f"{plane.url}/{vendor}")
    client = genai.Client(api_key=token, http_options=options)
    try:
        yield client
    finally:
        client.close()


def ask_openai(client: openai.OpenAI, model: str, text: str = "hello") -> str:
    answer = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": text}]
    )
    return answer.choices[0].message.content or ""


def stream_openai(client: openai.OpenAI, model: str) -> str:
    stream = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "hello"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    return "".join(
        chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices
    )


def ask_anthropic(client: anthropic.Anthropic, model: str, text: str = "hello") -> str:
    answer = client.messages.create(
        model=model, max_tokens=100, messages=[{"role": "user", "content": text}]
    )
    (block,) = answer.content
    assert block.type == "text"
    return block.text


def ask_google(client: genai.Client, model: str, text: str = "hello") -> str:
    return client.models.generate_content(model=model, contents=text).text or ""
