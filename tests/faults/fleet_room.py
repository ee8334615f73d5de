"""A whole instance with bots on a real engine, all of which may be killed and come again.

The worker runs in the engine's room, as on the engine's machine; it reaches the database by
its Unix socket. The api and the projector run outside.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2

from adapters.bootstrap.control_plane import ControlPlane, control_plane
from adapters.bootstrap.fleet_worker import engine_address, engine_setup
from adapters.bootstrap.instance import open_instance, prepare
from adapters.demo.person import Person
from adapters.docker.engine import DockerEngine
from adapters.docker.naming import GENERATION
from adapters.postgres.embedded import EmbeddedPostgres
from adapters.settings import Settings
from application.bots import ContainerWish, CreateBot
from application.engines import Orphan
from application.event_log import Caller
from domain.bot_events import DesiredState, ProviderLink, Runtime
from domain.bots import Bot
from domain.containers import Resources
from domain.ids import BotId, TeamId
from projections.bot_status import BotStatus
from tests.adapters.jobs.given import MASTER_KEY
from tests.engine.dockerd import Dockerd, running_dockerd
from tests.engine.images import BOT_IMAGE
from tests.faults.killable import Killable
from tests.faults.told import by_socket

SMALL = Resources(memory_mb=128, cpu_millis=500, pids=64)


class Room(AbstractContextManager[None]):
    """The engine's network, to be entered as often as need be."""

    def __init__(self, dockerd: Dockerd) -> None:
        self._dockerd = dockerd
        self._inside: list[AbstractContextManager[None]] = []

    def __enter__(self) -> None:
        inside = self._dockerd.room.inside()
        inside.__enter__()
        self._inside.append(inside)

    def __exit__(self, *error: object) -> None:
        self._inside.pop().__exit__(None, None, None)


@dataclass(kw_only=True)
class FleetRoom:
    """The instance, its processes, and what the engine and the log say."""

    dockerd: Dockerd
    settings: Settings
    control: ControlPlane
    engine: DockerEngine
    instance: UUID  # of the labels
    processes: dict[str, Killable]
    client: httpx2.Client
    team_id: TeamId = field(default_factory=lambda: TeamId(uuid4()))
    key_id: UUID = field(default_factory=uuid4)
    bots: dict[UUID, str] = field(default_factory=dict)  # hostnames
    taken: int = 0  # how many commands the api has taken
    _refresh_token: str = ""

    def sign_in(self) -> None:
        person = Person(self.client)
        signed_in = person.register()
        self.team_id = TeamId(UUID(signed_in["team"]["id"]))
        self._refresh_token = signed_in["refresh_token"]
        key = {"vendor": "openai", "label": "main", "secret": "sk-0123456789abcdef"}
        self.key_id = UUID(person.post("/api/provider-key", key)["id"])

    def create(self) -> None:
        """One bot more, with a container that is not started."""
        bot_id, hostname = BotId(uuid4()), f"bot-{len(self.bots)}"
        link = ProviderLink(
            link_id=uuid4(),
            provider_key_id=self.key_id,
            vendor=None,
            tag=None,
            models=("gpt-4o",),
            primary_model=None,
        )
        command = CreateBot(
            bot_id=bot_id,
            team_id=self.team_id,
            hostname=hostname,
            name=hostname,
            tags=(),
            links=(link,),
            token_hash=uuid4().hex,
            now=datetime.now(UTC),
            runtime=Runtime.DOCKER,
            container=ContainerWish(image=BOT_IMAGE, resources=SMALL),
        )
        self.control.bus.handle(command, by=Caller("user:a", team_id=self.team_id))
        self.bots[bot_id] = hostname

    def ask(self, bot_id: UUID, what: str) -> bool:
        """Somebody asks the api for it; whether it was taken."""
        place = f"/api/bot/{self.bots[bot_id]}"
        try:
            answer = self.client.post(f"{place}/{what}")
            if answer.status_code == HTTPStatus.UNAUTHORIZED:
                self._stay_signed_in()
                answer = self.client.post(f"{place}/{what}")
        except httpx2.TransportError:
            return False
        self.taken += answer.is_success
        return answer.is_success

    def delete(self, bot_id: UUID) -> bool:
        """Somebody deletes the bot; whether it is deleted, if only by an earlier try."""
        try:
            answer = self.client.delete(f"/api/bot/{self.bots[bot_id]}")
            if answer.status_code == HTTPStatus.UNAUTHORIZED:
                self._stay_signed_in()
        except httpx2.TransportError:
            return False
        return answer.is_success or answer.status_code == HTTPStatus.NOT_FOUND

    def _stay_signed_in(self) -> None:
        """A long run outlives an access token."""
        given = {"refresh_token": self._refresh_token}
        answer = self.client.post("/api/auth/refresh", json=given)
        assert answer.is_success, answer.text
        renewed = answer.json()
        self._refresh_token = renewed["refresh_token"]
        self.client.headers["authorization"] = f"Bearer {renewed['access_token']}"

    def wait_until_at_work(self) -> None:
        """Api and worker do what they are for."""
        until(lambda: _answers(self.client), seconds=120)
        until(lambda: self.processes["worker"].has_said("engine.answers"), seconds=120)

    def containers(self) -> dict[UUID, list[dict[str, Any]]]:
        """All of ours, by bot, as the engine's own client lists them."""
        label = f"clawbot.instance={self.instance}"
        with self.dockerd.client() as client:
            found = client.api.containers(all=True, filters={"label": label})
        by_bot: dict[UUID, list[dict[str, Any]]] = {}
        for one in found:
            by_bot.setdefault(UUID(one["Labels"]["clawbot.bot"]), []).append(one)
        return by_bot

    def is_as_wanted(self) -> str:
        """What is not as people want it, or not told as it is; "" if all is well."""
        containers = self.containers()
        rows = {row.bot_id: row for row in self._rows()}
        for bot_id, hostname in self.bots.items():
            bot = self.control.fleet.read(Bot(), bot_id).state
            own = containers.pop(bot_id, [])
            assert len(own) <= 1, f"{hostname} has {len(own)} containers"
            if bot.deleted:
                if own:
                    return f"{hostname} is deleted and has a container"
                continue
            runs = bool(own) and own[0]["State"] == "running"
            status = rows[bot_id].status if bot_id in rows else None
            if bot.desired is DesiredState.RUNNING:
                if not runs or own[0]["Labels"][GENERATION] != str(bot.generation):
                    return f"{hostname} does not run as generation {bot.generation}"
                if status is not BotStatus.RUNNING:
                    return f"{hostname} runs, and is told to be {status}"
            elif runs or status not in {BotStatus.STOPPED, BotStatus.CREATED}:
                return f"{hostname} should be stopped, and is told to be {status}"
        return f"containers of nobody: {containers}" if containers else ""

    def statuses(self) -> set[BotStatus]:
        """What the directory tells of the bots."""
        return {row.status for row in self._rows()}

    def converges(self, seconds: float = 30) -> float:
        """All is as wanted within that time; after how many seconds."""
        began = time.monotonic()
        while wrong := self.is_as_wanted():
            assert time.monotonic() - began < seconds, wrong
            time.sleep(0.1)
        return time.monotonic() - began

    def leavings(self, seconds: float) -> list[Orphan]:
        """What of ours is still on the engine after that time."""
        ends_at = time.monotonic() + seconds
        while (left := self.engine.orphans(frozenset())) and time.monotonic() < ends_at:
            time.sleep(0.1)
        return list(left)

    def _rows(self) -> list[Any]:
        return self.control.bot_directory.of_team(self.team_id, after="", limit=100)


@contextmanager
def fleet_room(folder: Path, port: int) -> Iterator[FleetRoom]:
    """The instance at work; nothing of it is left."""
    with ExitStack() as stack:
        dockerd = stack.enter_context(running_dockerd())
        server = EmbeddedPostgres(folder / "postgres")
        url = server.start()
        stack.callback(server.stop)
        bots = dockerd.new_folder()
        settings = Settings(
            _env_file=None,
            database_url=url,
            bot_master_key=MASTER_KEY,
            clawbot_data_dir=folder,
            clawbot_port=port,
            docker_host=dockerd.url,
            bot_data_dir=bots / "data",
            bot_secrets_dir=bots / "secrets",
        )
        prepare(settings, url)
        control = stack.enter_context(control_plane(settings, url))
        opened = open_instance(settings, url, role="clawbot_worker", size=2)
        stack.callback(opened.database.close)
        setup = engine_setup(settings, opened)
        engine = DockerEngine(setup, engine_address(settings))
        stack.callback(engine.close)
        inside = by_socket(url, folder / "postgres" / "run")
        room, here = Room(dockerd), nullcontext()
        processes = {
            name: Killable(name, settings, inside if name == "worker" else url, where)
            for name, where in (("worker", room), ("api", here), ("projector", here))
        }
        for process in processes.values():
            stack.callback(process.kill)
            process.start()
        api = f"http://127.0.0.1:{port}"
        client = stack.enter_context(httpx2.Client(base_url=api, timeout=5))
        scene = FleetRoom(
            dockerd=dockerd,
            settings=settings,
            control=control,
            engine=engine,
            instance=setup.instance,
            processes=processes,
            client=client,
        )
        until(lambda: _answers(client), seconds=120)
        scene.sign_in()
        yield scene


def until(true: Callable[[], bool], seconds: float = 30) -> None:
    """It becomes true within that time."""
    ends_at = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends_at, f"not within {seconds} s"
        time.sleep(0.1)


def _answers(client: httpx2.Client) -> bool:
    try:
        return client.get("/health/ready").is_success
    except httpx2.TransportError:
        return False
