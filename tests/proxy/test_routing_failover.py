"""Failover: what goes on to the next candidate and what does not, and what is on record."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from typing import Any

import httpx
import pytest

from domain.routing_policy import (
    Failover,
    Retry,
    RouteTarget,
    Trigger,
)
from tests.journeys.data_plane import NOWHERE
from tests.journeys.plane import DataPlane, link_to
from tests.journeys.proxy_process import until
from tests.proxy.pools import secret_that
from tests.proxy.routes import Routed, routed, target

ONLY_504 = Trigger(status_codes=(504,), error_types=())


def two_steps(
    plane: DataPlane,
    directives: str,
    *,
    trigger: Trigger | None = None,
    retry: Retry | None = None,
    first: str = "openai",
    **more: Any,
) -> tuple[Routed, RouteTarget, RouteTarget]:
    """A bot whose first step behaves so and whose second, at another vendor, is fine."""
    broken, fine = target(first, directives), target("google")
    policy = Failover(steps=(broken, fine), trigger=trigger, retry=retry)
    return routed(plane, policy, **more), broken, fine


@pytest.mark.parametrize(
    ("directives", "status", "verdict"),
    [
        ("+status=429", 429, "throttled"),
        ("+status=429+code=insufficient_quota", 429, "no_funds"),
        ("+status=401", 401, "dead"),
        ("+status=403", 403, "client_error"),
        ("+status=500", 500, "overloaded"),
        ("+status=503", 503, "overloaded"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_the_next_vendor_takes_over(
    data_plane: DataPlane, directives: str, status: int, verdict: str, *, stream: bool
) -> None:
    bot, broken, fine = two_steps(data_plane, directives)
    answer = bot.ask(stream=stream)
    assert answer.status_code == 200
    assert answer.headers["x-clawbot-vendor"] == "google"
    assert answer.headers["x-clawbot-model"] == fine.model
    assert answer.headers["x-clawbot-attempts"] == "2"
    assert bot.tried() == [(broken.model, status, verdict), (fine.model, 200, "ok")]
    settled, admitted = bot.settled(), bot.admitted()
    assert (admitted.facts.vendor, admitted.facts.requested_model) == (
        "openai",
        broken.model,
    )
    assert (settled.facts.vendor, settled.facts.requested_model) == ("google", fine.model)
    keys = [one.provider_key_id for one in settled.attempt_log]
    assert keys == [bot.keys["openai"], bot.keys["google"]]
    assert settled.facts.provider_key_id == bot.keys["google"]
    (booked,) = data_plane.ledger(fine.model)
    assert settled.usage.output_tokens == booked["output_tokens"]


def test_what_is_wrong_with_the_request_goes_nowhere(data_plane: DataPlane) -> None:
    bot, _, fine = two_steps(data_plane, "+status=400")
    assert bot.ask().status_code == 400
    assert data_plane.ledger(fine.model) == []


@pytest.mark.parametrize(
    ("directives", "trigger", "goes_on"),
    [
        ("+status=503", ONLY_504, False),
        ("+status=504", ONLY_504, True),
        ("+status=429", ONLY_504, True),  # the bot can do nothing about the key
        ("+status=401", ONLY_504, True),
        ("+status=403", ONLY_504, True),
        ("+status=404", Trigger(status_codes=(404,), error_types=()), True),
        (
            "+status=400+code=context_length_exceeded",
            Trigger(error_types=("context_length_exceeded",)),
            True,
        ),
        ("+status=400+code=context_length_exceeded", Trigger(), False),
        (
            "+status=404+code=model_not_found",
            Trigger(status_codes=(), error_types=("model_not_found",)),
            True,
        ),
        (
            "+status=500",
            Trigger(status_codes=(), error_types=("overloaded",)),
            True,
        ),
        ("+status=500", Trigger(status_codes=(), error_types=("timeout",)), False),
    ],
)
def test_the_trigger_says_what_goes_on(
    data_plane: DataPlane, directives: str, trigger: Trigger, *, goes_on: bool
) -> None:
    bot, broken, fine = two_steps(data_plane, directives, trigger=trigger)
    answer = bot.ask()
    served = [fine.model] if goes_on else [broken.model]
    assert (answer.status_code == 200) is goes_on
    assert answer.headers.get("x-clawbot-model") in {None, *served}
    assert len(data_plane.ledger(fine.model)) == int(goes_on)


@pytest.mark.parametrize("first", ["openai", "custom"])
def test_a_vendor_that_is_away_is_gone_around(data_plane: DataPlane, first: str) -> None:
    bot, broken, fine = two_steps(data_plane, "", first=first, origins={first: NOWHERE})
    assert bot.ask().headers["x-clawbot-vendor"] == "google"
    assert bot.tried() == [(broken.model, None, "overloaded"), (fine.model, 200, "ok")]


def test_a_trigger_without_a_word_of_it_stays_with_a_vendor_that_is_away(
    data_plane: DataPlane,
) -> None:
    bot, _, fine = two_steps(data_plane, "", trigger=ONLY_504, origins={"openai": NOWHERE})
    assert bot.ask().status_code == 502
    assert data_plane.ledger(fine.model) == []


# Time.


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


# Streams.


@pytest.mark.parametrize("directives", ["+error=1", "+cut=1"])
def test_a_stream_fails_over_before_its_first_content(
    data_plane: DataPlane, directives: str
) -> None:
    bot, broken, fine = two_steps(data_plane, directives)
    answer = bot.ask(stream=True)
    assert answer.headers["x-clawbot-model"] == fine.model
    assert answer.text.endswith("data: [DONE]\n\n")
    assert "error" not in answer.text
    assert bot.tried() == [(broken.model, 200, "overloaded"), (fine.model, 200, "ok")]


@pytest.mark.parametrize("directives", ["+tokens=9+error=4", "+tokens=9+cut=4"])
def test_and_never_after_it(data_plane: DataPlane, directives: str) -> None:
    bot, broken, fine = two_steps(data_plane, directives)
    body = {"model": "auto", "stream": True, "messages": [{"role": "user", "content": "x"}]}
    url, seen = f"{data_plane.url}/auto/chat/completions", b""
    with data_plane.client.stream("POST", url, json=body, headers=bot.bot.bearer) as answer:
        assert answer.headers["x-clawbot-model"] == broken.model
        with suppress(httpx.TransportError):  # it may be cut
            for piece in answer.iter_raw():
                seen += piece
    assert b"content" in seen
    data_plane.ended(bot.bot)
    assert [model for model, _, _ in bot.tried()] == [broken.model]
    assert data_plane.ledger(fine.model) == []


# What it costs.


def test_the_call_costs_what_the_model_that_served_it_costs(
    data_plane: DataPlane,
) -> None:
    dear = RouteTarget(vendor="openai", model="gpt-4o")
    cheap = RouteTarget(vendor="google", model="gemini-2.5-flash-lite")
    direct = routed(data_plane, Failover(steps=(cheap,)))
    direct.ask()
    bot = routed(
        data_plane,
        Failover(steps=(dear, cheap)),
        secrets={"openai": secret_that("status=503")},
    )
    bot.ask()
    settled = bot.settled()
    assert settled.facts.requested_model == cheap.model
    assert settled.cost_micro_usd == direct.settled().cost_micro_usd
    assert (settled.cost_micro_usd or 0) > 0


def test_a_chain_that_a_request_names_fails_over_too(data_plane: DataPlane) -> None:
    models = {
        "anthropic": "claude-haiku-4-5-20251001",
        "google": "gemini-3-flash-preview",
        "openai": "gpt-5-mini",
    }
    named = [RouteTarget(vendor=v, model=m) for v, m in models.items()]
    down = {vendor: secret_that("status=503") for vendor in models}
    bot = routed(data_plane, None, *named, secrets=down)
    answer = bot.ask("fast-response")
    assert answer.status_code == 503
    decision = bot.decision()
    assert decision.chose == "chain"
    wanted = min(len(decision.candidates), 1 + (decision.retry or Retry()).max_retries)
    assert [model for model, _, _ in bot.tried()] == [
        one.target.model for one in decision.candidates[:wanted]
    ]


def test_a_target_that_is_overloaded_again_and_again_comes_last(
    data_plane: DataPlane,
) -> None:
    bot, broken, fine = two_steps(data_plane, "+status=503")
    attempts = []

    def one_only() -> bool:
        attempts.append(bot.ask().headers["x-clawbot-attempts"])
        return attempts[-1] == "1"

    until(one_only)
    assert attempts.count("2") == 5
    assert len(data_plane.ledger(broken.model)) == 5
    assert len(data_plane.ledger(fine.model)) == 6
