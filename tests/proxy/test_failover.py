"""Several keys: who is tried after whom, what the client sees, what is on record."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest

from domain.calls import CallRefused
from tests.journeys.data_plane import NOWHERE
from tests.journeys.plane import DataPlane, chat_body, new_model
from tests.journeys.proxy_process import until
from tests.proxy.pools import Pool, ends, pool, rotate

LONG = "status=429+retry=30"


def events_of(answer: httpx.Response) -> list[str]:
    return [line for line in answer.text.split("\n\n") if line]


@pytest.mark.parametrize(
    ("first", "status", "verdict"),
    [
        (LONG, 429, "throttled"),
        ("status=429+code=insufficient_quota", 429, "no_funds"),
        ("status=401", 401, "dead"),
        ("status=402", 402, "no_funds"),
        ("status=403", 403, "client_error"),
        ("status=500", 500, "overloaded"),
        ("status=503", 503, "overloaded"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_where_the_first_key_fails_the_second_answers(
    data_plane: DataPlane, first: str, status: int, verdict: str, *, stream: bool
) -> None:
    two = pool(data_plane, first, None)
    answer = data_plane.chat(two.bot, new_model(), stream=stream)
    assert answer.status_code == 200
    assert answer.headers["x-clawbot-attempts"] == "2"
    assert two.tried() == [(0, status, verdict), (1, 200, "ok")]
    settled = two.settled()
    assert two.admitted().facts.provider_key_id == two.keys[0]
    assert settled.facts.provider_key_id == two.keys[1]
    assert (settled.attempts, settled.http_status, settled.error) == (2, 200, None)


def test_what_is_wrong_with_the_request_is_not_tried_again(data_plane: DataPlane) -> None:
    two = pool(data_plane, None, None)
    answer = data_plane.chat(two.bot, new_model("+status=400"))
    assert (answer.status_code, answer.headers["x-clawbot-attempts"]) == (400, "1")
    assert two.tried() == [(0, 400, "client_error")]


def test_a_call_that_is_fine_has_no_log_of_attempts(data_plane: DataPlane) -> None:
    two = pool(data_plane, None, None)
    assert data_plane.chat(two.bot, new_model()).status_code == 200
    assert two.settled().attempt_log == ()


def test_a_vendor_that_is_away_is_gone_around(data_plane: DataPlane) -> None:
    two = pool(data_plane, None, None, origins=(NOWHERE,))
    assert data_plane.chat(two.bot, new_model()).status_code == 200
    assert two.tried() == [(0, None, "overloaded"), (1, 200, "ok")]


def test_the_last_answer_is_the_clients_and_each_key_was_tried_once(
    data_plane: DataPlane,
) -> None:
    three = pool(data_plane, LONG, "status=401", "status=503")
    answer = data_plane.chat(three.bot, new_model())
    assert (answer.status_code, answer.headers["x-clawbot-attempts"]) == (503, "3")
    assert "Simulated" in answer.text or "error" in answer.json()
    assert [nth for nth, _, _ in three.tried()] == [0, 1, 2]


def test_a_refused_credential_of_the_last_key_is_not_the_bots_fault(
    data_plane: DataPlane,
) -> None:
    two = pool(data_plane, LONG, "status=401")
    answer = data_plane.chat(two.bot, new_model())
    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "upstream-refused-credential"
    assert two.tried() == [(0, 429, "throttled"), (1, 401, "dead")]


# Streams.


def test_an_error_before_the_first_content_is_as_good_as_none_relayed(
    data_plane: DataPlane,
) -> None:
    two = pool(data_plane, "error=1", None)  # one event without content, then the error
    answer = data_plane.chat(two.bot, new_model(), stream=True)
    assert "error" not in answer.text
    assert events_of(answer)[-1] == "data: [DONE]"
    assert two.tried() == [(0, 200, "overloaded"), (1, 200, "ok")]


def test_a_stream_that_breaks_off_before_its_content_is_tried_again(
    data_plane: DataPlane,
) -> None:
    two = pool(data_plane, "cut=1", None)
    answer = data_plane.chat(two.bot, new_model(), stream=True)
    assert events_of(answer)[-1] == "data: [DONE]"
    assert two.tried() == [(0, 200, "overloaded"), (1, 200, "ok")]
    assert two.settled().error is None


def test_after_the_first_content_no_other_key_is_tried(data_plane: DataPlane) -> None:
    two = pool(data_plane, "error=4+tokens=9", None)
    answer = data_plane.chat(two.bot, new_model(), stream=True)
    assert answer.headers["x-clawbot-attempts"] == "1"
    assert "error" in events_of(answer)[-1]
    assert two.tried() == [(0, 200, "overloaded")]


def test_content_that_is_there_is_not_held_for_what_comes_later(
    data_plane: DataPlane,
) -> None:
    two = pool(data_plane, "pace=300+tokens=8", None)
    began = time.monotonic()
    with data_plane.client.stream(
        "POST",
        f"{data_plane.url}/openai/v1/chat/completions",
        json=chat_body(new_model(), stream=True),
        headers=two.bot.bearer,
    ) as answer:
        arrived = [time.monotonic() - began for _ in answer.iter_raw()]
    assert arrived[0] < 1  # the second event is the first with content
    assert arrived[-1] > 1.5


# What is remembered.


def calls(pool: Pool, count: int = 1) -> list[int]:
    """How many attempts each of so many calls took."""
    return [
        int(pool.plane.chat(pool.bot, new_model()).headers["x-clawbot-attempts"])
        for _ in range(count)
    ]


@pytest.mark.parametrize(
    "first", [LONG, "status=401", "status=429+code=insufficient_quota"]
)
def test_a_key_that_cannot_serve_is_passed_over_from_then_on(
    data_plane: DataPlane, first: str
) -> None:
    assert calls(pool(data_plane, first, None), 3) == [2, 1, 1]


def test_an_overloaded_key_is_tried_again_and_again_until_that_is_too_often(
    data_plane: DataPlane,
) -> None:
    attempts = calls(pool(data_plane, "status=500", None), 7)
    assert attempts == [2, 2, 2, 2, 2, 1, 1]


def test_when_every_key_cools_the_client_is_told_for_how_long(
    data_plane: DataPlane,
) -> None:
    two = pool(data_plane, "status=429+retry=20", "status=429+retry=9")
    first = data_plane.chat(two.bot, new_model())
    assert first.status_code == 429  # the vendor's own
    again = data_plane.chat(two.bot, new_model())
    assert again.status_code == 429
    assert again.json()["error"]["code"] == "all-keys-cooling"
    assert 1 <= int(again.headers["retry-after"]) <= 10
    assert data_plane.only(two.bot, CallRefused).code == "all-keys-cooling"


def test_nobody_is_told_to_wait_for_more_than_a_minute(data_plane: DataPlane) -> None:
    one = pool(data_plane, "status=429+retry=3600")
    data_plane.chat(one.bot, new_model())
    again = data_plane.chat(one.bot, new_model())
    assert again.json()["error"]["code"] == "all-keys-cooling"
    assert "retry-after" not in again.headers


def test_a_cooling_ends_by_itself(data_plane: DataPlane) -> None:
    one = pool(data_plane, None)
    limited = data_plane.chat(one.bot, new_model("+status=429+retry=1"))
    assert limited.status_code == 429
    began = time.monotonic()
    assert data_plane.chat(one.bot, new_model()).status_code == 429
    until(lambda: data_plane.chat(one.bot, new_model()).status_code == 200)
    assert 0.5 < time.monotonic() - began < 2


def test_a_key_whose_cooling_is_over_is_tried_by_one_of_the_calls_that_come_together(
    data_plane: DataPlane,
) -> None:
    one = pool(data_plane, None)
    limited = "+status=429+retry=1+slow=300"
    assert data_plane.chat(one.bot, new_model(limited)).status_code == 429
    until(lambda: data_plane.chat(one.bot, new_model()).status_code == 200)
    assert data_plane.chat(one.bot, new_model(limited)).status_code == 429
    time.sleep(1.2)  # it asked for one second, and up to a tenth more is chance
    with ThreadPoolExecutor(8) as callers:
        asked = [
            callers.submit(data_plane.chat, one.bot, new_model(limited)) for _ in range(8)
        ]
        answers = [each.result() for each in asked]
    said = sorted(str(answer.json()["error"]["code"]) for answer in answers)
    assert said == ["all-keys-cooling"] * 7 + ["rate_limit_exceeded"]
    assert {answer.headers["retry-after"] for answer in answers} == {"1"}


def test_who_may_not_try_a_key_with_others_takes_the_next_one(
    data_plane: DataPlane,
) -> None:
    two = pool(data_plane, "status=429+retry=1+slow=300", None)
    assert calls(two) == [2]
    time.sleep(1.2)
    with ThreadPoolExecutor(8) as callers:
        attempts = sorted(callers.map(lambda _: calls(two)[0], range(8)))
    assert attempts == [1] * 7 + [2]


def test_an_overloaded_only_key_is_better_than_none(data_plane: DataPlane) -> None:
    one = pool(data_plane, "status=503")
    statuses = [data_plane.chat(one.bot, new_model()).status_code for _ in range(8)]
    assert statuses == [503] * 8


# What others have found out, by the fleet log.


def test_a_key_that_is_known_to_be_dead_is_passed_over_and_a_good_check_brings_it_back(
    data_plane: DataPlane,
) -> None:
    two = pool(data_plane, "status=401", None)
    assert calls(two, 2) == [2, 1]
    rotate(data_plane, two.keys[0], f"sk-good-{uuid4().hex}")
    answered: set[object] = set()

    def first_again() -> bool:
        data_plane.chat(two.bot, new_model())
        answered.add(ends(data_plane, two.bot)[-1].facts.provider_key_id)
        return two.keys[0] in answered

    until(first_again)
