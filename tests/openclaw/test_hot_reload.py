"""A real OpenClaw takes what is changed while it runs, and restarts only where it must.

What it says of its config (the revision that our renderer put there) is not believed alone:
each change is seen in what the vendor is asked at the next turn.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from adapters.reconciler.gateways import revision_in
from tests.engine.dockerd import Dockerd
from tests.faults.reckoning import tell
from tests.journeys.test_fleet import Fleet, container_of
from tests.openclaw.recorder import Recorder
from tests.openclaw.test_turn import READY_SECONDS, SKILL, openclaw, ready, turn, until

pytestmark = [
    pytest.mark.soak,
    pytest.mark.timeout(1200),
    pytest.mark.xdist_group("dockerd"),
]

RELOAD_SECONDS = 60


@dataclass(kw_only=True)
class Running:
    """The bot `ada` on the engine."""

    engine: Dockerd
    fleet: Fleet
    recorder: Recorder
    secrets: Path
    made: dict[str, Any]

    @property
    def container(self) -> tuple[str, str]:
        """Its container, and when that was started."""
        container_id, _, inspected = container_of(self.engine, self.made)
        return container_id, json.loads(inspected)["State"]["StartedAt"]

    def is_another_than(self, before: tuple[str, str]) -> bool:
        """Another container runs, and is ready; between the two there is none."""
        row = self.fleet.shown()
        is_new = row["status"] == "running" and row["container_id"] != before[0]
        return is_new and ready(self.address)

    @property
    def address(self) -> str:
        return container_of(self.engine, self.made)[1]

    @property
    def token(self) -> str:
        held = json.loads((self.secrets / self.made["id"] / "bot.json").read_text())
        return str(held["gatewayToken"])

    def log(self) -> str:
        return self.fleet.client.get("/api/bot/ada/logs?tail=2000").text

    def in_force(self) -> str | None:
        """The revision that the running gateway has applied."""
        try:
            answer = httpx2.post(
                f"http://{self.address}:18789/api/v1/admin/rpc",
                json={"method": "config.get", "params": {}},
                headers={"authorization": f"Bearer {self.token}"},
                timeout=20,
            )
        except httpx2.HTTPError:
            return None
        return revision_in(answer.json()) if answer.is_success else None

    def is_in_step(self) -> bool:
        """The bot runs what the manager has rendered."""
        rendered = self.fleet.person.get("/api/bot/ada/workspace")
        return bool(rendered["in_step"]) and self.in_force() == rendered["revision"]

    def asked(self, words: str) -> dict[str, Any]:
        """One turn; what the vendor was asked first."""
        before = len(self.recorder.bodies)
        answer = turn(self.address, self.token, words, self.log)
        assert answer["choices"][0]["message"]["content"], answer
        body: dict[str, Any] = self.recorder.bodies[before]
        return body

    def changed(self, what: Callable[[], object]) -> tuple[float, dict[str, Any]]:
        """The change is in force: after how many seconds, and how the vendor is asked."""
        before = self.fleet.person.get("/api/bot/ada/workspace")["revision"]
        began = time.monotonic()
        what()
        until(
            lambda: (
                self.fleet.person.get("/api/bot/ada/workspace")["revision"] != before
                and self.is_in_step()
            ),
            RELOAD_SECONDS,
            self.log,
        )
        return time.monotonic() - began, self.asked("And now?")


def tools_of(body: dict[str, Any]) -> set[str]:
    return {one["function"]["name"] for one in body["tools"]}


def test_what_is_changed_is_taken_by_a_bot_that_runs(
    engine_room: Dockerd, capsys: pytest.CaptureFixture[str]
) -> None:
    with openclaw(engine_room) as (fleet, recorder, secrets):
        post = fleet.person.post
        skill = post("/api/skill", SKILL)
        made = fleet.bot(
            persona={"name": "Quill", "soul": "You speak of feathers."},
            runtime="docker",
            resources={"memory_mb": 2048, "cpus": 2, "pids": 512},
        )
        post("/api/bot/ada/start", {})
        bot = Running(
            engine=engine_room, fleet=fleet, recorder=recorder, secrets=secrets, made=made
        )
        until(lambda: fleet.shown()["status"] == "running", READY_SECONDS, fleet.shown)
        until(lambda: ready(bot.address), READY_SECONDS, bot.log)
        until(bot.is_in_step, RELOAD_SECONDS, bot.log)
        first = bot.asked("What is a quill?")
        assert "You speak of feathers." in json.dumps(first)
        assert SKILL["description"] not in json.dumps(first)
        before, took = bot.container, dict[str, float]()

        soul = {"name": "Quill", "soul": "You speak of ink.", "emoji": ""}
        took["persona"], body = bot.changed(
            lambda: fleet.client.put("/api/bot/ada/persona", json=soul).raise_for_status()
        )
        assert "You speak of ink." in json.dumps(body)
        assert "You speak of feathers." not in json.dumps(body)

        took["skill"], body = bot.changed(
            lambda: post("/api/bot/ada/skills", {"skill_id": skill["id"]})
        )
        assert SKILL["description"] in json.dumps(body)

        took["plugin"], body = bot.changed(
            lambda: post("/api/bot/ada/plugins", {"plugin_id": "little"})
        )
        assert "little__echo" in tools_of(body)

        (link,) = fleet.person.get("/api/bot/ada/providers")["items"]
        other = {
            "provider_key_id": link["provider_key_id"],
            "models": ["gpt-4o", "gpt-4o-mini"],
            "primary_model": "gpt-4o-mini",
        }
        place = f"/api/bot/ada/providers/{link['id']}"
        took["model"], body = bot.changed(
            lambda: fleet.client.put(place, json=other).raise_for_status()
        )
        assert body["model"] == "gpt-4o-mini"

        (install,) = fleet.person.get("/api/bot/ada/plugins")["items"]
        took["plugin taken away"], body = bot.changed(
            lambda: fleet.client.delete(
                f"/api/bot/ada/plugins/{install['id']}"
            ).raise_for_status()
        )
        assert "little__echo" not in tools_of(body)

        took["bot token"], _ = bot.changed(
            lambda: fleet.client.delete("/api/bot/ada/token").raise_for_status()
        )
        assert bot.container == before, "nothing of this takes a restart"
        assert bot.log().count("gateway ready") == 1, "nor in its place"

        size = {"memory_mb": 2304, "cpus": 2, "pids": 512}
        changed = fleet.client.patch("/api/bot/ada", json={"resources": size})
        changed.raise_for_status()
        until(lambda: bot.is_another_than(before), READY_SECONDS, fleet.shown)
        until(bot.is_in_step, RELOAD_SECONDS, bot.log)
        assert "What is a quill?" in json.dumps(bot.asked("Do you remember?"))
    with capsys.disabled():
        seconds = ", ".join(f"{what} {time:.0f} s" for what, time in took.items())
        tell(f"a running OpenClaw has taken without a restart: {seconds}")
