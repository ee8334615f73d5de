"""A bot's life on a real engine, as a person has it from `clawbot up`."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from adapters.demo.person import Person
from adapters.simulator import started
from tests.api.cli.running import environment
from tests.engine.dockerd import Dockerd
from tests.engine.images import BOT_IMAGE

pytestmark = pytest.mark.xdist_group("dockerd")

SECRET = "sk-never-in-a-container-0123456789"
WAIT_SECONDS = 60
START_SECONDS = 90


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """A running instance with an engine, and somebody signed in to it."""

    client: httpx2.Client
    person: Person
    vendor_url: str

    def bot(self, hostname: str = "ada", **fields: Any) -> dict[str, Any]:
        """A bot with a key of its own."""
        key = self.person.add_key("openai", SECRET, self.vendor_url)
        new = {
            "name": "Ada",
            "hostname": hostname,
            "providers": [{"provider_key_id": key["id"], "models": ["gpt-4o"]}],
        }
        made: dict[str, Any] = self.person.post("/api/bot", new | fields)["bot"]
        return made

    def shown(self, hostname: str = "ada") -> dict[str, Any]:
        return self.person.get(f"/api/bot/{hostname}")

    def is_(self, status: str, hostname: str = "ada") -> None:
        """It comes to that status by itself."""
        until(lambda: self.shown(hostname)["status"] == status, self.shown)


def until(true: Callable[[], bool], why: Callable[[], object] = str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not true():
        assert time.monotonic() < deadline, why()
        time.sleep(0.2)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def instance(folder: Path, **settings: str) -> Iterator[str]:
    """`clawbot up` is ready: the control plane's address."""
    port = free_port()
    told = {
        "CLAWBOT_PORT": str(port),
        "CLAWBOT_PROXY_PORT": str(free_port()),
        "CLAWBOT_WORKER_PORT": str(free_port()),
    }
    with (
        (folder / "said").open("w") as said,
        subprocess.Popen(
            [sys.executable, "-P", "-m", "api.cli.main", "up", "--json"],
            cwd=folder,
            env=environment(folder, **told, **settings),
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, (folder / "said").read_text()[-3000:]
            assert json.loads(line)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(START_SECONDS)


@pytest.fixture(scope="module")
def running(dockerd: Dockerd) -> Iterator[tuple[str, str]]:
    """One instance for all of these: its address, and that of its vendor."""
    folder = dockerd.new_folder()
    with ExitStack() as stack:
        with dockerd.room.inside():
            vendor = stack.enter_context(started(key=SECRET))
            settings = {
                "DOCKER_HOST": dockerd.url,
                "BOT_IMAGE": BOT_IMAGE,
                "EGRESS_ALLOW": vendor.url,
            }
            url = stack.enter_context(instance(folder, **settings))
        yield url, vendor.url


@pytest.fixture
def fleet(engine_room: Dockerd, running: tuple[str, str]) -> Iterator[Fleet]:
    """Somebody new, who stands in the engine's network."""
    del engine_room
    url, vendor_url = running
    with httpx2.Client(base_url=url, timeout=WAIT_SECONDS) as client:
        person = Person(client)
        person.register()
        yield Fleet(client=client, person=person, vendor_url=vendor_url)


def container_of(engine_room: Dockerd, made: dict[str, Any]) -> tuple[str, str, str]:
    """The id of the bot's one container, its address, and all the engine says of it."""
    with engine_room.client() as docker:
        wanted: dict[str, str | bool | list[str]] = {"label": f"clawbot.bot={made['id']}"}
        (container,) = docker.containers.list(filters=wanted)
        networks = container.attrs["NetworkSettings"]["Networks"].values()
        address: str = next(iter(networks))["IPAddress"]
        return str(container.id), address, json.dumps(container.attrs)


def asked(address: str, path: str, **query: str) -> dict[str, Any]:
    """What the program in the container answers."""
    answer: dict[str, Any] = httpx2.get(
        f"http://{address}:8080{path}", params=query, timeout=WAIT_SECONDS
    ).json()
    return answer


def test_a_bots_life_from_creation_to_deletion(fleet: Fleet, engine_room: Dockerd) -> None:
    made = fleet.bot(persona={"name": "Quill", "soul": "Be brief."})
    assert (made["runtime"], made["status"], made["image"]) == (
        "docker",
        "created",
        BOT_IMAGE,
    )
    fleet.person.post("/api/bot/ada/start", {})
    fleet.is_("running")
    container_id, address, inside = container_of(engine_room, made)
    assert SECRET not in inside

    # the bot's own call is metered
    until(lambda: _answers(address))
    answer = asked(address, "/ask", model="gpt-4o", prompt="Hello")
    assert answer["choices"][0]["message"]["content"], answer
    assert "Be brief." in asked(address, "/file", name="/etc/bot/soul.md")["text"]
    until(lambda: fleet.person.get("/api/usage/summary")["settled"] == 1)
    (call,) = fleet.person.get("/api/usage/calls")["items"]
    assert (call["hostname"], call["model"]) == ("ada", "gpt-4o")
    assert call["output_tokens"] == answer["usage"]["completion_tokens"]

    # what it says and takes is seen
    asked(address, "/say", text="hello from inside")
    until(
        lambda: any(
            line["text"] == "hello from inside"
            for line in fleet.person.get("/api/bot/ada/logs")["items"]
        )
    )
    (stats,) = fleet.person.get("/api/bot/stats")["items"]
    assert stats["memory_bytes"] > 0
    found = fleet.person.post("/api/bot/ada/diagnose", {})
    assert found["overall"] == "ok", found

    # quarantine cuts its tokens and its network
    fleet.person.post("/api/bot/ada/quarantine", {"reason": "odd calls"})
    with engine_room.client() as docker:
        until(
            lambda: (
                not docker.containers.get(container_id).attrs["NetworkSettings"]["Networks"]
            )
        )
    fleet.person.post("/api/bot/ada/release", {})
    fleet.person.post("/api/bot/ada/stop", {})
    fleet.is_("stopped")
    gone = fleet.client.delete("/api/bot/ada")
    assert gone.status_code == 204
    with engine_room.client() as docker:
        wanted: dict[str, str | bool | list[str]] = {"label": f"clawbot.bot={made['id']}"}
        until(lambda: not docker.containers.list(all=True, filters=wanted))
        until(lambda: not docker.networks.list(filters=wanted))


def test_a_changed_persona_reaches_a_running_bot_without_a_new_container(
    fleet: Fleet, engine_room: Dockerd
) -> None:
    made = fleet.bot()
    fleet.person.post("/api/bot/ada/start", {})
    fleet.is_("running")
    before = fleet.shown()["container_id"]
    _, address, _ = container_of(engine_room, made)
    until(lambda: _answers(address))
    changed = fleet.client.put(
        "/api/bot/ada/persona",
        json={"name": "Quill", "soul": "Speak in rhymes."},
    )
    assert changed.status_code == 200, changed.text
    until(lambda: "rhymes" in asked(address, "/file", name="/etc/bot/soul.md")["text"])
    assert fleet.shown()["container_id"] == before


def test_an_image_that_is_not_there_is_a_clear_error(fleet: Fleet) -> None:
    fleet.bot(image="clawbot/nothing:1")
    fleet.person.post("/api/bot/ada/start", {})
    fleet.is_("error")
    assert fleet.shown()["reason"]["code"] == "image-missing"


def _answers(address: str) -> bool:
    try:
        return bool(asked(address, "/health")["ok"])
    except httpx2.HTTPError:
        return False
