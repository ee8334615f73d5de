"""A budget cuts a stream, and every official SDK reads an answer that reached its limit.

End to end: the vendor would write 20,000 tokens, and the budget has room for them; while
they come, somebody lowers it.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest

from domain.calls import CallSettled
from domain.holds import Balance
from domain.usage import UsageSource
from proxy.allowance import AHEAD
from tests.adapters.budgets import change_quota
from tests.journeys.matrix.sdk import HELLO, MESSAGES
from tests.journeys.plane import DataPlane, new_model
from tests.journeys.proxy_process import until
from tests.proxy.test_budgets import balance, limit

# They are slow to import: all in one process.
pytestmark = pytest.mark.xdist_group("sdks")

ROOM = 40_000  # tokens
LOWERED = 100
LONG = "+tokens=20000+pace=200"  # in twenty pieces

Cut = tuple[str, str | None]  # the text, and why it ended


def of_chunks(chunks: list[Any]) -> Cut:
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    text = "".join(choice.delta.content or "" for choice in choices)
    return text, choices[-1].finish_reason


def openai_chat(url: str, token: str, model: str) -> Cut:
    import openai  # noqa: PLC0415

    with openai.OpenAI(base_url=f"{url}/openai/v1", api_key=token, max_retries=0) as client:
        return of_chunks(
            list(
                client.chat.completions.create(model=model, messages=MESSAGES, stream=True)
            )
        )


def openai_responses(url: str, token: str, model: str) -> Cut:
    import openai  # noqa: PLC0415

    with (
        openai.OpenAI(base_url=f"{url}/openai/v1", api_key=token, max_retries=0) as client,
        client.responses.stream(model=model, input=HELLO) as stream,
    ):
        *events, last = stream
    assert last.type == "response.incomplete"
    details = last.response.incomplete_details
    said = [one.delta for one in events if one.type == "response.output_text.delta"]
    assert last.response.output_text == "".join(said)
    assert details is not None
    return "".join(said), details.reason


def anthropic_messages(url: str, token: str, model: str) -> Cut:
    import anthropic  # noqa: PLC0415

    with (
        anthropic.Anthropic(
            base_url=f"{url}/anthropic", api_key=token, max_retries=0
        ) as client,
        client.messages.stream(model=model, messages=MESSAGES, max_tokens=20_000) as stream,
    ):
        message = stream.get_final_message()
    (block,) = message.content
    assert block.type == "text"
    return block.text, message.stop_reason


def google(url: str, token: str, model: str) -> Cut:
    from google import genai  # noqa: PLC0415
    from google.genai import types  # noqa: PLC0415

    options = types.HttpOptions(base_url=f"{url}/google")
    client = genai.Client(api_key=token, http_options=options)
    try:
        chunks = list(client.models.generate_content_stream(model=model, contents=HELLO))
    finally:
        client.close()
    text = "".join(chunk.text or "" for chunk in chunks)
    candidates = chunks[-1].candidates
    assert candidates
    reason = candidates[0].finish_reason
    return text, None if reason is None else reason.value


def mistral(url: str, token: str, model: str) -> Cut:
    from mistralai.client import Mistral  # noqa: PLC0415

    with (
        Mistral(api_key=token, server_url=f"{url}/mistral") as client,
        client.chat.stream(model=f"{model}+mistral", messages=MESSAGES) as events,
    ):
        return of_chunks([event.data for event in events])


def groq(url: str, token: str, model: str) -> Cut:
    import groq as sdk  # noqa: PLC0415

    with sdk.Groq(base_url=f"{url}/groq", api_key=token, max_retries=0) as client:
        return of_chunks(
            list(
                client.chat.completions.create(model=model, messages=MESSAGES, stream=True)
            )
        )


def cohere(url: str, token: str, model: str) -> Cut:
    import cohere as sdk  # noqa: PLC0415
    import httpx  # noqa: PLC0415

    with httpx.Client() as transport:  # its own is never closed
        client = sdk.ClientV2(
            api_key=token, base_url=f"{url}/cohere", httpx_client=transport
        )
        events: list[Any] = list(client.chat_stream(model=model, messages=MESSAGES))
    said = [e.delta.message.content.text for e in events if e.type == "content-delta"]
    assert events[-1].type == "message-end"
    return "".join(said), events[-1].delta.finish_reason


def ollama(url: str, token: str, model: str) -> Cut:
    import ollama as sdk  # noqa: PLC0415

    headers = {"Authorization": f"Bearer {token}"}
    with sdk.Client(host=f"{url}/ollama", headers=headers) as client:
        lines = list(client.chat(model=model, messages=MESSAGES, stream=True))
    assert lines[-1].done
    text = "".join(line.message.content or "" for line in lines)
    return text, lines[-1].done_reason


@pytest.mark.parametrize(
    ("vendor", "ask", "reason"),
    [
        ("openai", openai_chat, "length"),
        ("openai", openai_responses, "max_output_tokens"),
        ("anthropic", anthropic_messages, "max_tokens"),
        ("google", google, "MAX_TOKENS"),
        ("mistral", mistral, "length"),
        ("groq", groq, "length"),
        ("cohere", cohere, "MAX_TOKENS"),
        ("ollama", ollama, "length"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_a_stream_that_its_budget_cuts_is_read_as_one_that_reached_its_limit(
    data_plane: DataPlane, vendor: str, ask: Callable[[str, str, str], Cut], reason: str
) -> None:
    bot = data_plane.new_bot(data_plane.key_of(vendor))
    quota_id = limit(data_plane, bot, ROOM)

    def lower() -> None:
        until(lambda: bool(data_plane.events(bot)), seconds=30)  # it is admitted
        change_quota(data_plane.database_url, quota_id, LOWERED)

    lowering = Thread(target=lower)
    lowering.start()
    text, ended = ask(data_plane.url, bot.token, new_model(LONG))
    lowering.join()
    assert ended == reason
    assert 0 < len(text) < 4 * 20_000 - AHEAD
    data_plane.ended(bot)
    settled = data_plane.only(bot, CallSettled)
    assert settled.error == "quota-exceeded"
    assert settled.usage.source in {UsageSource.PARTIAL, UsageSource.ESTIMATED}
    after = balance(data_plane, quota_id)
    assert after == Balance(settled=settled.bookings[0].settled, held=0)
    assert 0 < after.settled <= settled.bookings[0].released
