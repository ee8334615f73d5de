"""The workspace of an OpenClaw bot, as version 2026.9 reads it (`reference/openclaw.md`).

config/openclaw.json            what it may do, and where everything is
config/skills/<name>/SKILL.md
workspace/SOUL.md ...           who it is
secrets/bot.json                its own tokens; never a provider key
secrets/mcp-headers.json        the same token for MCP, where no reference can stand
"""

from __future__ import annotations

from typing import Any

from domain.workspace.channels import (
    SECRETS_DIR,
    Rendering,
    channels_of,
    secret_ref,
)
from domain.workspace.facts import McpServer, WorkspaceFacts
from domain.workspace.models import choice_of_models, providers, references
from domain.workspace.notes import note
from domain.workspace.openclaw_secrets import (
    HEADERS_FILE,
    TOKENS_FILE,
    env_file,
    literal,
    secret_files,
    variable,
)
from domain.workspace.personas import persona_files, shown_name
from domain.workspace.rendered import (
    Area,
    Note,
    Rendered,
    json_file,
    revision_of,
)
from domain.workspace.skills import held, skill_files
from domain.workspace.texts import check_line, check_name

CONFIG_DIR = "/etc/openclaw"
WORKSPACE_DIR = "/home/node/workspace"
CONFIG_FILE = "openclaw.json"
PORT = 18789
SECONDS = 300
MOST_SHOWN = 8  # plugins whose tools a model sees without looking for them
IDLE_MS = 300_000  # after which an MCP session inside the bot gives its processes back


def render_openclaw(facts: WorkspaceFacts) -> Rendered:
    """Every file of the bot; `InvalidFields` if a text in the facts cannot be there."""
    channels = channels_of(facts)
    shown = [*persona_files(facts), *skill_files(facts.skills)]
    unmarked = json_file(Area.CONFIG, CONFIG_FILE, literal(_config(facts, channels, "")))
    revision = revision_of([*shown, unmarked], facts.secrets.revision)
    config = json_file(
        Area.CONFIG, CONFIG_FILE, literal(_config(facts, channels, revision))
    )
    # The bot looks at its secrets again when its config changes, so that comes last.
    return Rendered(
        files=(*secret_files(facts, channels), *shown, config),
        notes=_notes(facts, channels),
        revision=revision,
    )


def _config(facts: WorkspaceFacts, channels: Rendering, revision: str) -> dict[str, Any]:
    return {
        "gateway": _GATEWAY,
        "secrets": {
            "providers": {
                "bot": {
                    "source": "file",
                    "path": f"{SECRETS_DIR}/{TOKENS_FILE}",
                    "mode": "json",
                }
            }
        },
        "models": {
            "mode": "replace",
            "catalogRefresh": {"enabled": False},
            "providers": providers(facts, secret_ref("/botToken")),
        },
        "agents": _agents(facts, revision),
        "memory": {"search": {"enabled": False}},
        "skills": {
            "allowBundled": [],
            "load": {"extraDirs": [f"{CONFIG_DIR}/skills"]},
            "workshop": {"autonomous": {"mode": "off"}},
        },
        "mcp": {
            "sessionIdleTtlMs": IDLE_MS,
            "servers": {
                check_name("plugin.slug", server.slug): _server(facts, server)
                for server in facts.mcp
            },
        },
        "tools": _tools(facts),
        "browser": {"enabled": False},
        "plugins": _plugins(channels),
        "channels": channels.channels,
        "bindings": [
            {"agentId": "main", "match": {"channel": name, "accountId": "default"}}
            for name in channels.channels
        ],
        **_QUIET,
    }


def _tools(facts: WorkspaceFacts) -> dict[str, Any]:
    """Plugins' tools stand among the others while they are few, else they are searched."""
    tools: dict[str, Any] = {
        "profile": "coding",
        "deny": ["gateway", "automations", "browser", "canvas", "group:nodes"],
    }
    return tools if len(facts.mcp) > MOST_SHOWN else {**tools, "toolSearch": False}


def _agents(facts: WorkspaceFacts, revision: str) -> dict[str, Any]:
    allowed = references(facts)
    identity = {"name": check_line("name", shown_name(facts))}
    if emoji := facts.persona.emoji.strip():
        identity["emoji"] = check_line("persona.emoji", emoji)
    model = choice_of_models(facts)
    return {
        "defaults": {
            "workspace": WORKSPACE_DIR,
            "skipBootstrap": True,
            **({"model": model} if model else {}),
            "models": {reference: {} for reference in allowed},
            "modelPolicy": {"allow": allowed},
            "utilityModel": "",
            "heartbeat": {"every": "0m"},
            "timeoutSeconds": SECONDS,
        },
        "entries": {
            "main": {
                "description": revision,
                "identity": identity,
                "skills": sorted(skill.name for skill in held(facts.skills)),
            }
        },
    }


def _server(facts: WorkspaceFacts, server: McpServer) -> dict[str, Any]:
    """At our relay, which has the credentials; or as a process, if that was asked for."""
    if server.launch is None:
        return {
            "url": f"{facts.proxy_url}/api/v1/mcp/{server.slug}",
            "transport": "streamable-http",
            "headers": {"$include": f"{SECRETS_DIR}/{HEADERS_FILE}"},
        }
    launch = server.launch
    described: dict[str, Any] = {
        "command": check_line("plugin.command", launch.command),
        "args": [check_line("plugin.args", arg, longest=4096) for arg in launch.args],
    }
    env = {variable(name): value for name, value in launch.env}
    if launch.secret_env:
        env["$include"] = f"{SECRETS_DIR}/{env_file(server)}"
    if env:
        described["env"] = env
    return described


def _plugins(channels: Rendering) -> dict[str, Any]:
    """An empty list would allow everything: one is always named."""
    names = ("admin-http-rpc", *channels.plugins)
    described: dict[str, Any] = {
        "allow": list(names),
        "slots": {"memory": "none"},
        "entries": {name: {"enabled": True} for name in names},
    }
    if channels.paths:
        described["load"] = {"paths": list(channels.paths)}
    return described


def _notes(facts: WorkspaceFacts, channels: Rendering) -> tuple[Note, ...]:
    without = [vendor.vendor for vendor in facts.vendors if not vendor.models]
    inside = [server.slug for server in facts.mcp if server.launch is not None]
    notes = [note("vendor-without-models", vendor) for vendor in without]
    notes += [note("plugin-inside", slug) for slug in inside]
    notes += [
        note("skill-recalled", one.name) for one in facts.skills if one.content is None
    ]
    if not references(facts):
        notes.append(note("no-models", facts.hostname))
    return (*notes, *channels.notes)


_GATEWAY = {
    "mode": "local",
    "port": PORT,
    "bind": "lan",
    "reload": {"mode": "hybrid"},
    "auth": {"mode": "token", "token": secret_ref("/gatewayToken")},
    "controlUi": {"enabled": False},
    "terminal": {"enabled": False},
    "cliAgents": {"enabled": False},
    "http": {"endpoints": {"chatCompletions": {"enabled": True}}},
}
_QUIET = {
    "discovery": {"mdns": {"mode": "off"}},
    "update": {"checkOnStart": False, "auto": {"enabled": False}},
    "telemetry": {"enabled": False},
    "logging": {"consoleStyle": "json", "level": "info", "consoleLevel": "info"},
}
