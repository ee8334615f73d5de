"""A real OpenClaw runs one turn with what our renderer gave it, and the usage is right.

The image is made from the npm package (`image.py`, two minutes and 850 MB the first time).
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from adapters.demo.person import Person
from adapters.simulator import started
from tests.adapters.relays import little_mcp
from tests.engine.dockerd import Dockerd
from tests.journeys.test_fleet import SECRET, Fleet, container_of, instance
from tests.openclaw.image import load_openclaw
from tests.openclaw.recorder import Recorder, recording

pytestmark = [
    pytest.mark.soak,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("dockerd"),
]

SOUL = "# Soul\n\nYou are called Quill and you speak of feathers.\n"
SKILL: dict[str, Any] = {
    "name": "release-notes",
    "description": "How this team writes its release notes, in three lines",
    "kind": "prompt",
    "definition": {"template": "Write notes for {version}", "variables": ["version"]},
}
READY_SECONDS = 300
TURN_SECONDS = 240


def until(is_so: Callable[[], bool], seconds: float, why: Callable[[], object]) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, why()
        time.sleep(1)


@contextmanager
def openclaw(engine: Dockerd) -> Iterator[tuple[Fleet, Recorder, Path]]:
    """An instance whose bots are OpenClaw, a vendor that is listened to, the secrets."""
    with engine.client() as client:
        image = load_openclaw(client)
    folder = engine.new_folder()
    script = Path(shutil.copy(little_mcp.__file__, folder / "little_mcp.py"))
    script.chmod(0o644)
    with (
        started(key=SECRET) as vendor,
        recording(vendor.url) as recorder,
        instance(
            folder,
            DOCKER_HOST=engine.url,
            BOT_IMAGE=image,
            BOT_SECRETS_DIR=str(folder / "bot-secrets"),
            CLAWBOT_PLUGINS_READABLE=str(folder),
            EGRESS_ALLOW=recorder.url,
        ) as url,
        httpx2.Client(base_url=url, timeout=60) as client,
    ):
        person = Person(client)
        person.register()
        fleet = Fleet(client=client, person=person, vendor_url=recorder.url)
        plugin = {
            "slug": "little",
            "name": "Little",
            "stdio": {"command": "python3", "args": [str(script)]},
        }
        person.post("/api/plugin", plugin)
        yield fleet, recorder, folder / "bot-secrets"


def turn(address: str, token: str, words: str, why: Callable[[], object]) -> dict[str, Any]:
    """The bot's answer, asked as the manager asks."""
    answer = httpx2.post(
        f"http://{address}:18789/v1/chat/completions",
        headers={"authorization": f"Bearer {token}"},
        json={
            "model": "openclaw/default",
            "user": "soak",
            "messages": [{"role": "user", "content": words}],
        },
        timeout=TURN_SECONDS,
    )
    if answer.status_code != 200:
        pytest.fail(f"{answer.text}\n{why()}")
    read: dict[str, Any] = answer.json()
    return read


def ready(address: str) -> bool:
    try:
        url = f"http://{address}:18789/readyz"
        return httpx2.get(url, timeout=5).status_code == 200
    except httpx2.HTTPError:
        return False


def test_one_turn_of_a_real_openclaw_is_right_to_the_token(engine_room: Dockerd) -> None:
    with openclaw(engine_room) as (fleet, recorder, secrets):
        skill = fleet.person.post("/api/skill", SKILL)
        made = fleet.bot(
            persona={"name": "Quill", "soul": SOUL, "emoji": "🪶"},
            plugins=[{"plugin_id": "little"}],
            skills=[{"skill_id": skill["id"]}],
            runtime="docker",
            resources={"memory_mb": 2048, "cpus": 2, "pids": 512},
        )
        fleet.person.post("/api/bot/ada/start", {})

        def log() -> object:
            calls = fleet.client.get("/api/usage/calls").text
            return calls, fleet.client.get("/api/bot/ada/logs?tail=200").text

        until(lambda: fleet.shown()["status"] == "running", READY_SECONDS, fleet.shown)
        _, address, inspected = container_of(engine_room, made)
        until(lambda: ready(address), READY_SECONDS, log)
        held = json.loads((secrets / made["id"] / "bot.json").read_text())
        assert held["botToken"] not in inspected
        assert SECRET not in inspected

        recorder.tool = "little__echo"
        answer = turn(address, held["gatewayToken"], "What is a quill?", log)

        assert answer["choices"][0]["message"]["content"], answer
        asked = json.dumps(recorder.bodies[0], ensure_ascii=False)
        assert "you speak of feathers" in asked
        assert SKILL["name"] in asked
        assert SKILL["description"] in asked
        tools = [one["function"]["name"] for one in recorder.bodies[0]["tools"]]
        if "little__echo" not in tools:
            pytest.fail(f"{tools}\n{log()}")
        last = json.dumps(recorder.bodies[-1])
        assert '"role": "tool"' in last, "the plugin was not asked"

        calls = fleet.person.get("/api/usage/calls")["items"]
        ledger = httpx2.get(f"{recorder.vendor_url}/ledger").json()["items"]
        stated = [one for one in ledger if one["metered"]]
        assert len(calls) == len(recorder.bodies) == len(stated) >= 2
        for kind in ("input_tokens", "output_tokens"):
            assert sorted(c[kind] for c in calls) == sorted(s[kind] for s in stated)
        assert {(call["status"], call["usage_source"]) for call in calls} == {
            ("settled", "reported")
        }
        shown = fleet.person.get("/api/bot/ada/workspace")
        assert (shown["in_step"], shown["notes"]) == (True, [])
        assert held["botToken"] not in json.dumps(shown)
