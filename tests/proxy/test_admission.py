"""Who may call, with what, and where to: decided before a byte goes up."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from application.bot_lifecycle import DeleteBot
from application.bots import IssueBotToken, LinkProvider
from domain.calls import CallAdmitted, CallRefused, CallSettled
from domain.passes import make_pass
from tests.journeys.data_plane import NOWHERE
from tests.journeys.plane import (
    DataPlane,
    TestBot,
    chat_body,
    link_to,
    new_model,
    new_token,
)
from tests.journeys.proxy_process import until

IN_FORCE_SECONDS = 1.0


def code_of(answer: httpx.Response) -> str:
    error = answer.json()["error"]
    code: str = error["details"]["code"] if "details" in error else error["code"]
    return code


def refused_within(plane: DataPlane, bot: TestBot, status: int) -> float:
    """Calls of the bot are refused with that status; how many seconds that took."""
    began = time.monotonic()
    until(lambda: plane.chat(bot, new_model()).status_code == status)
    return time.monotonic() - began


# What just happened is known.


def test_a_token_that_was_created_a_moment_ago_works_at_once(data_plane: DataPlane) -> None:
    for _ in range(10):
        assert data_plane.chat(data_plane.new_bot(), new_model()).status_code == 200


def test_a_key_that_was_linked_a_moment_ago_is_used_at_once(data_plane: DataPlane) -> None:
    for _ in range(5):
        bot = data_plane.new_bot(data_plane.add_key("openai"))
        assert data_plane.chat(bot, new_model()).status_code == 200


def test_a_known_bots_new_link_is_used_at_once(data_plane: DataPlane) -> None:
    for _ in range(5):
        bot = data_plane.new_bot(data_plane.key_of("google"))
        assert data_plane.chat(bot, new_model()).status_code == 403  # it is known by now
        linked = LinkProvider(
            team_id=data_plane.team_id,
            hostname=bot.hostname,
            link=link_to(data_plane.key_of("openai")),
            expected_version=None,
        )
        data_plane.control.bus.handle(linked, by=data_plane.by)
        assert data_plane.chat(bot, new_model()).status_code == 200


def test_a_rotated_token_is_refused_within_a_second_and_the_new_one_works_at_once(
    data_plane: DataPlane, bot: TestBot
) -> None:
    assert data_plane.chat(bot, new_model()).status_code == 200
    token = data_plane.rotate(bot)
    renewed = TestBot(bot_id=bot.bot_id, hostname=bot.hostname, token=token)
    assert data_plane.chat(renewed, new_model()).status_code == 200
    assert refused_within(data_plane, bot, 401) < IN_FORCE_SECONDS
    assert data_plane.chat(renewed, new_model()).status_code == 200


def test_a_token_in_its_time_of_grace_works_until_that_is_over(
    data_plane: DataPlane, bot: TestBot
) -> None:
    ends_at = datetime.now(UTC) + timedelta(seconds=1)
    issued = IssueBotToken(
        team_id=data_plane.team_id,
        hostname=bot.hostname,
        token_hash=data_plane.token_hash(new_token()),
        previous_end_at=ends_at,
    )
    data_plane.control.bus.handle(issued, by=data_plane.by)
    assert data_plane.chat(bot, new_model()).status_code == 200
    refused_within(data_plane, bot, 401)
    assert datetime.now(UTC) >= ends_at


def test_a_deleted_bot_is_refused_within_a_second(
    data_plane: DataPlane, bot: TestBot
) -> None:
    deleted = DeleteBot(
        team_id=data_plane.team_id, hostname=bot.hostname, expected_version=None
    )
    data_plane.control.bus.handle(deleted, by=data_plane.by)
    assert refused_within(data_plane, bot, 401) < IN_FORCE_SECONDS


def test_a_removed_key_is_not_used_any_more_within_a_second(data_plane: DataPlane) -> None:
    key = data_plane.add_key("openai")
    bot = data_plane.new_bot(key)
    assert data_plane.chat(bot, new_model()).status_code == 200
    data_plane.remove_key(key)
    assert refused_within(data_plane, bot, 403) < IN_FORCE_SECONDS
    model = new_model()
    assert code_of(data_plane.chat(bot, model)) == "no-usable-key"
    assert data_plane.ledger(model) == []


# Which key.


def test_a_key_serves_its_own_models_only_and_the_next_link_is_asked(
    data_plane: DataPlane,
) -> None:
    mine, other = new_model(), new_model()
    narrow = data_plane.add_key("openai", models=(mine,), secret="sk-narrow-0123456789")
    wide = data_plane.add_key("openai", secret="sk-wide-0123456789abc")
    first, then = link_to(narrow), replace(link_to(wide), priority=1)
    bot = data_plane.new_bot(links=(first, then))
    for model, last4 in ((mine, "6789"), (other, "9abc")):
        assert data_plane.chat(bot, model).status_code == 200
        assert data_plane.ledger(model)[0]["credential_last4"] == last4
    alone = data_plane.new_bot(narrow)
    assert code_of(data_plane.chat(alone, other)) == "no-usable-key"


def test_a_model_is_found_however_the_body_is_called(data_plane: DataPlane) -> None:
    key = data_plane.add_key("openai", models=("allowed",))
    bot = data_plane.new_bot(key)
    no_form, not_allowed = (400, "invalid"), (403, "no-usable-key")
    for kind, refused in (
        ("text/plain", not_allowed),
        ("multipart/form-data; boundary=x", no_form),
        ("application/json", not_allowed),
    ):
        answer = data_plane.client.post(
            f"{data_plane.url}/openai/v1/chat/completions",
            content=b'{"model":"forbidden"}',
            headers={**bot.bearer, "content-type": kind},
        )
        assert (answer.status_code, code_of(answer)) == refused


def test_a_key_of_one_vendor_is_not_sent_to_another(data_plane: DataPlane) -> None:
    bot = data_plane.new_bot(data_plane.keys["anthropic"])
    assert code_of(data_plane.chat(bot, new_model())) == "no-usable-key"


def test_a_check_pass_calls_under_the_one_key_it_is_for(data_plane: DataPlane) -> None:
    key = data_plane.add_key("openai", secret="sk-checked-0123456789")
    secret = data_plane.control.instance_keys.get("key-check")
    now = int(time.time())

    def models(vendor: str, token: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return data_plane.client.get(
            f"{data_plane.url}/{vendor}/v1/models", headers=headers
        )

    before = len(data_plane.ledger())
    assert models("openai", make_pass(key, ends_at=now + 60, secret=secret)).is_success
    assert data_plane.ledger()[before]["credential_last4"] == "6789"
    admitted = [
        one.event
        for one in data_plane.all_events()
        if isinstance(one.event, CallAdmitted) and one.event.facts.provider_key_id == key
    ]
    assert [(one.facts.bot_id, one.format) for one in admitted] == [(None, None)]
    ended = make_pass(key, ends_at=now - 1, secret=secret)
    forged = make_pass(key, ends_at=now + 60, secret=b"guessed")
    assert [models("openai", token).status_code for token in (ended, forged)] == [401, 401]
    good = make_pass(key, ends_at=now + 60, secret=secret)
    assert code_of(models("anthropic", good)) == "no-usable-key"


# What is refused, and what is left of it.


def post(plane: DataPlane, bot: TestBot, path: str, content: bytes) -> httpx.Response:
    return plane.client.post(plane.url + path, content=content, headers=bot.bearer)


CHAT = "/openai/v1/chat/completions"
GOOD = b'{"model":"m","messages":[]}'


@pytest.mark.parametrize(
    ("path", "content", "status", "code"),
    [
        (CHAT, b"{", 400, "invalid"),
        (CHAT, b"", 400, "invalid"),
        (CHAT, b'{"model":"a","model":"b"}', 400, "invalid"),
        (CHAT, b'{"model":"a\\u0000b"}', 400, "invalid"),
        (CHAT, b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "invalid"),
        (CHAT, b'{"x":"' + b"x" * (20 << 20) + b'"}', 413, "body-too-large"),
        ("/openai/v1/organization/users", GOOD, 403, "path-not-allowed"),
        ("/openai/v1/files", GOOD, 403, "path-not-allowed"),
        ("/openai/v1/chat%2fcompletions", GOOD, 403, "path-not-allowed"),
        ("/openai/v1//chat/completions", GOOD, 403, "path-not-allowed"),
        ("/openai/v1/chat/../completions;x", GOOD, 403, "path-not-allowed"),
        ("/openai", GOOD, 403, "path-not-allowed"),
        ("/nobody/v1/chat/completions", GOOD, 404, "unknown-vendor"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_known_bots_refused_call_is_on_record_and_goes_nowhere(
    data_plane: DataPlane, bot: TestBot, path: str, content: bytes, status: int, code: str
) -> None:
    before = len(data_plane.ledger())
    answer = post(data_plane, bot, path, content)
    assert (answer.status_code, code_of(answer)) == (status, code)
    assert data_plane.only(bot, CallRefused).code == code
    assert len(data_plane.events(bot)) == 1
    assert len(data_plane.ledger()) == before


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer cbt_nobody"},
        {"Authorization": "Basic Y2J0OnRva2Vu"},
        {"x-api-key": "\xff\xfe"},
        {"x-api-key": "cbk_nothing"},
    ],
    ids=str,
)
def test_a_stranger_is_refused_and_leaves_no_trace(
    data_plane: DataPlane, headers: dict[str, str]
) -> None:
    before = len(data_plane.all_events()), len(data_plane.ledger())
    sent = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    answer = httpx.post(data_plane.url + CHAT, content=GOOD, headers=sent)
    assert (answer.status_code, code_of(answer)) == (401, "unauthenticated")
    assert (len(data_plane.all_events()), len(data_plane.ledger())) == before


def test_a_vendor_that_is_not_there_is_settled_at_nothing(data_plane: DataPlane) -> None:
    bot = data_plane.new_bot(data_plane.add_key("openai", origin=NOWHERE))
    answer = data_plane.chat(bot, new_model())
    assert (answer.status_code, code_of(answer)) == (502, "upstream-unreachable")
    settled = data_plane.only(bot, CallSettled)
    assert (settled.http_status, settled.error) == (None, "upstream-unreachable")
    assert (settled.usage.input_tokens, settled.usage.output_tokens) == (0, 0)


def test_what_is_sent_upstream_is_built_and_not_copied(
    data_plane: DataPlane, bot: TestBot
) -> None:
    """A script in a header would reach the simulator if headers were copied."""
    model = new_model()
    sent: dict[str, Any] = {"x-sim": "status=500", "x-call-id": "mine", **bot.bearer}
    answer = data_plane.client.post(
        data_plane.url + CHAT, json=chat_body(model), headers=sent
    )
    assert answer.status_code == 200
    (booked,) = data_plane.ledger(model)
    assert booked["call_id"] is None


def test_a_model_in_the_path_is_not_hidden_by_another_in_the_body(
    data_plane: DataPlane,
) -> None:
    key = data_plane.add_key("azure-openai")
    bot = data_plane.new_bot(links=(link_to(key, models=("good",)),))
    path = "openai/deployments/{}/chat/completions?api-version=2024-10-21"
    answers = [
        data_plane.client.post(
            f"{data_plane.url}/azure-openai/{path.format(deployment)}",
            json=chat_body("good"),
            headers=bot.bearer,
        )
        for deployment in ("bad", "good")
    ]
    assert [answer.status_code for answer in answers] == [403, 200]
    assert answers[0].json()["error"]["code"] == "no-usable-key"
