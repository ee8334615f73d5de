"""An answer on its way back: at once, unchanged, and its end not before the settlement."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import psycopg
import pytest

from adapters.postgres.recorder import LOCKS
from domain.calls import CallAdmitted, CallSettled
from domain.usage import UsageSource
from tests.journeys.plane import (
    DataPlane,
    TestBot,
    call_id_of,
    chat_body,
    new_model,
)
from tests.journeys.proxy_process import until

PACE = 0.6  # seconds between two pieces of the vendor's
LONG = 40  # tokens, so as many pieces


def chat(model: str, *, stream: bool = True) -> tuple[str, dict[str, Any]]:
    return "/openai/v1/chat/completions", chat_body(model, stream=stream)


def responses(model: str) -> tuple[str, dict[str, Any]]:
    return "/openai/v1/responses", {"model": model, "input": "hello", "stream": True}


def messages(model: str) -> tuple[str, dict[str, Any]]:
    body = {**chat_body(model), "max_tokens": 1000, "stream": True}
    return "/anthropic/v1/messages", body


def gemini(model: str, ending: str = "?alt=sse") -> tuple[str, dict[str, Any]]:
    path = f"/google/v1beta/models/{model}:streamGenerateContent{ending}"
    return path, {"contents": [{"parts": [{"text": "hello"}]}]}


def gemini_array(model: str) -> tuple[str, dict[str, Any]]:
    return gemini(model, ending="")


@contextmanager
def asked(
    plane: DataPlane, bot: TestBot, path: str, body: dict[str, Any]
) -> Iterator[httpx.Response]:
    """The answer while it comes."""
    with plane.client.stream(
        "POST", plane.url + path, json=body, headers=bot.bearer
    ) as answer:
        yield answer


@contextmanager
def log_locked(plane: DataPlane) -> Iterator[None]:
    """Nobody can commit to the calls log."""
    with psycopg.connect(plane.database_url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (LOCKS["calls"],))
        yield


@pytest.mark.parametrize("ask", [chat, messages, gemini])
def test_a_piece_reaches_the_client_before_the_vendor_sends_the_next(
    data_plane: DataPlane, bot: TestBot, ask: Any
) -> None:
    path, body = ask(new_model(f"+tokens=1+pace={PACE * 1000:.0f}"))
    asked_at = time.monotonic()
    with asked(data_plane, bot, path, body) as answer:
        arrived = [time.monotonic() - asked_at for _ in answer.iter_raw()]
    assert arrived[0] < PACE
    if len(arrived) > 2:
        assert arrived[-1] - arrived[0] > PACE


@pytest.mark.parametrize("ask", [chat, responses, messages, gemini, gemini_array])
def test_the_client_sees_everything_but_the_end_until_the_settlement_is_committed(
    data_plane: DataPlane, bot: TestBot, ask: Any
) -> None:
    path, body = ask(new_model("+tokens=4+pace=200"))
    pieces: list[bytes] = []

    def read() -> None:
        with asked(data_plane, bot, path, body) as answer:
            pieces.extend(answer.iter_raw())

    with ThreadPoolExecutor(1) as pool:
        reading: Future[None] = pool.submit(read)
        until(lambda: bool(pieces))
        with log_locked(data_plane):
            time.sleep(3)  # the vendor has said all within one and a half
            seen = b"".join(pieces)
            assert not reading.done()
            assert data_plane.ledger(body.get("model") or path.split("/")[4].split(":")[0])
            events = data_plane.events(bot)
            assert [type(one.event) for one in events] == [CallAdmitted]
        reading.result(timeout=5)
    whole = b"".join(pieces)
    assert b"Hell" in seen
    for mark in (b"[DONE]", b"message_stop", b"response.completed"):
        assert mark not in seen
    assert whole.startswith(seen)
    assert data_plane.only(bot, CallSettled).usage.source is UsageSource.REPORTED


def test_not_a_byte_of_a_short_plain_answer_is_seen_before_its_settlement(
    data_plane: DataPlane, bot: TestBot
) -> None:
    path, body = chat(new_model("+slow=500"), stream=False)
    with ThreadPoolExecutor(1) as pool:
        answered = pool.submit(
            lambda: data_plane.client.post(
                data_plane.url + path, json=body, headers=bot.bearer
            )
        )
        until(lambda: bool(data_plane.events(bot)))
        with log_locked(data_plane):
            until(lambda: bool(data_plane.ledger(body["model"])))
            time.sleep(0.5)
            assert not answered.done()
        assert answered.result(timeout=5).status_code == 200
    assert data_plane.only(bot, CallSettled).http_status == 200


@pytest.mark.parametrize("ask", [chat, responses, messages, gemini])
def test_a_stream_whose_client_hangs_up_is_settled_with_what_the_vendor_reports(
    data_plane: DataPlane, bot: TestBot, ask: Any
) -> None:
    model = new_model(f"+tokens={LONG}+pace=10")
    with asked(data_plane, bot, *ask(model)) as answer:
        next(answer.iter_raw())
    data_plane.ended(bot)
    settled = data_plane.only(bot, CallSettled)
    (booked,) = data_plane.ledger(model)
    assert settled.client_left
    assert settled.usage.source is UsageSource.REPORTED
    assert settled.usage.output_tokens == booked["output_tokens"] == LONG
    assert booked["outcome"] == "complete"


@pytest.mark.parametrize("ask", [chat, responses, messages, gemini])
def test_a_stream_that_the_vendor_cuts_is_cut_for_the_client_too(
    data_plane: DataPlane, bot: TestBot, ask: Any
) -> None:
    model = new_model(f"+tokens={LONG}+cut=9")
    with (
        asked(data_plane, bot, *ask(model)) as answer,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        list(answer.iter_raw())
    settled = data_plane.only(bot, CallSettled)
    (booked,) = data_plane.ledger(model)
    assert settled.error == "upstream-cut"
    assert settled.usage.source in {UsageSource.PARTIAL, UsageSource.ESTIMATED}
    assert settled.usage.output_tokens is not None
    assert 0 < settled.usage.output_tokens <= booked["billed_output_tokens"] + 1


def test_a_plain_answer_that_the_vendor_cuts_is_cut_for_the_client_too(
    data_plane: DataPlane, bot: TestBot
) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        data_plane.chat(bot, new_model("+big=300000+cut=1"))
    settled = data_plane.only(bot, CallSettled)
    assert (settled.error, settled.http_status) == ("upstream-cut", 200)
    assert settled.usage.source is UsageSource.ESTIMATED


def test_an_error_in_mid_stream_reaches_the_client_and_the_record(
    data_plane: DataPlane, bot: TestBot
) -> None:
    path, body = chat(new_model(f"+tokens={LONG}+error=5"))
    with asked(data_plane, bot, path, body) as answer:
        said = answer.read()
    assert b'"error"' in said
    settled = data_plane.only(bot, CallSettled)
    assert (settled.error or "").startswith("vendor:")
    assert settled.usage.source is not UsageSource.REPORTED


@pytest.mark.parametrize("stream", [False, True])
def test_a_vendor_that_reports_nothing_is_settled_by_an_estimate_that_says_so(
    data_plane: DataPlane,
    bot: TestBot,
    stream: bool,  # noqa: FBT001
) -> None:
    model = new_model("+nousage")
    assert data_plane.chat(bot, model, stream=stream).status_code == 200
    usage = data_plane.only(bot, CallSettled).usage
    (booked,) = data_plane.ledger(model)
    assert booked["input_tokens"] is None
    assert usage.source is UsageSource.ESTIMATED
    assert usage.output_tokens == booked["billed_output_tokens"]
    assert (usage.input_tokens or 0) >= booked["billed_input_tokens"]


def test_bytes_are_those_of_the_vendor(data_plane: DataPlane, bot: TestBot) -> None:
    """A long answer, so that the proxy's pieces are not the vendor's."""
    answer = data_plane.chat(bot, new_model("+big=3000000"))
    said = answer.json()["choices"][0]["message"]["content"]
    assert len(said) == 3_000_000
    filler = "All work and no play makes the simulator a dull vendor. "
    assert said.count(filler) == 3_000_000 // len(filler) - 1
    assert int(answer.headers["content-length"]) == len(answer.content)


@pytest.mark.parametrize("stream", [False, True])
def test_a_key_that_the_vendor_sends_back_is_masked(
    data_plane: DataPlane,
    bot: TestBot,
    stream: bool,  # noqa: FBT001
) -> None:
    answer = data_plane.chat(bot, new_model("+echo"), stream=stream)
    said = answer.text
    if stream:  # in pieces of 4 characters, each in an event of its own
        said = "".join(data_plane_pieces(answer.text))
        assert data_plane.secret[:4] in said
    else:
        assert data_plane.secret not in said
        assert f"You sent the credential {'*' * len(data_plane.secret)}" in said
        assert int(answer.headers["content-length"]) == len(answer.content)


def data_plane_pieces(stream: str) -> Iterator[str]:
    for line in stream.splitlines():
        _, found, rest = line.partition('"content":"')
        if found:
            yield rest.partition('"')[0]


def test_a_key_in_a_vendors_error_is_masked(data_plane: DataPlane, bot: TestBot) -> None:
    answer = data_plane.chat(bot, new_model("+status=400+echo"))
    assert answer.status_code == 400
    assert data_plane.secret not in answer.text
    assert "*" * len(data_plane.secret) in answer.text


@pytest.mark.parametrize(("status", "shown"), [(429, 429), (500, 500), (400, 400)])
def test_a_vendors_error_passes_with_its_status_and_is_settled_at_nothing_known(
    data_plane: DataPlane, bot: TestBot, status: int, shown: int
) -> None:
    answer = data_plane.chat(bot, new_model(f"+status={status}"))
    assert answer.status_code == shown
    assert "retry-after" not in answer.headers or status == 429
    settled = data_plane.only(bot, CallSettled)
    assert settled.http_status == status
    assert settled.usage.source is UsageSource.NONE


@pytest.mark.parametrize("status", [401, 403])
def test_a_vendor_that_refuses_our_key_does_not_look_like_a_bad_bot_token(
    data_plane: DataPlane, bot: TestBot, status: int
) -> None:
    answer = data_plane.chat(bot, new_model(f"+status={status}+echo"))
    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "upstream-refused-credential"
    assert "Simulated" not in answer.text
    settled = data_plane.only(bot, CallSettled)
    assert (settled.http_status, settled.error) == (status, "upstream-refused-credential")


def test_only_headers_on_the_list_come_back_and_ours_with_them(
    data_plane: DataPlane, bot: TestBot
) -> None:
    model = new_model()
    answer = data_plane.chat(bot, model)
    assert "server" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-clawbot-vendor"] == "openai"
    assert answer.headers["x-clawbot-model"] == model
    assert answer.headers["x-clawbot-attempts"] == "1"
    (admitted, settled) = data_plane.events(bot)
    assert admitted.originator_id == settled.originator_id == call_id_of(answer)
