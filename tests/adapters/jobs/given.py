"""An instance to test on: its settings, its control plane, and its processes.

Processes are real ones, in a folder of their own, told everything by their environment.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

from adapters.bootstrap.commands import bus_of
from adapters.bootstrap.followers import event_logs
from adapters.bootstrap.instance import open_instance, prepare
from adapters.postgres.database import Database
from adapters.postgres.vault import PostgresPeople, PostgresVault
from adapters.settings import Settings
from application.bus import Bus
from application.event_log import Caller, EventLog
from application.keys import AddProviderKey, CheckProviderKey
from application.ports import Secret
from domain.ids import ProviderKeyId, TeamId
from domain.keys import ProviderKeyChecked
from domain.log import FLEET
from tests.little_server import Answering, little_server

ROOT = Path(__file__).parents[3]
MASTER_KEY = "k1:" + b64encode(sha256(b"the master key of these tests").digest()).decode()
TEAM = TeamId(uuid4())
ALICE = Caller(actor="user:alice", team_id=TEAM, correlation_id="req-1")
PATIENCE = 30.0  # seconds

Found = TypeVar("Found")


def eventually(look: Callable[[], Found | None], seconds: float = PATIENCE) -> Found:
    """What is found in the end."""
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {look}")


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """The control plane of an instance."""

    database: Database
    event_log: EventLog
    bus: Bus
    pass_key: bytes

    def add_key(self, *, vendor: str, secret: str, origin: str) -> ProviderKeyId:
        key_id = ProviderKeyId(uuid4())
        added = AddProviderKey(
            key_id=key_id,
            team_id=TEAM,
            vendor=vendor,
            label="a key",
            secret=Secret(secret.encode()),
            base_url=origin,
            origin=origin,
            tags=(),
            models=(),
            allow_paths="inference",
        )
        self.bus.handle(added, by=ALICE)
        return key_id

    def ask_for_check(self, key_id: ProviderKeyId) -> UUID:
        check_id = uuid4()
        asked = CheckProviderKey(key_id=key_id, team_id=TEAM, check_id=check_id)
        self.bus.handle(asked, by=ALICE)
        return check_id

    def checks(self, key_id: ProviderKeyId) -> list[ProviderKeyChecked]:
        """Every verdict on record."""
        history = self.event_log.history(key_id)
        return [r.event for r in history if isinstance(r.event, ProviderKeyChecked)]

    def verdict(self, key_id: ProviderKeyId, seconds: float = PATIENCE) -> str:
        """The one verdict that there is in the end."""
        (checked,) = eventually(lambda: self.checks(key_id), seconds)
        return checked.verdict.value


def settings_of(url: str, folder: Path, **more: Any) -> Settings:
    """The settings of an instance, and of each process started with them."""
    return Settings(
        _env_file=None,
        database_url=url,
        bot_master_key=MASTER_KEY,
        clawbot_data_dir=folder,
        **more,
    )


@contextmanager
def control_plane(settings: Settings, url: str) -> Iterator[Fleet]:
    """The control plane of the settings' instance, which is made ready if it is not."""
    prepare(settings, url)
    opened = open_instance(settings, url, role="clawbot_api", size=2)
    database, keys = opened.database, opened.instance_keys
    fleet = event_logs(database)[FLEET]
    bus = bus_of(
        fleet,
        unit_of_work=database.unit_of_work,
        vault=PostgresVault(database.cursor, opened.envelope, keys),
        people=PostgresPeople(database.cursor, opened.envelope),
    )
    try:
        yield Fleet(
            database=database, event_log=fleet, bus=bus, pass_key=keys.get("key-check")
        )
    finally:
        database.close()


@contextmanager
def running(process: str, settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """`worker`, `projector` or `proxy`, killed at the end if it still runs."""
    module, name = {
        "worker": ("adapters.worker", "run"),
        "projector": ("adapters.projector", "run"),
        "proxy": ("proxy.main", "main"),
    }[process]
    program = (
        f"from {module} import {name}\n"
        "from adapters import logs\n"
        "from adapters.settings import Settings\n"
        "logs.configure()\n"
        "settings = Settings()\n"
        f"{name}(settings, settings.database_url)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=settings.clawbot_data_dir,
        env=_environment(settings),
    ) as started:
        try:
            yield started
        finally:
            started.kill()


def _environment(settings: Settings) -> dict[str, str]:
    told = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    told["PYTHONPATH"] = str(ROOT)
    for name, value in settings:
        if isinstance(value, tuple):
            told[name.upper()] = ",".join(value)
        elif value is not None:
            told[name.upper()] = str(value)
    return told


@dataclass
class ScriptedProxy:
    """A proxy that gives scripted answers, the last one for ever, and keeps what it got."""

    answers: list[tuple[int, Mapping[str, str], bytes]]
    url: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list)  # path, Authorization
    holds: threading.Event = field(default_factory=threading.Event)  # set: answer at once

    def answer(self) -> tuple[int, Mapping[str, str], bytes]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


OF_VENDOR = {"x-clawbot-attempts": "1"}
OF_PROXY = {"x-clawbot-attempts": "0"}
FINE = (200, OF_VENDOR, b'{"object": "list", "data": []}')


@contextmanager
def scripted_proxy(
    *answers: tuple[int, Mapping[str, str], bytes], port: int = 0, held: bool = False
) -> Iterator[ScriptedProxy]:
    """A proxy of these answers on a port of this machine; `held` ones wait for `holds`."""
    script = ScriptedProxy(list(answers))
    if not held:
        script.holds.set()

    class Handler(Answering):
        def get(self) -> None:
            script.calls.append((self.path, self.headers["authorization"]))
            script.holds.wait(PATIENCE)
            status, headers, body = script.answer()
            try:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if "content-length" not in headers:
                    self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                return  # the caller was killed meanwhile, as it should be

    with little_server(Handler, port) as script.url:
        try:
            yield script
        finally:
            script.holds.set()
