"""The end of a call: what it used, said once, and on record before anybody sees the end."""

from __future__ import annotations

import contextlib
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calls import CallSettled
from domain.prices import MOST_OF_A_CALL
from domain.usage import Usage, UsageSource
from proxy.client import Client
from proxy.incoming import Message
from proxy.settlement import (
    LONGEST_ERROR,
    MOST_TOKENS,
    LastByteHeld,
    Progress,
    Settlement,
    usage_of,
)
from proxy.usage import ErrorSeen, Reading
from tests.journeys.plane import DataPlane, chat_body, new_model
from tests.journeys.proxy_process import until
from tests.projections.given import admitted, facts
from tests.proxy.books import Books

ADMITTED = admitted(facts())  # 100 bytes were sent: 25 tokens
REPORTED, PARTIAL = UsageSource.REPORTED, UsageSource.PARTIAL
ESTIMATED, NONE = UsageSource.ESTIMATED, UsageSource.NONE


def progress(
    *, status: int | None = 200, sent: bool = True, counted: bool = True
) -> Progress:
    call = ADMITTED if counted else replace(ADMITTED, format=None)
    return Progress(
        call_id=uuid4(), admitted=call, started=0, http_status=status, sent=sent
    )


def reading(
    given_tokens: int | None = None,
    made: int | None = None,
    source: UsageSource = NONE,
    *,
    output_bytes: int = 0,
    model: str | None = "gpt-5",
    error: ErrorSeen | None = None,
) -> Reading:
    return Reading(
        usage=Usage(input_tokens=given_tokens, output_tokens=made, source=source),
        model=model,
        complete=source is REPORTED,
        error=error,
        output_bytes=output_bytes,
    )


@pytest.mark.parametrize(
    ("made_progress", "read", "expected"),
    [
        (progress(sent=False), None, (0, 0, REPORTED)),
        (progress(status=None), None, (None, None, NONE)),
        (progress(), None, (None, None, NONE)),
        (progress(status=500), reading(7, 3, REPORTED), (None, None, NONE)),
        (progress(), reading(7, 3, REPORTED, output_bytes=400), (7, 3, REPORTED)),
        (progress(), reading(7, 1, PARTIAL, output_bytes=41), (7, 11, PARTIAL)),
        (progress(), reading(7, 20, PARTIAL, output_bytes=41), (7, 20, PARTIAL)),
        (progress(), reading(7, None, PARTIAL), (7, 0, PARTIAL)),
        (progress(), reading(output_bytes=41), (25, 11, ESTIMATED)),
        (progress(), reading(), (25, 0, ESTIMATED)),
        (progress(counted=False), reading(), (None, None, NONE)),
        (progress(), reading(2**53, 2**53, REPORTED), (MOST_TOKENS, MOST_TOKENS, REPORTED)),
    ],
)
def test_what_was_used_is_as_reported_or_else_an_estimate_that_says_so(
    made_progress: Progress, read: Reading | None, expected: tuple[object, ...]
) -> None:
    usage = usage_of(made_progress, read)
    assert (usage.input_tokens, usage.output_tokens, usage.source) == expected


NUMBERS = st.none() | st.integers(0, 2**53)


@given(NUMBERS, NUMBERS, st.sampled_from(list(UsageSource)), st.integers(0, 10**8))
def test_no_answer_at_all_makes_a_usage_that_cannot_be(
    given_tokens: int | None, made: int | None, source: UsageSource, output_bytes: int
) -> None:
    read = reading(given_tokens, made, source, output_bytes=output_bytes)
    usage = usage_of(progress(), read)
    for number in (usage.input_tokens, usage.output_tokens):
        assert number is None or 0 <= number <= MOST_TOKENS
    if source is not REPORTED:
        assert usage.source is not REPORTED
        assert (usage.output_tokens or 0) * 4 >= output_bytes


# Its record.


def test_of_a_plain_body_that_broke_off_the_bytes_are_counted() -> None:
    plain = progress()
    plain.admitted, plain.relayed = replace(ADMITTED, streaming=False), 401
    assert usage_of(plain, reading()).output_tokens == 101
    plain.relayed = 0
    assert usage_of(plain, reading(output_bytes=8)).output_tokens == 2


@pytest.mark.parametrize("streaming", [True, False])
def test_what_is_written_in_the_background_is_unknown(*, streaming: bool) -> None:
    queued = progress()
    queued.admitted, queued.relayed = replace(ADMITTED, streaming=streaming), 900
    usage = usage_of(queued, msgspec.structs.replace(reading(), goes_on=True))
    assert (usage.input_tokens, usage.output_tokens, usage.source) == (25, None, ESTIMATED)


@pytest.mark.parametrize("kind", ["openai-images", "openai-audio"])
def test_of_images_and_sound_no_tokens_are_made_up(kind: str) -> None:
    sound = progress()
    sound.admitted = replace(ADMITTED, format=kind, input_estimate=5_000_000)
    sound.relayed = 1_000_000
    assert usage_of(sound, reading()) == Usage()
    part = reading(None, 3, PARTIAL)
    assert usage_of(sound, part) == part.usage


def settling(books: Books, **more: object) -> Settlement:
    made = progress()
    for name, value in more.items():
        setattr(made, name, value)
    return Settlement(books, books, made, Client(_silence, _nowhere))


async def _silence() -> Message:
    raise NotImplementedError


async def _nowhere(message: Message) -> None:
    raise NotImplementedError


@pytest.mark.anyio
async def test_a_call_is_settled_once_with_what_was_known_first() -> None:
    books = Books()
    settlement = settling(books)
    await settlement.settle(reading(7, 3, REPORTED))
    await settlement.settle(None)
    (end,) = books.ends
    assert books.calls == [settlement.progress.call_id]
    assert end.usage.output_tokens == 3
    assert end.facts.model == "gpt-5"


@pytest.mark.anyio
async def test_an_end_that_is_not_on_record_is_not_to_be_seen() -> None:
    settlement = settling(Books(away=True))
    with pytest.raises(LastByteHeld):
        await settlement.settle(reading(7, 3, REPORTED))


@pytest.mark.anyio
@pytest.mark.parametrize("named", ["gpt-5", None])
async def test_the_price_is_that_of_the_answers_model_when_the_call_was_admitted(
    named: str | None,
) -> None:
    books = Books(cost=1)
    await settling(books).settle(reading(7, 3, REPORTED, model=named))
    assert books.asked == (7, replace(ADMITTED.facts, model=named))


@pytest.mark.anyio
@pytest.mark.parametrize("model", ["gpt\x005", "m" * 201, "a\nb"])
async def test_what_is_no_models_name_is_not_kept(model: str) -> None:
    books = Books()
    await settling(books).settle(reading(7, 3, REPORTED, model=model))
    assert books.ends[0].facts.model is None
    assert books.ends[0].facts.requested_model == "asked-for"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("code", "kind", "kept"),
    [
        ("rate_limit", None, "vendor:rate_limit"),
        (None, "overloaded", "vendor:overloaded"),
        (None, None, "vendor:error"),
        (429, None, "vendor:429"),
        ("a\x00b\nc", None, "vendor:abc"),
        ("x" * 5000, None, "vendor:" + "x" * (LONGEST_ERROR - len("vendor:"))),
    ],
)
async def test_a_vendors_error_is_kept_by_its_code_and_nothing_of_it_harms(
    code: str | int | None, kind: str | None, kept: str
) -> None:
    books, error = Books(), ErrorSeen(type=kind, code=code, message="m", where="http_body")
    await settling(books).settle(reading(error=error))
    assert books.ends[0].error == kept


@pytest.mark.anyio
async def test_our_own_word_on_what_went_wrong_stands_before_the_vendors() -> None:
    books, error = Books(), ErrorSeen(type="t", code="c", message=None, where="http_body")
    await settling(books, error="client-left").settle(reading(error=error))
    assert books.ends[0].error == "client-left"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("more", "cost", "kept"),
    [
        ({}, 12, (12, "list")),
        ({}, None, (None, "list")),
        ({}, 2**60, (MOST_OF_A_CALL, "list")),
        ({"sent": False}, 12, (0, None)),
        ({"http_status": 500}, 12, (None, None)),
    ],
)
async def test_a_call_costs_what_its_price_says_if_anything_was_used(
    more: dict[str, object], cost: int | None, kept: tuple[int | None, str | None]
) -> None:
    books = Books(cost=cost)
    await settling(books, **more).settle(reading(7, 3, REPORTED))
    assert (books.ends[0].cost_micro_usd, books.ends[0].price_source) == kept


# A proxy that is told to end.


def stopped_during(
    plane: DataPlane, model: str, *, patience: float
) -> tuple[str, CallSettled]:
    """What the client of a stream saw, and how the call was settled."""
    bot, pieces = plane.new_bot(), list[bytes]()

    def read() -> None:
        with (
            contextlib.suppress(httpx.RemoteProtocolError),
            plane.client.stream(
                "POST",
                f"{plane.url}/openai/v1/chat/completions",
                json=chat_body(model, stream=True),
                headers=bot.bearer,
            ) as answer,
        ):
            pieces.extend(answer.iter_raw())

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        until(lambda: bool(pieces))
        plane.proxy.send(signal.SIGTERM)
        reading.result(timeout=patience)
    return b"".join(pieces).decode(), plane.only(bot, CallSettled)


def test_a_proxy_that_is_told_to_end_finishes_the_calls_under_way(
    own_plane: DataPlane,
) -> None:
    model = new_model("+tokens=30+pace=50")
    seen, settled = stopped_during(own_plane, model, patience=20)
    assert "[DONE]" in seen
    assert (settled.usage.output_tokens, settled.error) == (30, None)


@pytest.mark.soak
def test_a_call_that_outlasts_a_proxys_patience_is_settled_with_what_came(
    own_plane: DataPlane,
) -> None:
    """It waits for 20 s when it is told to end."""
    model = new_model("+tokens=60+pace=1000")
    seen, settled = stopped_during(own_plane, model, patience=40)
    assert "[DONE]" not in seen
    assert settled.error == "proxy-stopped"
    assert settled.usage.source is ESTIMATED
    assert 15 <= (settled.usage.output_tokens or 0) <= 30
