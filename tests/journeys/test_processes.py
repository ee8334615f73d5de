"""Jobs that take several processes, through those of compose.yaml."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx2
import pytest

from adapters.demo.bot import Bot
from domain.webhook_messages import signed_headers
from tests.databases import new_database, url_of
from tests.hook_server import Hooks, hooks
from tests.journeys.composed import CANARY, Composed, composed, wait_until

pytestmark = pytest.mark.xdist_group("up")


@pytest.fixture(scope="module")
def hook_server() -> Iterator[Hooks]:
    with hooks() as known:
        yield known


@pytest.fixture(scope="module")
def system(
    database_server: str,
    migrated_template: str,
    rabbitmq_url: str,
    redis_url: str,
    hook_server: Hooks,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Composed]:
    with (
        new_database(database_server, template=migrated_template) as name,
        composed(
            tmp_path_factory.mktemp("composed"),
            allow=(hook_server.url,),
            DATABASE_URL=url_of(database_server, name),
            RABBITMQ_URL=rabbitmq_url,
            REDIS_URL=redis_url,
        ) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def key(system: Composed) -> dict[str, Any]:
    return system.person.add_key("anthropic", CANARY, system.vendor.url)


def new_bot(system: Composed, key: dict[str, Any], hostname: str) -> dict[str, Any]:
    links = [{"provider_key_id": key["id"]}]
    bot = {"name": "A", "hostname": hostname, "providers": links}
    return system.person.post("/api/bot", bot)


def test_a_call_is_metered_as_the_vendor_counts_it(
    system: Composed, key: dict[str, Any]
) -> None:
    person, made = system.person, new_bot(system, key, "ada")
    answer = Bot(made["bot"]["proxy_base_url"], made["bot_token"]).anthropic("Hello")
    position = person.position_of_end(answer.call_id)
    summary = person.get("/api/usage/summary", after_position=position)
    totals = httpx2.get(f"{system.vendor.url}/ledger").json()["totals"]
    counted = (totals["input_tokens"], totals["output_tokens"])
    assert summary["calls"] == summary["settled"] == 1
    assert (summary["input_tokens"], summary["output_tokens"]) == counted
    assert min(counted) > 0


def test_the_api_alone_serves_no_calls(system: Composed) -> None:
    alone = system.client.post("/api/v1/anthropic/v1/messages", json={})
    assert alone.status_code == 404


def test_the_worker_hears_of_work_through_rabbitmq(
    system: Composed, key: dict[str, Any]
) -> None:
    path = f"/api/provider-key/{key['id']}"
    system.person.post(f"{path}/check", {})
    wait_until(lambda: system.person.get(path)["checked_at"] is not None)
    assert system.person.get(path)["status"] == "active"


def test_a_budget_that_a_proxy_uses_up_is_told_live_and_posted_by_the_worker(
    system: Composed, key: dict[str, Any], hook_server: Hooks
) -> None:
    person, made = system.person, new_bot(system, key, "bob")
    hook_server.status = 503  # at first
    wanted = {"url": f"{hook_server.url}/in", "types": ["quota.exhausted"]}
    hook = person.post("/api/webhook", wanted)
    budget = {"metric": "requests", "window": "total", "limit": 1, "warn_at": None}
    scope = {"kind": "bot", "id": made["bot"]["id"]}
    quota = person.post("/api/quota", {"scope": scope, **budget})
    bot = Bot(made["bot"]["proxy_base_url"], made["bot_token"])
    with system.live() as live:
        bot.anthropic("Hello")
        with pytest.raises(httpx2.HTTPStatusError, match="429"):
            bot.anthropic("Hello again")
        notice = next(one for one in live if one.get("kind") == "quota.exhausted")
    assert notice["subject"]["id"] == quota["id"]

    wait_until(lambda: bool(hook_server.posted))
    hook_server.status = 204
    delivery = f"/api/webhook/{hook['id']}/delivery"
    wait_until(lambda: person.get(delivery)["items"][0]["state"] == "delivered")
    first, *_, last = hook_server.posted
    assert first[2] == last[2], "the same bytes at every attempt"
    _, headers, body = last
    message_id = UUID(headers["webhook-id"])
    stamp = int(headers["webhook-timestamp"])
    signed = signed_headers(hook["secret"], message_id, timestamp=stamp, body=body)
    assert signed["webhook-signature"] == headers["webhook-signature"]
    assert json.loads(body)["type"] == "quota.exhausted"


def test_the_key_is_in_no_answer_and_no_log(system: Composed) -> None:
    assert not any(CANARY in answer for answer in system.person.answers)
    assert not any(CANARY in log.read_text() for log in system.logs.values())
