"""Every SDK that bots use, unmodified: text, streams, tools, embeddings, errors.

All that an SDK is told is the proxy's address and a bot's token. What is settled is what
the vendor has on its books.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from domain.calls import CallSettled
from domain.usage import UsageSource
from tests.journeys.matrix import anthropics, langchain, native, openai_style
from tests.journeys.matrix.sdk import Kind, Sdk, ToolCall
from tests.journeys.plane import DataPlane, TestBot, new_model

# They are slow to import: all in one process.
pytestmark = pytest.mark.xdist_group("sdks")

MISTRAL = "+mistral"
KINDS = [
    Kind(name="openai", vendor="openai", opened=openai_style.openai),
    Kind(name="openai-responses", vendor="openai", opened=openai_style.responses),
    Kind(name="azure", vendor="azure-openai", opened=openai_style.azure),
    Kind(name="groq", vendor="groq", opened=openai_style.groq, directives=MISTRAL),
    Kind(
        name="together", vendor="together", opened=openai_style.together, directives=MISTRAL
    ),
    Kind(name="mistral", vendor="mistral", opened=native.mistral, directives=MISTRAL),
    Kind(name="cohere", vendor="cohere", opened=native.cohere),
    Kind(name="google", vendor="google", opened=native.google),
    Kind(name="ollama", vendor="ollama", opened=native.ollama),
    Kind(name="ollama-generate", vendor="ollama", opened=native.ollama_generate),
    Kind(name="langchain-openai", vendor="openai", opened=langchain.of_openai),
]
ANTHROPICS: dict[str, Callable[[str, str], AbstractContextManager[Sdk]]] = {
    "anthropic-api-key": anthropics.with_key,
    "anthropic-auth-token": anthropics.with_token,
    "anthropic-x-api-key": anthropics.of_before,
    "langchain-anthropic": langchain.of_anthropic,
}
KINDS += [
    Kind(name=name, vendor="anthropic", opened=opened, embeds=False)
    for name, opened in ANTHROPICS.items()
]
every_sdk = pytest.mark.parametrize("kind", KINDS, ids=str)
plain_and_streamed = pytest.mark.parametrize("stream", [False, True])


@pytest.fixture
def caller(data_plane: DataPlane, kind: Kind) -> TestBot:
    """A bot that may use a key of the SDK's vendor."""
    return data_plane.new_bot(data_plane.key_of(kind.vendor))


def settled_as_booked(plane: DataPlane, bot: TestBot, model: str) -> dict[str, Any]:
    """The call's settlement says what the ledger says, which is returned."""
    plane.ended(bot)
    (booked,) = plane.ledger(model)
    settled = plane.only(bot, CallSettled)
    usage = settled.usage
    # Some vendors do not tell what the cache gave; the ledger has no word for that.
    found = (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens or 0)
    names = ("input_tokens", "output_tokens", "cache_read_tokens")
    assert found == tuple(booked[name] for name in names)
    assert usage.source is UsageSource.REPORTED
    assert (settled.http_status, settled.client_left, settled.error) == (200, False, None)
    # Cohere names no model: then it is the one that was asked for.
    assert (settled.facts.model or "").partition("+")[0] == booked["model"]
    return booked


@every_sdk
@plain_and_streamed
def test_text_arrives_and_is_settled_as_the_vendor_counted_it(
    data_plane: DataPlane,
    kind: Kind,
    caller: TestBot,
    stream: bool,  # noqa: FBT001
) -> None:
    model = new_model("+cached=2" + kind.directives)
    with kind.opened(data_plane.url, caller.token) as sdk:
        said = (sdk.stream if stream else sdk.ask)(model)
    assert said == "Hello from the simulator. You said: hello"
    assert settled_as_booked(data_plane, caller, model)["stream"] is stream


@every_sdk
@plain_and_streamed
def test_a_tool_is_called_and_settled_as_the_vendor_counted_it(
    data_plane: DataPlane,
    kind: Kind,
    caller: TestBot,
    stream: bool,  # noqa: FBT001
) -> None:
    model = new_model("+tool" + kind.directives)
    with kind.opened(data_plane.url, caller.token) as sdk:
        called = (sdk.stream_call if stream else sdk.call)(model)
    assert called == ToolCall("look_up", {"text": "hello"})
    assert settled_as_booked(data_plane, caller, model)["stream"] is stream


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.embeds], ids=str)
def test_embeddings_are_settled_as_the_vendor_counted_them(
    data_plane: DataPlane, kind: Kind, caller: TestBot
) -> None:
    model = new_model()
    with kind.opened(data_plane.url, caller.token) as sdk:
        assert sdk.embed(model) == 8
    booked = settled_as_booked(data_plane, caller, model)
    assert booked["output_tokens"] == 0


@every_sdk
def test_our_refusals_and_the_vendors_are_the_sdks_own_errors(
    data_plane: DataPlane, kind: Kind
) -> None:
    with kind.opened(data_plane.url, "cbt_nobody") as stranger:
        with pytest.raises(stranger.refused) as refused:
            stranger.ask("m")
        with pytest.raises(stranger.refused):
            stranger.stream("m")
    assert "unauthenticated" in told_by(refused.value)
    # A key that is told to wait cools down: this one is nobody else's.
    caller = data_plane.new_bot(data_plane.add_key(kind.vendor))
    with (
        kind.opened(data_plane.url, caller.token) as sdk,
        pytest.raises(sdk.limited) as limited,
    ):
        sdk.ask(new_model("+status=429"))
    assert "Simulated status 429" in told_by(limited.value)


def told_by(error: Exception) -> str:
    """Everything that an SDK lets its user read of an error."""
    return f"{error} {vars(error)}"
