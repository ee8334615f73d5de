"""Failover by clock and count: who is too slow, how often a call goes on, and when."""

from __future__ import annotations

import time
from dataclasses import replace

import httpx
import pytest

from domain.routing_policy import Failover, Retry, Trigger
from tests.journeys.plane import DataPlane, link_to
from tests.proxy.pools import secret_that
from tests.proxy.routes import Routed, routed, target, two_steps


def quick(*types: str) -> Trigger:
    return Trigger(error_types=types, timeout_ms=200)


@pytest.mark.parametrize("directives", ["+slow=3000", "+stall"])
@pytest.mark.parametrize("stream", [False, True])
def test_who_does_not_begin_in_time_is_left_for_the_next(
    data_plane: DataPlane, directives: str, *, stream: bool
) -> None:
    bot, broken, fine = two_steps(data_plane, directives, trigger=quick("timeout"))
    began = time.monotonic()
    answer = bot.ask(stream=stream)
    assert 0.2 < time.monotonic() - began < 1.5
    assert answer.headers["x-clawbot-model"] == fine.model
    assert bot.tried() == [(broken.model, None, "overloaded"), (fine.model, 200, "ok")]
    assert bot.settled().attempt_log[0].error == "upstream-timeout"
    assert bot.settled().attempt_log[0].ms >= 200


def test_a_timeout_that_the_trigger_does_not_name_ends_the_call(
    data_plane: DataPlane,
) -> None:
    bot, _, fine = two_steps(data_plane, "+slow=3000", trigger=quick())
    assert bot.ask().status_code == 504
    assert data_plane.ledger(fine.model) == []


def test_the_time_is_for_the_first_byte_only(data_plane: DataPlane) -> None:
    bot, steady, _ = two_steps(data_plane, "+tokens=8+pace=100", trigger=quick("timeout"))
    began = time.monotonic()
    answer = bot.ask(stream=True)
    assert time.monotonic() - began > 0.5
    assert answer.headers["x-clawbot-model"] == steady.model
    assert answer.text.endswith("data: [DONE]\n\n")


def test_the_last_hope_is_waited_for(data_plane: DataPlane) -> None:
    broken, slow = target("openai", "+status=503"), target("google", "+slow=600")
    bot = routed(
        data_plane, Failover(steps=(broken, slow), trigger=quick("overloaded", "timeout"))
    )
    answer = bot.ask()
    assert (answer.status_code, answer.headers["x-clawbot-model"]) == (200, slow.model)


# How often.


def chain_of(plane: DataPlane, *directives: str, retry: Retry) -> Routed:
    vendors = ("openai", "google", "custom", "anthropic", "groq")
    steps = tuple(
        target(vendor, said) for vendor, said in zip(vendors, directives, strict=False)
    )
    return routed(plane, Failover(steps=steps, retry=retry))


@pytest.mark.parametrize(("retries", "attempts"), [(0, 1), (1, 2), (2, 3), (10, 4)])
def test_a_call_goes_on_as_often_as_its_retry_says(
    data_plane: DataPlane, retries: int, attempts: int
) -> None:
    down = ("+status=503",) * 4
    bot = chain_of(data_plane, *down, retry=Retry(max_retries=retries))
    answer = bot.ask()
    assert (answer.status_code, answer.headers["x-clawbot-attempts"]) == (
        503,
        str(attempts),
    )
    assert len(bot.tried()) == attempts


def test_each_further_attempt_waits_as_the_retry_says(data_plane: DataPlane) -> None:
    retry = Retry(max_retries=3, delay_ms=150)
    bot = chain_of(data_plane, "+status=503", "+status=500", "", retry=retry)
    began = time.monotonic()
    answer = bot.ask()
    assert (answer.status_code, answer.headers["x-clawbot-attempts"]) == (200, "3")
    assert 0.3 < time.monotonic() - began < 1.2
    straight = chain_of(data_plane, "", "", retry=retry)
    began = time.monotonic()
    straight.ask()
    assert time.monotonic() - began < 0.15


def test_a_client_that_leaves_while_a_retry_waits_is_not_tried_for(
    data_plane: DataPlane,
) -> None:
    retry = Retry(max_retries=3, delay_ms=30_000)
    broken, fine = target("openai", "+status=503"), target("google")
    bot = routed(data_plane, Failover(steps=(broken, fine), retry=retry))
    body = {"model": "auto", "stream": True, "messages": [{"role": "user", "content": "x"}]}
    url = f"{data_plane.url}/auto/chat/completions"
    with pytest.raises(httpx.ReadTimeout):
        data_plane.client.post(url, json=body, headers=bot.bot.bearer, timeout=0.3)
    data_plane.ended(bot.bot)
    assert bot.settled().client_left
    assert data_plane.ledger(fine.model) == []


def test_a_vendor_at_fault_makes_way_for_the_next_vendor_and_its_keys_come_last(
    data_plane: DataPlane,
) -> None:
    there, elsewhere = target("openai"), target("google", "+status=503")
    down = [data_plane.add_key("openai", secret=secret_that("status=500")) for _ in "ab"]
    other = data_plane.add_key("google", secret="sk-good-google")
    links = (
        *(link_to(key, models=("*", there.model)) for key in down),
        link_to(other, models=("*", elsewhere.model)),
    )
    bot = Routed(plane=data_plane, bot=data_plane.new_bot(links=links))
    bot.route(Failover(steps=(there, elsewhere)))
    bot.ask()
    log = bot.settled().attempt_log
    assert [one.model for one in log] == [there.model, elsewhere.model, there.model]
    assert {one.provider_key_id for one in log} == {*down, other}


def test_however_many_keys_are_limited_there_the_last_retry_goes_elsewhere(
    data_plane: DataPlane,
) -> None:
    there, elsewhere = target("openai"), target("google")
    limited = [
        data_plane.add_key("openai", secret=secret_that("status=429+retry=30"))
        for _ in range(5)
    ]
    links = (
        *(link_to(key, models=("*", there.model)) for key in limited),
        link_to(data_plane.key_of("google"), models=("*", elsewhere.model)),
    )
    bot = Routed(plane=data_plane, bot=data_plane.new_bot(links=links))
    bot.route(Failover(steps=(there, elsewhere)))
    assert bot.ask().headers["x-clawbot-model"] == elsewhere.model
    log = bot.settled().attempt_log
    assert [one.model for one in log] == [there.model] * 3 + [elsewhere.model]


def test_a_key_at_fault_makes_way_for_the_next_key_there(data_plane: DataPlane) -> None:
    there, elsewhere = target("openai"), target("google")
    keys = [
        data_plane.add_key("openai", secret=secret)
        for secret in (secret_that("status=429+retry=30"), "sk-good-second")
    ]
    links = (
        *(
            replace(link_to(key, models=("*", there.model)), priority=nth)
            for nth, key in enumerate(keys)
        ),
        link_to(data_plane.key_of("google"), models=("*", elsewhere.model)),
    )
    bot = Routed(plane=data_plane, bot=data_plane.new_bot(links=links))
    bot.route(Failover(steps=(there, elsewhere)))
    assert bot.ask().headers["x-clawbot-model"] == there.model
    assert [one.provider_key_id for one in bot.settled().attempt_log] == keys
