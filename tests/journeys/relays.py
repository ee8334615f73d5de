"""A data plane with a worker whose door is open, a channel's server, and a plugin."""

from __future__ import annotations

import json
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import httpx2
import pytest

from adapters.bootstrap.instance import open_instance
from adapters.bootstrap.jobs import worker_parts
from adapters.postgres.vault import PostgresVault
from adapters.settings import Settings
from application.equipment import channel_ref, plugin_ref
from application.event_log import acting
from application.ports import Secret, SecretRef
from domain.bot_events import (
    BotChannelSet,
    BotPluginInstalled,
)
from domain.bots import Bot
from domain.config_fields import ConfigField
from domain.equipment import BotChannel, PluginInstall
from domain.equipment_catalog import Label, Plugin
from domain.events import Event
from domain.plugin_launch import StdioLaunch
from domain.plugins import PluginSet, PluginShelf, plugin_shelf_id
from domain.secret_bounds import bounds_of_plugin
from domain.surrogates import surrogate_of
from tests.adapters.relays import little_mcp
from tests.adapters.relays.channels import Asked, Little, Said, little
from tests.journeys.data_plane import copied, running
from tests.journeys.plane import DataPlane, TestBot
from tests.journeys.proxy_process import until

TOKEN = "1234567:AAsecret-real_token-of-the-channel"
SECRET = "a-secret-of-the-plugin"
WAITS, LET_GO = b"wait", threading.Event()
BEGIN = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {}},
}
BOTH = {"accept": "application/json, text/event-stream"}


class Relays:
    """The data plane with a worker, a channel's server, and what bots are given."""

    def __init__(self, plane: DataPlane, telegram: Little, script: Path) -> None:
        self.plane, self.telegram, self.script = plane, telegram, script
        env = {name.lower(): value for name, value in plane.proxy.environment.items()}
        self.settings = Settings(**env)  # type: ignore[arg-type]

    def happened(self, bot_id: UUID, *events: Event) -> None:
        fleet = self.plane.control.fleet
        with acting(self.plane.by):
            fleet.append(fleet.read(Bot(), bot_id), events)

    def keep(self, ref: SecretRef, **secrets: str) -> None:
        opened = open_instance(self.settings, self.plane.database_url, role="clawbot_api")
        try:
            database = opened.database
            vault = PostgresVault(database.cursor, opened.envelope, opened.instance_keys)
            with database.unit_of_work():
                vault.put(ref, Secret(json.dumps(secrets).encode()))
        finally:
            opened.database.close()

    def telegram_of(self, bot: TestBot) -> str:
        """The bot's base URL of Telegram with its token, as its software makes it."""
        channel = BotChannel(
            id=uuid4(),
            channel_type="telegram",
            name="chat",
            config=json.dumps({"apiRoot": self.telegram.url}),
            secret_fields=("botToken",),
            secret_version=1,
            connected=True,
        )
        self.keep(channel_ref(self.plane.team_id, channel), botToken=TOKEN)
        self.happened(bot.bot_id, BotChannelSet(channel=channel))
        key = self.plane.control.instance_keys.get("door")
        surrogate = surrogate_of(bot.bot_id, channel, key)
        return f"{self.plane.url}/channel/telegram/bot{surrogate}"

    def plugin_of(self, bot: TestBot) -> str:
        """Where the bot reaches a plugin of the team's own."""
        launch = StdioLaunch(
            command="python3", args=(str(self.script),), env=(("API_KEY", "${key}"),)
        )
        plugin = Plugin(
            slug="little", launch=launch, fields=(ConfigField(key="key", secret=True),)
        )
        shelf_id, fleet = plugin_shelf_id(self.plane.team_id), self.plane.control.fleet
        shelf = fleet.look(PluginShelf(), shelf_id)
        made = PluginSet(team_id=self.plane.team_id, plugin=plugin, label=Label(name="l"))
        install = PluginInstall(
            id=uuid4(),
            plugin_id="little",
            slug="little",
            version="",
            secret_fields=("key",),
            secret_version=1,
            secrets_for=bounds_of_plugin(plugin, {}),
        )
        if not shelf.state.plugins:
            with acting(self.plane.by):
                fleet.append(shelf, [made])
        self.keep(plugin_ref(self.plane.team_id, install), key=SECRET)
        self.happened(bot.bot_id, BotPluginInstalled(install=install))
        return f"{self.plane.url}/mcp/little"


def telegram(asked: Asked) -> Said:
    """Answers; who asks to wait is let go by the test."""
    if asked.body == WAITS:
        LET_GO.wait(30)
    body = b'{"ok":true,"result":[]}'
    return Said(body=body, headers={"content-type": "application/json"})


@contextmanager
def worker(settings: Settings, url: str) -> Iterator[None]:
    """The parts of a worker, its door open."""
    over = threading.Event()

    def answers() -> bool:
        try:
            answer = httpx2.get(f"{settings.worker_url}/engine", trust_env=False)
        except httpx2.TransportError:
            return False
        return answer.status_code == 401

    with worker_parts(settings, url, over=over):
        until(answers)
        yield
        over.set()


@pytest.fixture(scope="module")
def relays(database_server: str, migrated_template: str) -> Iterator[Relays]:
    folder = Path(tempfile.mkdtemp(prefix="clawbot-test-mcp-"))
    folder.chmod(0o755)
    script = Path(shutil.copy(little_mcp.__file__, folder / "little_mcp.py"))
    script.chmod(0o644)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    try:
        with (
            copied(database_server, migrated_template) as url,
            little(telegram) as server,
            running(
                url,
                allow=(server.url,),
                CLAWBOT_WORKER_PORT=str(port),
                CLAWBOT_PLUGINS_READABLE=str(folder),
            ) as plane,
        ):
            relays = Relays(plane, server, script)
            with worker(relays.settings, url):
                yield relays
    finally:
        shutil.rmtree(folder)


@contextmanager
def running_alone(relays: Relays) -> Iterator[str]:
    """Another proxy on the same database, whose worker is away."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    proxy = relays.plane.proxy.beside(port)
    proxy.environment = {**proxy.environment, "CLAWBOT_WORKER_PORT": "1"}
    proxy.start()
    try:
        yield f"{proxy.url}/api/v1"
    finally:
        proxy.stop()
