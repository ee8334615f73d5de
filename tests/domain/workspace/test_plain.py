"""What any other bot gets to read."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from domain.errors import InvalidFields
from domain.workspace.facts import Launch
from domain.workspace.rendered import Area
from domain.workspace.rendering import render
from tests.domain.workspace.scene import (
    CHANNEL,
    FACTS,
    GATEWAY,
    PLAIN,
    PROXY,
    TELEGRAM,
    TOKEN,
    codes,
    config,
    content,
)


def test_a_plain_bot_reads_where_its_proxy_is_and_what_it_may_ask() -> None:
    rendered = render(PLAIN)
    read = config(rendered, "config.json")
    assert read["proxy_base_url"] == PROXY
    assert read["token_file"] == "/run/bot/token"
    assert read["models"]["primary"] == "cbm-openai/gpt-4o"
    assert [one["base_url"] for one in read["providers"]] == [
        f"{PROXY}/api/v1/openai",
        f"{PROXY}/api/v1/anthropic",
    ]
    assert read["mcp_servers"][0]["url"] == f"{PROXY}/api/v1/mcp/clock"
    assert read["channels"][0]["api_root"] == f"{PROXY}/api/v1/channel/telegram"
    assert read["revision"] == rendered.revision
    assert rendered.files[-1].path == "config.json"


def test_a_plain_bot_has_its_soul_features_and_skills() -> None:
    rendered = render(replace(PLAIN, features='{"voice": true}'))
    assert content(rendered, "soul.md") == "# Soul\n\nYou write.\n"
    assert config(rendered, "features.json") == {"voice": True}
    assert "List {{what}}." in content(rendered, "skills/release-notes/SKILL.md")


def test_its_secrets_are_files_of_their_own() -> None:
    rendered = render(PLAIN)
    assert content(rendered, "token", Area.SECRETS) == TOKEN
    assert content(rendered, "gateway", Area.SECRETS) == GATEWAY
    held = json.loads(content(rendered, "channels.json", Area.SECRETS))
    assert held == {str(TELEGRAM): {"botToken": "4242:canary-surrogate"}}
    shown = [file for file in rendered.files if file.area is not Area.SECRETS]
    assert not any(b"canary" in file.content for file in shown)
    assert {file.mode for file in shown} == {0o644}


def test_a_channel_that_is_not_connected_leaves_no_trace() -> None:
    rendered = render(replace(PLAIN, channels=(replace(CHANNEL, connected=False),)))
    assert config(rendered, "config.json")["channels"] == []
    assert all(file.path != "channels.json" for file in rendered.files)


def test_people_hear_what_a_plain_bot_lacks_or_holds() -> None:
    held = replace(PLAIN, channels=(replace(CHANNEL, relayed=False),))
    assert codes(render(held)) == ["secret-in-bot"]
    assert codes(render(replace(PLAIN, vendors=()))) == ["no-models"]


def test_a_server_inside_is_for_openclaw_alone() -> None:
    inside = replace(FACTS.mcp[0], launch=Launch(command="x"))
    rendered = render(replace(PLAIN, mcp=(inside,)))
    assert config(rendered, "config.json")["mcp_servers"] == []
    assert codes(rendered) == ["plugin-not-inside"]


def test_features_that_are_no_object_are_refused() -> None:
    with pytest.raises(InvalidFields):
        render(replace(PLAIN, features="[1]"))
