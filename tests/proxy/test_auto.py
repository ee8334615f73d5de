"""`/api/v1/auto`: the bot's links choose; only the model in the body changes."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from domain.bot_events import ProviderLink
from domain.calls import CallAdmitted, CallRefused, CallSettled
from domain.passes import make_pass
from tests.journeys.plane import (
    DataPlane,
    TestBot,
    chat_body,
    link_to,
    new_model,
    new_token,
)

MESSAGE = {"role": "user", "content": "hello"}
BODIES: dict[str, dict[str, Any]] = {
    "chat/completions": {"messages": [MESSAGE]},
    "v1/chat/completions": {"messages": [MESSAGE]},
    "responses": {"input": "hello"},
    "embeddings": {"input": "hello"},
    "v1/messages": {"messages": [MESSAGE], "max_tokens": 50},
}


def asked(
    plane: DataPlane, bot: TestBot, tail: str, model: str | None = "auto"
) -> httpx.Response:
    named = {} if model is None else {"model": model}
    return plane.client.post(
        f"{plane.url}/auto/{tail}",
        json=named | BODIES[tail],
        headers={**bot.bearer, "anthropic-version": "2023-06-01"},
    )


def primary(plane: DataPlane, vendor: str, model: str) -> ProviderLink:
    return link_to(plane.key_of(vendor), primary=model)


@pytest.mark.parametrize(
    ("vendor", "tail", "path"),
    [
        ("openai", "chat/completions", "/v1/chat/completions"),
        ("openai", "v1/chat/completions", "/v1/chat/completions"),
        ("openai", "responses", "/v1/responses"),
        ("openai", "embeddings", "/v1/embeddings"),
        ("google", "chat/completions", "/v1beta/openai/chat/completions"),
        ("anthropic", "chat/completions", "/v1/chat/completions"),
        ("anthropic", "v1/messages", "/v1/messages"),
        ("custom", "chat/completions", "/v1/chat/completions"),
        ("custom", "v1/messages", "/v1/messages"),
        ("groq", "chat/completions", "/openai/v1/chat/completions"),
        ("cohere", "chat/completions", "/compatibility/v1/chat/completions"),
        ("azure-openai", "v1/messages", "/anthropic/v1/messages"),
        ("ollama", "chat/completions", "/v1/chat/completions"),
    ],
)
def test_auto_is_the_primary_model_at_its_vendor_and_in_the_format_that_was_spoken(
    data_plane: DataPlane, vendor: str, tail: str, path: str
) -> None:
    model = new_model()
    bot = data_plane.new_bot(links=(primary(data_plane, vendor, model),))
    answer = asked(data_plane, bot, tail)
    assert answer.status_code == 200
    assert answer.headers["x-clawbot-vendor"] == vendor
    assert answer.headers["x-clawbot-model"] == model
    (booked,) = data_plane.ledger(model)
    admitted, settled = (
        data_plane.only(bot, CallAdmitted),
        data_plane.only(bot, CallSettled),
    )
    assert (admitted.path, admitted.changes) == (path, ("model",))
    assert (admitted.facts.vendor, admitted.facts.requested_model) == (vendor, model)
    assert settled.usage.input_tokens == booked["input_tokens"]
    assert settled.usage.output_tokens == booked["output_tokens"]


@pytest.mark.parametrize("named", [True, False, None])
def test_the_primary_models_own_name_changes_nothing_and_none_is_the_primary(
    data_plane: DataPlane,
    named: bool | None,  # noqa: FBT001
) -> None:
    model = new_model()
    bot = data_plane.new_bot(links=(primary(data_plane, "openai", model),))
    name = None if named is None else model if named else "auto"
    assert asked(data_plane, bot, "chat/completions", name).status_code == 200
    changes = data_plane.only(bot, CallAdmitted).changes
    assert changes == (() if named else ("model",))
    assert len(data_plane.ledger(model)) == 1


def test_a_stream_is_asked_for_its_usage_here_too(data_plane: DataPlane) -> None:
    model = new_model()
    bot = data_plane.new_bot(links=(primary(data_plane, "openai", model),))
    body = chat_body("auto") | {"stream": True}
    answer = data_plane.client.post(
        f"{data_plane.url}/auto/chat/completions", json=body, headers=bot.bearer
    )
    assert answer.text.endswith("data: [DONE]\n\n")
    data_plane.ended(bot)
    assert data_plane.only(bot, CallAdmitted).changes == ("model", "include_usage")
    (booked,) = data_plane.ledger(model)
    settled = data_plane.only(bot, CallSettled)
    assert settled.usage.output_tokens == booked["output_tokens"]


def test_the_first_link_with_a_primary_model_chooses_the_key(
    data_plane: DataPlane,
) -> None:
    model, secret = new_model(), "sk-the-chosen-one-4242"
    tag = f"t-{new_token()[-8:].lower()}"
    mine = data_plane.add_key("openai", secret=secret, tags=(tag,))
    for chosen in (link_to(mine, primary=model), link_to(tag=tag, primary=model)):
        others = link_to(data_plane.key_of("openai")), primary(data_plane, "google", "g")
        bot = data_plane.new_bot(links=(others[0], chosen, others[1]))
        assert asked(data_plane, bot, "chat/completions").status_code == 200
        assert data_plane.ledger(model)[-1]["credential_last4"] == secret[-4:]
    by_vendor = data_plane.new_bot(links=(link_to(vendor="openai", primary=model),))
    assert asked(data_plane, by_vendor, "chat/completions").status_code == 200


def test_without_a_primary_model_the_first_link_with_one_model_says_it(
    data_plane: DataPlane,
) -> None:
    one, two, three = new_model(), new_model(), new_model()
    key = data_plane.key_of("openai")
    links = (link_to(key), link_to(key, models=(one, two)), link_to(key, models=(three,)))
    bot = data_plane.new_bot(links=links)
    assert asked(data_plane, bot, "responses").headers["x-clawbot-model"] == three
    named = asked(data_plane, bot, "responses", two)
    assert (named.status_code, named.headers["x-clawbot-model"]) == (200, two)


def test_a_model_that_a_link_names_is_asked_of_that_links_vendor(
    data_plane: DataPlane,
) -> None:
    model = new_model()
    named = link_to(data_plane.key_of("google"), models=("other", model))
    bot = data_plane.new_bot(links=(primary(data_plane, "openai", "p"), named))
    answer = asked(data_plane, bot, "chat/completions", model)
    assert answer.headers["x-clawbot-vendor"] == "google"
    assert data_plane.only(bot, CallAdmitted).changes == ()


@pytest.mark.parametrize(
    ("tail", "model", "vendor"),
    [
        ("chat/completions", "gpt-5-mini", "openai"),
        ("chat/completions", "claude-haiku-4-5", "anthropic"),
        ("v1/messages", "claude-haiku-4-5", "anthropic"),
        ("chat/completions", "llama-of-our-own", "custom"),
    ],
)
def test_a_model_that_links_for_all_models_leave_open_is_asked_where_it_is_had(
    data_plane: DataPlane, tail: str, model: str, vendor: str
) -> None:
    vendors = ("openai", "anthropic", "custom")
    links = tuple(link_to(data_plane.key_of(one)) for one in vendors)
    bot = data_plane.new_bot(links=links)
    answer = asked(data_plane, bot, tail, model)
    assert (answer.status_code, answer.headers["x-clawbot-vendor"]) == (200, vendor)
    kept = data_plane.only(bot, CallAdmitted).routing
    assert kept is not None
    assert kept["bot_models"] == {"left_open": [{"vendor": vendor, "model": model}]}


def test_of_several_primary_models_the_first_that_speaks_the_format_answers(
    data_plane: DataPlane,
) -> None:
    one, two = new_model(), new_model()
    links = primary(data_plane, "openai", one), primary(data_plane, "anthropic", two)
    bot = data_plane.new_bot(links=links)
    for tail, model in (("v1/messages", two), ("chat/completions", one)):
        answer = asked(data_plane, bot, tail)
        assert (answer.status_code, answer.headers["x-clawbot-model"]) == (200, model)


def test_a_bot_without_a_primary_model_is_told_what_to_set(data_plane: DataPlane) -> None:
    bot = data_plane.new_bot(links=(link_to(data_plane.key_of("openai")),))
    answer = asked(data_plane, bot, "chat/completions")
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (403, "no-usable-key")
    assert "set `primary_model` in a link" in error["message"]
    assert data_plane.only(bot, CallRefused).code == "no-usable-key"
    unknown = asked(data_plane, bot, "v1/messages", "nobody").json()["error"]
    assert unknown["type"] == "permission_error"
    assert unknown["details"]["code"] == "no-usable-key"
    assert "names this model" in unknown["message"]


def test_a_link_without_a_key_chooses_nothing(data_plane: DataPlane) -> None:
    bot = data_plane.new_bot(links=(link_to(tag="nobody-has-it", primary="m"),))
    answer = asked(data_plane, bot, "chat/completions")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "no-usable-key")


def test_a_vendor_without_anthropics_format_is_not_asked_in_it(
    data_plane: DataPlane,
) -> None:
    bot = data_plane.new_bot(links=(primary(data_plane, "groq", "m"),))
    error = asked(data_plane, bot, "v1/messages").json()["error"]
    assert error["details"]["code"] == "path-not-allowed"
    assert "No vendor" in error["message"]


@pytest.mark.parametrize(
    ("method", "tail"),
    [
        ("POST", "files"),
        ("GET", "chat/completions"),
        ("POST", "models"),
        ("POST", ""),
        ("POST", "chat%2Fcompletions"),
        ("POST", "organization/users"),
        ("POST", "v1beta/models/m:generateContent"),
    ],
)
def test_nothing_else_is_open(data_plane: DataPlane, method: str, tail: str) -> None:
    bot = data_plane.new_bot(links=(primary(data_plane, "openai", "m"),))
    request = data_plane.client.build_request(
        method, f"{data_plane.url}/auto/x", json=chat_body("auto"), headers=bot.bearer
    )
    request.url = request.url.copy_with(raw_path=f"/api/v1/auto/{tail}".encode())
    answer = data_plane.client.send(request)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "path-not-allowed")


def test_a_body_that_cannot_be_read_is_refused(data_plane: DataPlane) -> None:
    bot = data_plane.new_bot(links=(primary(data_plane, "openai", "m"),))
    for body in (b'{"model":"auto","model":"m"}', b"[]", b"", b'{"model":7}'):
        answer = data_plane.client.post(
            f"{data_plane.url}/auto/responses", content=body, headers=bot.bearer
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid")


def test_strangers_and_key_checks_get_nothing_here(data_plane: DataPlane) -> None:
    stranger = TestBot(bot_id=data_plane.new_bot().bot_id, hostname="x", token=new_token())
    told = asked(data_plane, stranger, "v1/messages").json()["error"]
    assert told["details"]["code"] == "unauthenticated"
    models = data_plane.client.get(f"{data_plane.url}/auto/models", headers=stranger.bearer)
    assert models.status_code == 401
    secret = data_plane.control.instance_keys.get("key-check")
    key, end = data_plane.key_of("openai"), int(time.time()) + 60
    checker = TestBot(
        bot_id=stranger.bot_id,
        hostname="x",
        token=make_pass(key, ends_at=end, secret=secret),
    )
    refused = asked(data_plane, checker, "chat/completions", "m")
    assert refused.status_code == 403


@pytest.mark.parametrize("tail", ["models", "v1/models"])
def test_the_models_are_those_that_the_links_name_and_nobody_is_asked(
    data_plane: DataPlane, tail: str
) -> None:
    key = data_plane.key_of("openai")
    links = (link_to(key, models=("b", "a")), link_to(key, primary="p"), link_to(key))
    bot, before = data_plane.new_bot(links=links), len(data_plane.ledger())
    answer = data_plane.client.get(f"{data_plane.url}/auto/{tail}", headers=bot.bearer)
    listed = answer.json()
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == ["auto", "b", "a", "p"]
    assert {model["object"] for model in listed["data"]} == {"model"}
    assert "x-call-id" in answer.headers
    assert len(data_plane.ledger()) == before
    assert data_plane.events(bot) == []
    nothing = data_plane.new_bot()
    answer = data_plane.client.get(f"{data_plane.url}/auto/models", headers=nothing.bearer)
    assert answer.json() == {"object": "list", "data": []}
