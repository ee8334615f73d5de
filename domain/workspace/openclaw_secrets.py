"""The secrets folder of an OpenClaw bot.

OpenClaw takes no reference to a file in the headers or the environment of an MCP server,
only text or a variable of its own environment - which `docker inspect` shows, and every
process that the agent starts inherits. So the headers are a file of their own beside
`bot.json`, with the same mode, which the config includes. An include may lie there because
the container is told `OPENCLAW_INCLUDE_ROOTS=/run/openclaw`, which is a path and no secret.
"""

from __future__ import annotations

import json
import re
from typing import Any

from domain.errors import InvalidFields
from domain.workspace.channels import Rendering
from domain.workspace.facts import McpServer, WorkspaceFacts
from domain.workspace.rendered import Area, RenderedFile, json_file

TOKENS_FILE = "bot.json"
HEADERS_FILE = "mcp-headers.json"

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_VARIABLES = re.compile(r"\$\{[A-Z_][A-Z0-9_]*\}")  # what OpenClaw fills in


def secret_files(facts: WorkspaceFacts, channels: Rendering) -> list[RenderedFile]:
    """Every file there: the bot's own tokens, and what its channels and servers need."""
    token = facts.secrets.token.reveal().decode()
    held = {
        name: {
            field: secret.reveal().decode()
            for field, secret in sorted(facts.secrets.channels[channel_id].items())
        }
        for name, channel_id in channels.holding.items()
    }
    tokens = {
        "gatewayToken": facts.secrets.gateway_token.reveal().decode(),
        "botToken": token,
        "channels": held,
    }
    files = [json_file(Area.SECRETS, TOKENS_FILE, tokens)]
    if any(server.launch is None for server in facts.mcp):
        headers = {"Authorization": f"Bearer {token}"}
        files.append(json_file(Area.SECRETS, HEADERS_FILE, headers))
    files += [
        RenderedFile(
            area=Area.SECRETS, path=f"line-{field}", content=held["line"][field].encode()
        )
        for field in ("channelAccessToken", "channelSecret")
        if "line" in held
    ]
    return [*files, *_env_files(facts)]


def _env_files(facts: WorkspaceFacts) -> list[RenderedFile]:
    files = []
    for server in facts.mcp:
        if server.launch is None:
            continue
        given = facts.secrets.plugins.get(server.id, {})
        env = {
            variable(name): given[name].reveal().decode()
            for name in server.launch.secret_env
            if name in given
        }
        if server.launch.secret_env:
            files.append(json_file(Area.SECRETS, env_file(server), literal(env)))
    return files


def variable(name: str) -> str:
    """The name, which no include and no other directive of a config can be."""
    if _VARIABLE.fullmatch(name) is None:
        raise InvalidFields(**{"plugin.env": "not-a-name"})
    return name


def literal(value: Any) -> Any:
    """The same, with no text in it that OpenClaw would fill in from its environment."""
    if isinstance(value, str):
        return _VARIABLES.sub(r"$\g<0>", value)
    if isinstance(value, dict):
        return {name: literal(member) for name, member in value.items()}
    return [literal(member) for member in value] if isinstance(value, list) else value


def env_file(server: McpServer) -> str:
    """The file with those variables of a server inside that are secret."""
    return f"mcp-env-{server.slug}.json"


def tokens_in(content: bytes) -> tuple[str, str] | None:
    """The bot's token and its gateway's, as `bot.json` has them; None if it has not."""
    try:
        read = json.loads(content)
        token, gateway = read["botToken"], read["gatewayToken"]
    except (ValueError, KeyError, TypeError):
        return None
    return (token, gateway) if isinstance(token, str) and isinstance(gateway, str) else None
