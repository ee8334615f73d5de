"""Failover: what goes on to the next candidate and what does not, and what is on record."""

from __future__ import annotations

from contextlib import suppress

import httpx
import pytest

from domain.routing_policy import Failover, Retry, RouteTarget, Trigger
from tests.journeys.data_plane import NOWHERE
from tests.journeys.plane import DataPlane
from tests.journeys.proxy_process import until
from tests.proxy.pools import secret_that
from tests.proxy.routes import routed, two_steps

ONLY_504 = Trigger(status_codes=(504,), error_types=())


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
