"""The workspace of a bot whose software is not OpenClaw: files that any program can read.

config/config.json              who it is, the proxy, its models, plugins, channels
config/soul.md                  the persona's own text
config/features.json
config/skills/<name>/SKILL.md
secrets/token                   its token; the environment names this file
secrets/channels.json           credentials of its channels, if there are any
secrets/gateway                 what the manager shows when it asks the bot something
"""

from __future__ import annotations

from typing import Any

from domain.equipment import BotChannel
from domain.workspace.facts import WorkspaceFacts
from domain.workspace.models import asked, choice_of_models, vendor_url
from domain.workspace.notes import note
from domain.workspace.personas import shown_name, soul_of
from domain.workspace.rendered import (
    Area,
    Note,
    Rendered,
    RenderedFile,
    json_file,
    revision_of,
    text_file,
)
from domain.workspace.skills import held, skill_files
from domain.workspace.texts import check_line, check_name, json_object

CONFIG_FILE = "config.json"
TOKEN_FILE = "token"  # noqa: S105 - its name
GATEWAY_FILE = "gateway"
CHANNELS_FILE = "channels.json"
SECRETS_DIR = "/run/bot"


def render_plain(facts: WorkspaceFacts) -> Rendered:
    """Every file of the bot; `InvalidFields` if a text in the facts cannot be there."""
    shown = [
        text_file(Area.CONFIG, "soul.md", soul_of(facts)),
        json_file(Area.CONFIG, "features.json", json_object("features", facts.features)),
        *skill_files(facts.skills),
    ]
    unmarked = json_file(Area.CONFIG, CONFIG_FILE, _config(facts, ""))
    revision = revision_of([*shown, unmarked], facts.secrets.revision)
    config = json_file(Area.CONFIG, CONFIG_FILE, _config(facts, revision))
    return Rendered(
        files=(*_secret_files(facts), *shown, config),
        notes=_notes(facts),
        revision=revision,
    )


def _config(facts: WorkspaceFacts, revision: str) -> dict[str, Any]:
    return {
        "revision": revision,
        "bot": {
            "id": str(facts.bot_id),
            "hostname": facts.hostname,
            "name": check_line("name", shown_name(facts)),
            "emoji": check_line("persona.emoji", facts.persona.emoji),
        },
        "proxy_base_url": facts.proxy_url,
        "token_file": f"{SECRETS_DIR}/{TOKEN_FILE}",
        "models": choice_of_models(facts),
        "providers": [
            {
                "vendor": choice.vendor,
                "base_url": vendor_url(facts, choice),
                "api": choice.api.value,
                "models": [model.id for model in choice.models],
            }
            for choice in asked(facts)
        ],
        "mcp_servers": [
            {
                "slug": check_name("plugin.slug", server.slug),
                "url": f"{facts.proxy_url}/api/v1/mcp/{server.slug}",
                "transport": "streamable-http",
            }
            for server in facts.mcp
            if server.launch is None
        ],
        "channels": [_channel(facts, one) for one in facts.channels if one.connected],
        "skills": sorted(skill.name for skill in held(facts.skills)),
    }


def _channel(facts: WorkspaceFacts, channel: BotChannel) -> dict[str, Any]:
    kind = check_name("channel.type", channel.channel_type)
    described = {
        "id": str(channel.id),
        "type": kind,
        "name": check_line("channel.name", channel.name),
        "config": json_object("channel.config", channel.config),
        "credentials": json_object("channel.credentials", channel.credentials),
    }
    if channel.relayed:
        described["api_root"] = f"{facts.proxy_url}/api/v1/channel/{kind}"
    return described


def _secret_files(facts: WorkspaceFacts) -> list[RenderedFile]:
    secrets = facts.secrets
    files = [
        RenderedFile(area=Area.SECRETS, path=name, content=secret.reveal())
        for name, secret in (
            (TOKEN_FILE, secrets.token),
            (GATEWAY_FILE, secrets.gateway_token),
        )
    ]
    held = {
        str(one.id): {
            field: secret.reveal().decode()
            for field, secret in sorted(secrets.channels[one.id].items())
        }
        for one in facts.channels
        if one.connected and one.id in secrets.channels
    }
    if held:
        files.append(json_file(Area.SECRETS, CHANNELS_FILE, held))
    return files


def _notes(facts: WorkspaceFacts) -> tuple[Note, ...]:
    connected = [channel for channel in facts.channels if channel.connected]
    notes = [
        note("secret-in-bot", one.channel_type) for one in connected if not one.relayed
    ]
    notes += [
        note("vendor-without-models", vendor.vendor)
        for vendor in facts.vendors
        if not vendor.models
    ]
    notes += [
        note("plugin-not-inside", one.slug) for one in facts.mcp if one.launch is not None
    ]
    notes += [
        note("skill-recalled", one.name) for one in facts.skills if one.content is None
    ]
    if not asked(facts):
        notes.append(note("no-models", facts.hostname))
    return tuple(notes)
