"""Facts for tests of workspaces, and how what was rendered is looked at."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from jsonschema import Draft7Validator

from application.ports import Secret
from domain.equipment import BotChannel, Persona
from domain.images import ImageFamily
from domain.skill_content import SkillKind, definition_of
from domain.workspace.facts import (
    Api,
    McpServer,
    ModelChoice,
    SkillContent,
    VendorChoice,
    WorkspaceFacts,
    WorkspaceSecrets,
)
from domain.workspace.rendered import Area, Rendered

BOT = UUID(int=1)
TELEGRAM = UUID(int=2)
TOKEN, GATEWAY = "cbt_canary-token-of-the-bot", "canary-of-the-gateway"
PROXY = "http://172.30.79.1:3101"
SCHEMA = json.loads(
    (Path(__file__).parents[2] / "openclaw" / "config-schema.json").read_text()
)

VALIDATOR = Draft7Validator(SCHEMA)


def secret(text: str) -> Secret:
    return Secret(text.encode())


SECRETS = WorkspaceSecrets(
    token=secret(TOKEN),
    gateway_token=secret(GATEWAY),
    channels={TELEGRAM: {"botToken": secret("4242:canary-surrogate")}},
    revision="1",
)
OPENAI = VendorChoice(vendor="openai", api=Api.OPENAI, models=(ModelChoice(id="gpt-4o"),))
ANTHROPIC = VendorChoice(
    vendor="anthropic",
    api=Api.ANTHROPIC,
    models=(ModelChoice(id="claude-sonnet-4-6", context_window=200_000, images=True),),
)
CHANNEL = BotChannel(
    id=TELEGRAM,
    channel_type="telegram",
    name="main",
    config='{"allowFrom": ["4242"]}',
    connected=True,
    relayed=True,
)
SKILL = SkillContent(
    name="release-notes",
    content=definition_of(
        SkillKind.PROMPT, {"template": "List {{what}}.", "variables": ["what"]}
    ),
    description="How this team writes release notes",
)
FACTS = WorkspaceFacts(
    bot_id=BOT,
    hostname="quill",
    name="Quill of the team",
    family=ImageFamily.OPENCLAW,
    proxy_url=PROXY,
    persona=Persona(name="Quill", soul="# Soul\n\nYou write.", emoji="🪶"),
    vendors=(OPENAI, ANTHROPIC),
    skills=(SKILL,),
    mcp=(McpServer(id=UUID(int=3), slug="clock"),),
    channels=(CHANNEL,),
    secrets=SECRETS,
)
PLAIN = replace(FACTS, family=ImageFamily.PLAIN)


def content(rendered: Rendered, path: str, area: Area = Area.CONFIG) -> str:
    """The file's text."""
    found = [file for file in rendered.files if (file.area, file.path) == (area, path)]
    assert len(found) == 1, [(file.area, file.path) for file in rendered.files]
    return found[0].content.decode()


def config(rendered: Rendered, path: str = "openclaw.json") -> Any:
    """What the config says."""
    return json.loads(content(rendered, path))


def codes(rendered: Rendered) -> list[str]:
    """Codes of the notes."""
    return [one.code for one in rendered.notes]


def check_against_schema(rendered: Rendered) -> None:
    """OpenClaw would take this config: what it includes is put in first."""
    included = {
        f"/run/openclaw/{file.path}": file.content
        for file in rendered.files
        if file.area is Area.SECRETS
    }
    whole = _with_includes(config(rendered), included)
    errors = sorted(VALIDATOR.iter_errors(whole), key=lambda e: e.json_path)
    assert not errors, [f"{error.json_path}: {error.message}" for error in errors]


def _with_includes(value: Any, included: dict[str, bytes]) -> Any:
    if isinstance(value, list):
        return [_with_includes(one, included) for one in value]
    if not isinstance(value, dict):
        return value
    whole = {k: _with_includes(v, included) for k, v in value.items() if k != "$include"}
    if "$include" in value:
        whole = {**json.loads(included[value["$include"]]), **whole}
    return whole
