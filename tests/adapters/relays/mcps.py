"""A door to plugins, and a plain client for it that sees every byte."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
from starlette.routing import Route

from adapters.door.relay_routes import mcp_routes
from adapters.door.serving import open_door
from adapters.relays.bots import Bots
from adapters.relays.mcp.forwarding import Forwarding
from adapters.relays.mcp.relay import McpRelaying
from adapters.relays.mcp.sandbox import LIMITS, Sandbox
from adapters.relays.mcp.servers import Owned, Ready, ServerLimits, Servers
from adapters.relays.outbound import Outbound
from domain.bot_events import BotPluginInstalled
from domain.door_passes import DoorPass, Purpose, make_door_pass
from domain.equipment import PluginInstall
from domain.mcp import SESSION
from domain.plugin_launch import Asked, Started
from tests.adapters.relays import little_mcp
from tests.adapters.relays.given import SECRET, Fleet

PYTHON = "/usr/bin:/bin:/usr/local/bin"
BOTH = "application/json, text/event-stream"


@dataclass
class Scripted:
    """What the installs of the test stand for."""

    script: Path
    env: dict[str, str] = field(default_factory=dict)
    command: str = "python3"
    secret_values: tuple[str, ...] = ()
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    wanted: bool = True
    starts: int = 0

    async def ready(self, _owned: Owned) -> Ready:
        self.starts += 1
        started = Started(command=self.command, args=(str(self.script),), env=self.env)
        return Ready(started=started, secret_values=self.secret_values)

    async def asked(self, _owned: Owned) -> Asked:
        return Asked(url=self.url, headers=self.headers)

    async def still(self, _owned: Owned) -> bool:
        return self.wanted


@dataclass
class McpDoor:
    """The plugins' side of an open door."""

    fleet: Fleet
    scripted: Scripted
    servers: list[Servers]
    url: str
    http: httpx2.Client

    def plugin(self, bot_id: UUID, slug: str = "little", **changed: Any) -> PluginInstall:
        install = PluginInstall(
            id=uuid4(), plugin_id=slug, slug=slug, version="1", **changed
        )
        self.fleet.happened(bot_id, BotPluginInstalled(install=install))
        return install

    def pass_for(self, bot_id: UUID, team_id: UUID | None = None) -> str:
        names = DoorPass(Purpose.MCP, bot_id, team_id or self.fleet.team_id)
        ends_at = int(time.time()) + 60
        return f"Bearer {make_door_pass(names, ends_at=ends_at, secret=SECRET)}"

    def caller(self, bot_id: UUID, slug: str = "little") -> Caller:
        return Caller(self, bot_id, f"{self.url}/mcp/{slug}")


@dataclass
class Caller:
    """One client with a session of its own, once it has begun."""

    door: McpDoor
    bot_id: UUID
    url: str
    session: str = ""
    number: int = 0

    def headers(self, **more: str) -> dict[str, str]:
        said = {
            "authorization": self.door.pass_for(self.bot_id),
            "accept": BOTH,
            "content-type": "application/json",
        }
        if self.session:
            said[SESSION] = self.session
        return said | {name.replace("_", "-"): value for name, value in more.items()}

    def post(self, message: object, **more: str) -> httpx2.Response:
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        return self.door.http.post(self.url, content=body, headers=self.headers(**more))

    def request(self, method: str, **params: Any) -> httpx2.Response:
        self.number += 1
        message = {"jsonrpc": "2.0", "id": self.number, "method": method}
        return self.post(message | ({"params": params} if params else {}))

    def begin(self) -> httpx2.Response:
        said = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {}}
        answer = self.request("initialize", **said)
        if answer.status_code == 200:
            self.session = answer.headers[SESSION]
            note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
            assert self.post(note).status_code == 202
        return answer

    def tool(self, name: str, **given: Any) -> Any:
        """The text that the tool says, or the error."""
        answer = self.request("tools/call", name=name, arguments=given)
        said = messages_of(answer)[-1]
        return said["result"]["content"][0]["text"] if "result" in said else said["error"]


def messages_of(answer: httpx2.Response) -> list[dict[str, Any]]:
    """Every message of an answer, as JSON or as SSE."""
    if answer.headers["content-type"].startswith("text/event-stream"):
        events = answer.text.split("\n\n")
        return [json.loads(one.split("data: ")[1]) for one in events if "data: " in one]
    return [answer.json()]


@contextmanager
def mcp_door(
    *,
    limits: ServerLimits = ServerLimits(),  # noqa: B008  # frozen
    sandbox_limits: Mapping[str, int] = LIMITS,
    allow: tuple[str, ...] = (),
) -> Iterator[McpDoor]:
    """Open until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="clawbot-test-mcp-"))
    folder.chmod(0o755)
    script = Path(shutil.copy(little_mcp.__file__, folder / "little_mcp.py"))
    script.chmod(0o644)
    fleet, scripted, kept = Fleet(), Scripted(script), []

    @asynccontextmanager
    async def opening() -> AsyncIterator[list[Route]]:
        sandbox = Sandbox(programs=PYTHON, readable=(str(folder),), limits=sandbox_limits)
        servers = Servers(
            sandbox, preparing=scripted.ready, wanted=scripted.still, limits=limits
        )
        kept.append(servers)
        bots = Bots(fleet.log)
        forwarding = Forwarding(Outbound(egress_allow=allow), scripted.asked)
        yield list(mcp_routes(McpRelaying(bots, servers, forwarding), SECRET))
        await servers.close()
        bots.close()

    try:
        with (
            open_door(opening, host="127.0.0.1", port=0) as port,
            httpx2.Client(trust_env=False, timeout=20) as http,
        ):
            yield McpDoor(fleet, scripted, kept, f"http://127.0.0.1:{port}", http)
    finally:
        shutil.rmtree(folder)
