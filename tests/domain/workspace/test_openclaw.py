"""What an OpenClaw bot gets to read: the config, its models, plugins and tokens."""

from __future__ import annotations

import json
from dataclasses import replace
from uuid import UUID

import pytest

from domain.errors import InvalidFields
from domain.workspace.facts import (
    Api,
    Launch,
    McpServer,
    ModelChoice,
    VendorChoice,
)
from domain.workspace.openclaw_secrets import tokens_in
from domain.workspace.rendered import Area, Rendered
from domain.workspace.rendering import render
from tests.domain.workspace.scene import (
    ANTHROPIC,
    FACTS,
    GATEWAY,
    OPENAI,
    PROXY,
    SECRETS,
    TOKEN,
    check_against_schema,
    codes,
    config,
    content,
    secret,
)


def visible(rendered: Rendered) -> str:
    return "".join(
        file.content.decode() for file in rendered.files if file.area is not Area.SECRETS
    )


def test_the_config_is_one_that_openclaw_takes() -> None:
    check_against_schema(render(FACTS))


def test_each_vendor_is_a_provider_of_our_own_at_the_proxy() -> None:
    providers = config(render(FACTS))["models"]["providers"]
    assert {name: (one["baseUrl"], one["api"]) for name, one in providers.items()} == {
        "cbm-openai": (f"{PROXY}/api/v1/openai", "openai-completions"),
        "cbm-anthropic": (f"{PROXY}/api/v1/anthropic", "anthropic-messages"),
    }
    assert providers["cbm-openai"]["apiKey"] == {
        "source": "file",
        "provider": "bot",
        "id": "/botToken",
    }


def test_usage_is_asked_for_and_an_old_vendor_gets_the_field_that_it_knows() -> None:
    old = VendorChoice(
        vendor="mistral",
        api=Api.OPENAI,
        models=(ModelChoice(id="m"),),
        old_max_tokens=True,
    )
    providers = config(render(replace(FACTS, vendors=(OPENAI, old, ANTHROPIC))))["models"][
        "providers"
    ]
    assert [p["models"][0].get("compat") for p in providers.values()] == [
        {"supportsUsageInStreaming": True},
        {"supportsUsageInStreaming": True, "maxTokensField": "max_tokens"},
        None,
    ]


def test_the_first_model_is_asked_first_then_one_of_each_vendor() -> None:
    two = replace(OPENAI, models=(ModelChoice(id="gpt-4o"), ModelChoice(id="gpt-5.1")))
    rendered = render(replace(FACTS, vendors=(two, ANTHROPIC)))
    agents = config(rendered)["agents"]["defaults"]
    assert agents["model"] == {
        "primary": "cbm-openai/gpt-4o",
        "fallbacks": ["cbm-anthropic/claude-sonnet-4-6", "cbm-openai/gpt-5.1"],
    }
    assert set(agents["modelPolicy"]["allow"]) == set(agents["models"])


def test_a_bot_with_a_policy_asks_auto_first() -> None:
    rendered = render(replace(FACTS, routed=True))
    check_against_schema(rendered)
    read = config(rendered)
    assert read["models"]["providers"]["cbm-auto"]["baseUrl"] == f"{PROXY}/api/v1/auto"
    assert read["agents"]["defaults"]["model"]["primary"] == "cbm-auto/auto"


def test_a_bot_that_may_call_nothing_is_told_so_and_still_has_a_config() -> None:
    unknown = VendorChoice(vendor="custom", api=Api.OPENAI, models=())
    rendered = render(replace(FACTS, vendors=(unknown,), routed=True))
    check_against_schema(rendered)
    assert config(rendered)["models"]["providers"] == {}
    assert codes(rendered) == ["vendor-without-models", "no-models"]


def test_tokens_lie_in_the_secrets_folder_and_nowhere_else() -> None:
    rendered = render(FACTS)
    text = visible(rendered)
    assert TOKEN not in text
    assert GATEWAY not in text
    assert "canary" not in text
    tokens = content(rendered, "bot.json", Area.SECRETS)
    assert tokens_in(tokens.encode()) == (TOKEN, GATEWAY)
    assert "canary" not in repr(rendered)
    assert "canary" not in repr(FACTS)


def test_what_is_no_tokens_file_has_no_tokens() -> None:
    for wrong in (b"", b"[]", b"{}", b'{"botToken": 1, "gatewayToken": "a"}', b"\xff"):
        assert tokens_in(wrong) is None


def test_a_plugin_is_at_the_relay_with_a_token_that_no_environment_holds() -> None:
    rendered = render(FACTS)
    assert config(rendered)["mcp"]["servers"] == {
        "clock": {
            "url": f"{PROXY}/api/v1/mcp/clock",
            "transport": "streamable-http",
            "headers": {"$include": "/run/openclaw/mcp-headers.json"},
        }
    }
    headers = content(rendered, "mcp-headers.json", Area.SECRETS)
    assert json.loads(headers) == {"Authorization": f"Bearer {TOKEN}"}


def test_a_plugin_runs_inside_only_when_it_has_a_launch() -> None:
    inside = McpServer(
        id=UUID(int=9),
        slug="files",
        launch=Launch(
            command="/opt/node/bin/node",
            args=("/opt/mcp/files.mjs", "${HOME}"),
            env=(("ROOT", "/home"),),
            secret_env=("API_KEY", "OTHER"),
        ),
    )
    held = replace(
        SECRETS, plugins={UUID(int=9): {"API_KEY": secret("canary ${HOME} key")}}
    )
    rendered = render(replace(FACTS, mcp=(inside,), secrets=held))
    check_against_schema(rendered)
    assert config(rendered)["mcp"]["servers"]["files"] == {
        "command": "/opt/node/bin/node",
        "args": ["/opt/mcp/files.mjs", "$${HOME}"],
        "env": {"ROOT": "/home", "$include": "/run/openclaw/mcp-env-files.json"},
    }
    env = json.loads(content(rendered, "mcp-env-files.json", Area.SECRETS))
    assert env == {"API_KEY": "canary $${HOME} key"}
    assert "canary" not in visible(rendered)
    assert "plugin-inside" in codes(rendered)


@pytest.mark.parametrize("name", ["$include", "A B", "", "A=B", "1A"])
def test_a_variable_with_an_odd_name_is_refused(name: str) -> None:
    launch = Launch(command="node", env=((name, "x"),))
    server = McpServer(id=UUID(int=9), slug="files", launch=launch)
    with pytest.raises(InvalidFields):
        render(replace(FACTS, mcp=(server,)))


@pytest.mark.parametrize("slug", ["../x", "A", "", "a/b", "a" * 65, "-a"])
def test_a_plugin_whose_name_escapes_is_refused(slug: str) -> None:
    with pytest.raises(InvalidFields):
        render(replace(FACTS, mcp=(McpServer(id=UUID(int=9), slug=slug),)))


def test_nothing_that_people_write_is_filled_in_from_the_environment() -> None:
    persona = replace(FACTS.persona, name="${BOT_TOKEN} $${PATH} ${lower}")
    rendered = render(replace(FACTS, persona=persona))
    name = config(rendered)["agents"]["entries"]["main"]["identity"]["name"]
    assert name == "$${BOT_TOKEN} $$${PATH} ${lower}"


def test_the_revision_stands_in_the_config_and_changes_with_what_can_be_seen() -> None:
    rendered = render(FACTS)
    main = config(rendered)["agents"]["entries"]["main"]
    assert main["description"] == rendered.revision
    assert render(FACTS).revision == rendered.revision
    soul = replace(FACTS.persona, soul="# Soul\n\nYou read.")
    for changed in (
        replace(FACTS, persona=soul),
        replace(FACTS, skills=()),
        replace(FACTS, vendors=(ANTHROPIC, OPENAI)),
        replace(FACTS, mcp=()),
    ):
        assert render(changed).revision != rendered.revision


def test_another_secret_is_another_revision_and_its_text_does_not_count() -> None:
    before = render(FACTS).revision
    same = replace(SECRETS, token=secret("cbt_other"))
    assert render(replace(FACTS, secrets=same)).revision == before
    renewed = replace(SECRETS, revision="2")
    assert render(replace(FACTS, secrets=renewed)).revision != before


def test_the_config_is_written_last_and_the_tokens_first() -> None:
    files = [(file.area.value, file.path) for file in render(FACTS).files]
    assert files[0] == ("secrets", "bot.json")
    assert files[-1] == ("config", "openclaw.json")


def test_a_model_that_is_asked_in_another_format_says_so() -> None:
    pro = ModelChoice(id="gpt-5.2-pro", api=Api.OPENAI_RESPONSES)
    vendor = replace(OPENAI, models=(ModelChoice(id="gpt-4o"), pro))
    rendered = render(replace(FACTS, vendors=(vendor,)))
    check_against_schema(rendered)
    models = config(rendered)["models"]["providers"]["cbm-openai"]["models"]
    assert [model.get("api") for model in models] == [None, "openai-responses"]
    assert "compat" not in models[1]


def test_a_few_plugins_are_seen_at_once_and_many_are_searched() -> None:
    many = tuple(McpServer(id=UUID(int=n), slug=f"p{n}") for n in range(9))
    for servers, searched in ((many[:8], False), (many, None)):
        rendered = render(replace(FACTS, mcp=servers))
        check_against_schema(rendered)
        assert config(rendered)["tools"].get("toolSearch") is searched
