"""Makes `config-schema.json` of what `openclaw config schema` prints.

    openclaw config schema | python -m tests.openclaw.trim_schema

Only what our renderer writes is kept, without titles and descriptions: what it does not
write is unknown to the trimmed schema, and so refused as an unknown key is. The package and
its schema are under the MIT licence, © OpenClaw's authors.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

VERSION = "2026.9.6"
FILE = Path(__file__).with_name("config-schema.json")
PEOPLE = dict.fromkeys(("enabled", "dmPolicy", "allowFrom", "groupPolicy"))
KEPT: dict[str, Any] = {
    "gateway": {
        **dict.fromkeys(("mode", "port", "bind", "auth", "reload", "terminal", "http")),
        "controlUi": {"enabled": None},
        "cliAgents": None,
    },
    "secrets": {"providers": None},
    "models": {
        "mode": None,
        "catalogRefresh": None,
        "providers": {
            "*": {
                **dict.fromkeys(("baseUrl", "api", "timeoutSeconds", "apiKey")),
                "models": {
                    "[]": {
                        **dict.fromkeys(("id", "name", "api", "input", "reasoning")),
                        **dict.fromkeys(("contextWindow", "maxTokens")),
                        "compat": {
                            "supportsUsageInStreaming": None,
                            "maxTokensField": None,
                        },
                    }
                },
            }
        },
    },
    "agents": {
        "defaults": {
            **dict.fromkeys(("workspace", "skipBootstrap", "model", "modelPolicy")),
            **dict.fromkeys(("utilityModel", "timeoutSeconds")),
            "models": {"*": {"alias": None}},
            "heartbeat": {"every": None},
        },
        "entries": {"*": dict.fromkeys(("description", "identity", "skills"))},
    },
    "memory": {"search": {"enabled": None}},
    "skills": {"allowBundled": None, "load": {"extraDirs": None}, "workshop": None},
    "mcp": None,
    "tools": {"profile": None, "deny": None, "toolSearch": None},
    "browser": {"enabled": None},
    "plugins": {
        "allow": None,
        "load": None,
        "slots": None,
        "entries": {"*": {"enabled": None}},
    },
    "channels": {
        "telegram": {
            **PEOPLE,
            "apiRoot": None,
            "botToken": None,
            "network": None,
            "commands": None,
        },
        "discord": {**PEOPLE, "token": None, "applicationId": None},
        "slack": {
            **PEOPLE,
            **dict.fromkeys(("mode", "botToken", "appToken", "signingSecret")),
        },
        "feishu": {
            **PEOPLE,
            **dict.fromkeys(("appId", "appSecret", "domain", "connectionMode")),
        },
        "msteams": {**PEOPLE, **dict.fromkeys(("appId", "tenantId", "appPassword"))},
        "line": {**PEOPLE, "tokenFile": None, "secretFile": None},
    },
    "bindings": None,
    "discovery": {"mdns": None},
    "update": {"checkOnStart": None, "auto": {"enabled": None}},
    "telemetry": None,
    "logging": dict.fromkeys(("consoleStyle", "level", "consoleLevel")),
}


def trimmed(schema: Any, kept: Any) -> Any:
    """The schema of what is kept; `None` keeps all below, `*` any name, `[]` any item."""
    if kept is None:
        return _plain(schema)
    if "[]" in kept:
        return {
            **_plain({**schema, "items": {}}),
            "items": trimmed(schema["items"], kept["[]"]),
        }
    slim = {**_plain(schema), "properties": {}, "additionalProperties": False}
    if "*" in kept:
        slim["additionalProperties"] = trimmed(_values(schema), kept["*"])
        return slim
    slim["properties"] = {
        name: trimmed(schema["properties"][name], below) for name, below in kept.items()
    }
    return slim


def _values(schema: Any) -> Any:
    """What any member must be; members that the schema names are like the others."""
    others = schema.get("additionalProperties")
    return others if isinstance(others, dict) else next(iter(schema["properties"].values()))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return dict(_members(value))
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _members(value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, member in value.items():
        if name in {"title", "description"} and isinstance(member, str):
            continue
        if name == "required":
            # What has a default is in the config once it is read, not before.
            known = value.get("properties", {})
            needed = [one for one in member if "default" not in known.get(one, {})]
            yield name, needed
        elif name == "properties":
            yield name, {one: _plain(below) for one, below in member.items()}
        else:
            yield name, _plain(member)


if __name__ == "__main__":
    about = f"Of openclaw {VERSION} (MIT licence), trimmed by trim_schema.py"
    slim = {"$comment": about, **trimmed(json.load(sys.stdin), KEPT)}
    FILE.write_text(json.dumps(slim, indent=None, separators=(",", ":")) + "\n")
