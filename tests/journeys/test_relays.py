"""A bot's plugin and channel from end to end: proxy, worker, vault, and the log between."""

from __future__ import annotations

import json
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import httpx2
import pytest

from adapters.bootstrap.instance import open_instance
from adapters.bootstrap.jobs import worker_parts
from adapters.postgres.vault import PostgresVault
from adapters.relays.bots import channel_ref, plugin_ref
from adapters.settings import Settings
from application.event_log import acting
from application.ports import Secret, SecretRef
from domain.bot_events import (
    BotChannelSet,
    BotPluginInstalled,
    BotQuarantined,
    BotTokenIssued,
    TokenScope,
)
from domain.bots import Bot
from domain.config_fields import ConfigField
from domain.equipment import BotChannel, PluginInstall
from domain.equipment_catalog import Label, Plugin
from domain.events import Event
from domain.plugin_launch import StdioLaunch
from domain.plugins import PluginSet, PluginShelf, plugin_shelf_id
from domain.surrogates import surrogate_of
from tests.adapters.relays import little_mcp
from tests.adapters.relays.channels import Asked, Little, Said, little
from tests.journeys.data_plane import copied, running
from tests.journeys.plane import DataPlane, TestBot, new_token
from tests.journeys.proxy_process import until

TOKEN = "1234567:AAsecret-real_token-of-the-channel"
SECRET = "a-secret-of-the-plugin"
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
            id=uuid4(), plugin_id="little", slug="little", version="", secret_version=1
        )
        if not shelf.state.plugins:
            with acting(self.plane.by):
                fleet.append(shelf, [made])
        self.keep(plugin_ref(self.plane.team_id, install), key=SECRET)
        self.happened(bot.bot_id, BotPluginInstalled(install=install))
        return f"{self.plane.url}/mcp/little"


def telegram(_asked: Asked) -> Said:
    return Said(
        body=b'{"ok":true,"result":[]}', headers={"content-type": "application/json"}
    )


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


@pytest.fixture
def bot(relays: Relays) -> TestBot:
    return relays.plane.new_bot()


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False, timeout=20) as http:
        yield http


def known(relays: Relays) -> None:
    """The proxies know what has happened until now."""
    time.sleep(0.5)
    assert relays.plane.proxy.answers()


def test_a_bots_telegram_is_reached_with_the_surrogate_and_never_shows_the_token(
    relays: Relays, bot: TestBot, http: httpx2.Client
) -> None:
    base = relays.telegram_of(bot)
    known(relays)
    answer = http.post(f"{base}/getUpdates", json={"timeout": 50})
    assert (answer.status_code, answer.json()) == (200, {"ok": True, "result": []})
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert relays.telegram.asked[-1].target == f"/bot{TOKEN}/getUpdates"
    place, _, path = base.partition("/api/")
    coded = f"{place}/api/{path.replace(':', '%3A')}"
    assert http.get(f"{coded}/getMe?a=%20b").status_code == 200
    assert relays.telegram.asked[-1].target == f"/bot{TOKEN}/getMe?a=%20b"
    upload = bytes(3_000_000)
    sent = http.post(f"{base}/sendDocument", files={"document": upload})
    assert sent.status_code == 200
    assert upload in relays.telegram.asked[-1].body


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("setWebhook", 403),
        ("../getMe", 403),
        ("getMe/..%2f..%2fx", 403),
        ("file/..", 403),
        ("", 403),
    ],
)
def test_what_the_relay_does_not_allow_gets_no_further_than_the_proxy(
    relays: Relays, bot: TestBot, http: httpx2.Client, path: str, status: int
) -> None:
    base = relays.telegram_of(bot)
    known(relays)
    before = len(relays.telegram.asked)
    url = httpx2.URL(f"{base}/")
    target = url.raw_path + path.encode()
    answer = http.post(url, extensions={"target": target})
    assert (answer.status_code, answer.json()["error_code"]) == (status, status)
    assert len(relays.telegram.asked) == before


def test_no_other_token_opens_a_channel(
    relays: Relays, bot: TestBot, http: httpx2.Client
) -> None:
    base = relays.telegram_of(bot)
    known(relays)
    forged = base[:-1] + ("A" if base[-1] != "A" else "B")
    place = f"{relays.plane.url}/channel/telegram"
    for url in (forged, f"{place}/bot{TOKEN}", f"{place}/bot{bot.token}", place):
        answer = http.post(f"{url}/getMe", headers=bot.bearer)
        assert (answer.status_code, answer.json()["ok"]) == (401, False)
    assert http.post(f"{relays.plane.url}/channel/discord/x").status_code == 404


def test_a_bots_plugin_answers_with_the_secret_that_the_bot_never_has(
    relays: Relays, bot: TestBot, http: httpx2.Client
) -> None:
    url = relays.plugin_of(bot)
    began = http.post(url, json=BEGIN, headers={**bot.bearer, **BOTH})
    assert began.status_code == 200
    headers = {**bot.bearer, **BOTH, "mcp-session-id": began.headers["mcp-session-id"]}
    call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call"}
    environment = call | {"params": {"name": "environment", "arguments": {}}}
    said = http.post(url, json=environment, headers=headers).text
    assert "API_KEY" in said
    assert SECRET not in said
    assert "MASTER_KEY" not in said
    slow = call | {
        "params": {"name": "slow", "arguments": {}, "_meta": {"progressToken": 7}}
    }
    told = http.post(url, json=slow, headers=headers)
    assert told.headers["content-type"] == "text/event-stream"
    assert told.text.count("notifications/progress") == 3
    assert http.delete(url, headers=headers).status_code == 204
    assert http.post(url, json=environment, headers=headers).status_code == 404


def test_a_plugin_is_for_its_bots_own_token_as_it_is(
    relays: Relays, bot: TestBot, http: httpx2.Client
) -> None:
    url = relays.plugin_of(bot)
    neighbour = relays.plane.new_bot()
    narrow = new_token()
    issued = BotTokenIssued(
        token_hash=relays.plane.token_hash(narrow),
        previous_end_at=datetime(2100, 1, 1, tzinfo=UTC),
        scope=TokenScope(vendors=("openai",)),
    )
    relays.happened(bot.bot_id, issued)
    codes = {
        "cbt_nobody": (401, "unauthenticated"),
        narrow: (403, "token-is-narrowed"),
        neighbour.token: (404, "no-such-plugin"),
    }
    for token, (status, code) in codes.items():
        answer = http.post(url, json=BEGIN, headers={"x-api-key": token, **BOTH})
        assert (answer.status_code, answer.json()["error"]["data"]["code"]) == (
            status,
            code,
        )
    odd = http.post(f"{relays.plane.url}/mcp/../little", headers=bot.bearer)
    assert odd.status_code in {403, 404}


def test_quarantine_cuts_plugins_and_channels(
    relays: Relays, bot: TestBot, http: httpx2.Client
) -> None:
    url, base = relays.plugin_of(bot), relays.telegram_of(bot)
    began = http.post(url, json=BEGIN, headers={**bot.bearer, **BOTH})
    assert began.status_code == 200
    relays.happened(bot.bot_id, BotQuarantined(reason="abuse"))
    known(relays)
    headers = {**bot.bearer, **BOTH, "mcp-session-id": began.headers["mcp-session-id"]}
    assert http.post(url, json=BEGIN, headers=headers).status_code == 401
    assert http.post(f"{base}/getMe").status_code == 403


def test_without_a_worker_it_is_said_so_at_once(
    relays: Relays, http: httpx2.Client
) -> None:
    """The data plane's own calls do not need one."""
    bot = relays.plane.new_bot()
    with running_alone(relays) as proxy_url:
        answer = http.post(f"{proxy_url}/mcp/little", json=BEGIN, headers=bot.bearer)
        assert (answer.status_code, answer.json()["error"]["data"]["code"]) == (
            503,
            "relay-unavailable",
        )


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
