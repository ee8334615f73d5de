"""Channels of an OpenClaw bot: what it is told, and what its people are told."""

from __future__ import annotations

import json
from dataclasses import replace
from uuid import UUID

import pytest

from domain.containers import NetworkPolicy
from domain.equipment import BotChannel
from domain.errors import InvalidFields
from domain.workspace.facts import WorkspaceFacts
from domain.workspace.rendered import Area
from domain.workspace.rendering import render
from tests.domain.workspace.scene import (
    CHANNEL,
    FACTS,
    PROXY,
    SECRETS,
    check_against_schema,
    codes,
    config,
    content,
    secret,
)

OTHER = UUID(int=77)


def with_channel(
    channel_type: str, credentials: dict[str, str], **secrets: str
) -> WorkspaceFacts:
    channel = BotChannel(
        id=OTHER,
        channel_type=channel_type,
        name="it",
        credentials=json.dumps(credentials),
        config='{"allowFrom": ["ada"]}',
        connected=True,
    )
    held = {OTHER: {name: secret(value) for name, value in secrets.items()}}
    return replace(FACTS, channels=(channel,), secrets=replace(SECRETS, channels=held))


def test_telegram_goes_through_our_relay_with_a_surrogate() -> None:
    rendered = render(FACTS)
    telegram = config(rendered)["channels"]["telegram"]
    assert telegram["apiRoot"] == f"{PROXY}/api/v1/channel/telegram"
    assert telegram["botToken"]["id"] == "/channels/telegram/botToken"
    assert (telegram["dmPolicy"], telegram["allowFrom"]) == ("allowlist", ["4242"])
    held = json.loads(content(rendered, "bot.json", Area.SECRETS))["channels"]
    assert held == {"telegram": {"botToken": "4242:canary-surrogate"}}
    assert codes(rendered) == []


def test_telegram_that_is_not_relayed_says_that_the_bot_holds_its_token() -> None:
    rendered = render(replace(FACTS, channels=(replace(CHANNEL, relayed=False),)))
    assert "apiRoot" not in config(rendered)["channels"]["telegram"]
    assert codes(rendered) == ["secret-in-bot", "channel-needs-egress"]
    check_against_schema(rendered)


@pytest.mark.parametrize(
    ("channel_type", "openclaw", "credentials", "secrets"),
    [
        ("discord", "discord", {"applicationId": "1"}, {"botToken": "t"}),
        ("slack", "slack", {}, {"botToken": "t", "appToken": "a", "signingSecret": "s"}),
        ("slack", "slack", {}, {"botToken": "t", "signingSecret": "s"}),
        ("feishu", "feishu", {"appId": "cli_1"}, {"appSecret": "s"}),
        ("teams", "msteams", {"appId": "1", "tenantId": "2"}, {"appPassword": "p"}),
        ("line", "line", {}, {"channelAccessToken": "a", "channelSecret": "s"}),
    ],
)
def test_each_channel_is_one_that_openclaw_takes(
    channel_type: str, openclaw: str, credentials: dict[str, str], secrets: dict[str, str]
) -> None:
    rendered = render(with_channel(channel_type, credentials, **secrets))
    check_against_schema(rendered)
    read = config(rendered)
    assert list(read["channels"]) == [openclaw]
    assert openclaw in read["plugins"]["allow"]
    assert read["plugins"]["load"] == {"paths": [f"/opt/plugins/{openclaw}"]}
    assert "secret-in-bot" in codes(rendered)


def test_slack_that_calls_in_needs_no_app_token() -> None:
    rendered = render(with_channel("slack", {}, botToken="t", signingSecret="s"))
    assert config(rendered)["channels"]["slack"]["mode"] == "http"


def test_line_reads_its_secrets_from_files() -> None:
    rendered = render(with_channel("line", {}, channelAccessToken="a", channelSecret="s"))
    assert content(rendered, "line-channelAccessToken", Area.SECRETS) == "a"
    assert content(rendered, "line-channelSecret", Area.SECRETS) == "s"


@pytest.mark.parametrize(
    ("channel_type", "code"),
    [
        ("twitter", "channel-not-supported"),
        ("instagram", "channel-not-supported"),
        ("webchat", "channel-not-supported"),
        ("wechat", "channel-by-qr-only"),
        ("whatsapp", "channel-by-qr-only"),
        ("discord", "channel-without-credentials"),
    ],
)
def test_what_cannot_be_is_left_out_and_noted(channel_type: str, code: str) -> None:
    rendered = render(with_channel(channel_type, {}))
    assert config(rendered)["channels"] == {}
    assert [(note.code, note.subject) for note in rendered.notes] == [(code, channel_type)]
    assert channel_type in rendered.notes[0].en
    assert channel_type in rendered.notes[0].zh


def test_a_second_channel_of_a_type_is_noted_and_brings_no_secret() -> None:
    second = replace(CHANNEL, id=OTHER, name="second")
    held = {**SECRETS.channels, OTHER: {"botToken": secret("second-token")}}
    rendered = render(
        replace(
            FACTS,
            channels=(CHANNEL, second),
            secrets=replace(SECRETS, channels=held),
        )
    )
    assert codes(rendered) == ["channel-twice"]
    assert "second-token" not in content(rendered, "bot.json", Area.SECRETS)


def test_a_channel_without_credentials_leaves_its_place_to_the_next() -> None:
    incomplete = replace(CHANNEL, id=OTHER, name="incomplete")
    rendered = render(replace(FACTS, channels=(incomplete, CHANNEL)))
    held = json.loads(content(rendered, "bot.json", Area.SECRETS))["channels"]
    assert held == {"telegram": {"botToken": "4242:canary-surrogate"}}
    assert codes(rendered) == ["channel-without-credentials"]


def test_a_channel_that_is_not_connected_is_not_there() -> None:
    rendered = render(replace(FACTS, channels=(replace(CHANNEL, connected=False),)))
    assert config(rendered)["channels"] == {}
    assert "4242:canary-surrogate" not in content(rendered, "bot.json", Area.SECRETS)


def test_everybody_is_answered_only_when_the_list_says_so() -> None:
    everybody = replace(CHANNEL, config='{"allowFrom": "*"}')
    nobody = replace(CHANNEL, config="{}")
    for channel, policy, said in (
        (everybody, "open", []),
        (nobody, "allowlist", ["channel-answers-nobody"]),
    ):
        rendered = render(replace(FACTS, channels=(channel,)))
        assert config(rendered)["channels"]["telegram"]["dmPolicy"] == policy
        assert codes(rendered) == said
        check_against_schema(rendered)


def test_a_bot_that_may_dial_out_is_not_told_to_be_allowed_to() -> None:
    facts = with_channel("discord", {}, botToken="t")
    rendered = render(replace(facts, network=NetworkPolicy.EGRESS))
    assert codes(rendered) == ["secret-in-bot"]


@pytest.mark.parametrize("wrong", ["[]", "{", '{"a": NaN}', '{"a": "\\u0000"}', '"x"'])
def test_a_channel_with_a_wrong_config_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidFields):
        render(replace(FACTS, channels=(replace(CHANNEL, config=wrong),)))
