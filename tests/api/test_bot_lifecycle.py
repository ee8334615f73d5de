"""What a bot's container should do, over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from application.event_log import Caller, acting
from domain.bot_events import Runtime
from domain.containers import ContainerState, Health
from domain.runs import Observation, Run, run_of
from tests.api.front import Front, a_bot

LINKED = [{"vendor": "openai"}]
DOCKER = frozenset({Runtime.DOCKER})


def docker_bot(front: Front, me: dict[str, str], **fields: object) -> dict[str, Any]:
    front.system.runtimes.engines = set(DOCKER)
    bot: dict[str, Any] = a_bot(front, me, **({"providers": LINKED} | fields))["bot"]
    return bot


def act(front: Front, me: dict[str, str], action: str, **body: object) -> Any:
    return front.client.post(f"/api/bot/ada-1/{action}", headers=me, json=body or None)


def test_a_bot_runs_on_the_engine_that_answers_unless_it_says_otherwise(
    either: Front,
) -> None:
    me = either.someone()
    bot = docker_bot(either, me)
    assert (bot["runtime"], bot["status"]) == ("docker", "created")
    assert (bot["desired_state"], bot["observed_state"]) == ("stopped", "absent")
    assert bot["image"] == "openclaw:latest"
    assert bot["resources"] == {"memory_mb": 2048, "cpus": 1.0, "pids": 512}
    assert (bot["network"], bot["port"]) == ("isolated", None)
    outside = docker_bot(either, me, hostname="ada-2", runtime="external")
    assert (outside["runtime"], outside["desired_state"]) == ("external", None)


def test_a_started_bot_is_starting_until_its_container_is_seen(either: Front) -> None:
    me = either.someone()
    bot = docker_bot(either, me)
    started = act(either, me, "start")
    assert started.status_code == 202
    assert (started.json()["desired_state"], started.json()["status"]) == (
        "running",
        "starting",
    )
    see(either, bot, state=ContainerState.RUNNING, generation=2, health=Health.HEALTHY)
    seen = either.client.get("/api/bot/ada-1", headers=me).json()
    assert (seen["status"], seen["health"]) == ("running", "healthy")
    stopped = act(either, me, "stop").json()
    assert (stopped["desired_state"], stopped["status"]) == ("stopped", "stopping")
    see(either, bot, state=ContainerState.EXITED, generation=2, exit_code=0)
    assert either.client.get("/api/bot/ada-1", headers=me).json()["status"] == "stopped"


def test_the_list_says_what_the_bot_itself_says(either: Front) -> None:
    me = either.someone()
    bot = docker_bot(either, me)
    act(either, me, "start")
    see(either, bot, state=ContainerState.UNKNOWN)
    either.system.pump()
    listed = either.client.get("/api/bot", headers=me).json()["items"]
    assert listed == [either.client.get("/api/bot/ada-1", headers=me).json()]
    assert listed[0]["status"] == "unknown"


def test_a_failure_says_why_and_when_it_is_tried_again(front: Front) -> None:
    me = front.someone()
    bot = docker_bot(front, me)
    act(front, me, "start")
    see(front, bot, failure="image-missing", detail="no such image", failures=3)
    shown = front.client.get("/api/bot/ada-1", headers=me).json()
    assert shown["status"] == "error"
    assert shown["reason"] == {
        "code": "image-missing",
        "detail": "no such image",
        "failures": 3,
        "retry_at": None,
    }


def test_a_draft_is_not_started(front: Front) -> None:
    me = front.someone()
    docker_bot(front, me, providers=[])
    refused = act(front, me, "start")
    assert (refused.status_code, refused.json()["code"]) == (409, "bot-is-a-draft")


def test_a_quarantined_bot_is_not_started_before_it_is_released(front: Front) -> None:
    me = front.someone()
    docker_bot(front, me)
    assert act(front, me, "quarantine", reason="odd calls").json()["quarantined"] is True
    refused = act(front, me, "start")
    assert (refused.status_code, refused.json()["code"]) == (409, "bot-is-quarantined")
    assert act(front, me, "release").json()["quarantined"] is False
    assert act(front, me, "start").status_code == 202


def test_an_action_may_say_which_version_it_was_decided_on(front: Front) -> None:
    me = front.someone()
    bot = docker_bot(front, me)
    stale = {**me, "If-Match": f'"{bot["version"] - 1}"'}
    assert act(front, stale, "start").status_code == 412
    current = {**me, "If-Match": f'"{bot["version"]}"'}
    assert act(front, current, "start").status_code == 202


def test_published_ports_are_leased_and_given_back(either: Front) -> None:
    me = either.someone()
    first = docker_bot(either, me, publish_port=True)["port"]
    second = docker_bot(either, me, hostname="ada-2", publish_port=True)["port"]
    assert second > first >= 9200
    freed = either.client.patch(
        "/api/bot/ada-1", json={"publish_port": False}, headers=me
    ).json()
    assert freed["port"] is None
    assert docker_bot(either, me, hostname="ada-3", publish_port=True)["port"] == first
    assert either.client.delete("/api/bot/ada-2", headers=me).status_code == 204
    assert docker_bot(either, me, hostname="ada-4", publish_port=True)["port"] == second


def test_a_changed_container_is_a_new_one(front: Front) -> None:
    me = front.someone()
    docker_bot(front, me, image="clawbot/tiny:1", resources={"memory_mb": 128})
    changed = front.client.patch(
        "/api/bot/ada-1", json={"resources": {"cpus": 0.5}}, headers=me
    ).json()
    assert changed["resources"] == {"memory_mb": 128, "cpus": 0.5, "pids": 512}
    assert changed["image"] == "clawbot/tiny:1"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"image": "evil/miner:1"}, "image-not-allowed"),
        ({"image": "../../etc"}, "invalid"),
        ({"resources": {"memory_mb": 1}}, "invalid"),
        ({"resources": {"cpus": 1000}}, "invalid"),
        ({"network": "host"}, "invalid"),
        ({"runtime": "swarm"}, "runtime-not-available"),
    ],
)
def test_what_no_container_can_be_is_refused_and_makes_nothing(
    front: Front, fields: dict[str, object], code: str
) -> None:
    me = front.someone()
    front.system.runtimes.engines = set(DOCKER)
    new = {"name": "Ada", "hostname": "ada-1"} | fields
    refused = front.client.post("/api/bot", json=new, headers=me)
    assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert front.client.get("/api/bot/ada-1", headers=me).status_code == 404


def test_an_external_bot_has_no_container_to_change(front: Front) -> None:
    me = front.someone()
    a_bot(front, me, runtime="external")
    refused = front.client.patch("/api/bot/ada-1", json={"network": "egress"}, headers=me)
    assert (refused.status_code, refused.json()["code"]) == (409, "bot-has-no-container")


def see(front: Front, bot: dict[str, Any], **seen: Any) -> None:
    """The worker has seen this of the bot's container."""
    fleet, bot_id = front.system.fleet, UUID(bot["id"])
    run = fleet.look(Run(), run_of(bot_id))
    with acting(Caller(actor="system:worker")):
        fleet.append(run, run.state.observe(bot_id, Observation(**seen)))


def test_a_token_may_be_narrowed_and_is_listed_without_itself(either: Front) -> None:
    me = either.someone()
    first = a_bot(either, me)["bot_token"]
    narrow = {"models": ["gpt-4o"], "vendors": ["openai"], "paths": ["chat/*"]}
    made = either.client.post("/api/bot/ada-1/token", headers=me, json=narrow).json()
    listed = either.client.get("/api/bot/ada-1/token", headers=me)
    newest, older = listed.json()["items"]
    assert {name: newest[name] for name in narrow} == narrow
    assert (newest["id"], newest["ends_at"], newest["kind"]) == (made["id"], None, "owner")
    assert older["ends_at"] == made["previous_end_at"]
    assert first not in listed.text
    assert made["bot_token"] not in listed.text


@pytest.mark.parametrize(
    "narrow",
    [
        {"expires_at": "2020-01-01T00:00:00Z"},
        {"vendors": ["nobody"]},
        {"paths": ["chat/%2e"]},
        {"paths": [""]},
        {"models": [1]},
        {"scope": "all"},
    ],
)
def test_a_token_is_not_narrowed_to_what_cannot_be(
    front: Front, narrow: dict[str, object]
) -> None:
    me = front.someone()
    a_bot(front, me)
    refused = front.client.post("/api/bot/ada-1/token", headers=me, json=narrow)
    assert refused.status_code == 422
    assert len(front.client.get("/api/bot/ada-1/token", headers=me).json()["items"]) == 1


def test_revoked_tokens_are_listed_no_more(front: Front) -> None:
    me = front.someone()
    a_bot(front, me)
    assert front.client.delete("/api/bot/ada-1/token", headers=me).status_code == 204
    assert front.client.get("/api/bot/ada-1/token", headers=me).json()["items"] == []
