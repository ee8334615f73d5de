"""What is true of every route of the OpenAPI document, found by walking it."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest

from application.webhook_deliveries import NewDelivery
from tests.api.calls import DAY, Calls
from tests.api.front import Front, front_of
from tests.api.route_bodies import (
    BODIES,
    NEW_BOT,
    NEW_CHANNEL,
    NEW_INVOICE,
    NEW_KEY,
    NEW_LINK,
    NEW_PLUGIN,
    NEW_PRICE,
    NEW_QUOTA,
    NEW_SKILL,
    NEW_TEMPLATE,
    NEW_WEBHOOK,
)
from tests.api.system import in_memory

PUBLIC = {
    ("POST", "/api/auth/register"),
    ("POST", "/api/auth/login"),
    ("POST", "/api/auth/refresh"),
    ("POST", "/api/auth/login/code"),
    ("POST", "/api/auth/password/reset"),
    ("POST", "/api/auth/password/reset/confirm"),
    ("POST", "/api/auth/code"),
    ("POST", "/api/auth/code/verify"),
    ("GET", "/api/auth/oidc"),
    ("GET", "/api/auth/oidc/{provider}/start"),
    ("GET", "/api/auth/oidc/{provider}/callback"),
    ("GET", "/api/asyncapi.json"),
    ("GET", "/api/docs"),
    ("GET", "/health"),
    ("GET", "/health/ready"),
}


def document() -> dict[str, Any]:
    with front_of(in_memory()) as front:
        schema: dict[str, Any] = front.client.get("/api/openapi.json").json()
        return schema


DOCUMENT = document()
ROUTES = sorted(
    (method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in item
)
GUARDED = [route for route in ROUTES if route not in PUBLIC]
WITH_IDS = [route for route in GUARDED if "{" in route[1]]


def test_the_walk_sees_the_whole_api() -> None:
    assert len(ROUTES) >= 30
    assert set(ROUTES) >= PUBLIC
    for method, path in ROUTES:
        guarded = "security" in DOCUMENT["paths"][path][method.lower()]
        assert guarded is ((method, path) not in PUBLIC), (method, path)


def filled(path: str, ids: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda name: ids[name[1]], path)


def session_of(headers: dict[str, str]) -> str:
    """The session that an access token is of."""
    claims = headers["Authorization"].split(".")[1]
    sid: str = json.loads(urlsafe_b64decode(claims + "=="))["sid"]
    return sid


def ids_of(front: Front, headers: dict[str, str]) -> dict[str, str]:
    """A bot with a link, and a key."""
    post = front.client.post
    bot = post("/api/bot", json=NEW_BOT | {"providers": [NEW_LINK]}, headers=headers).json()
    key = post("/api/provider-key", json=NEW_KEY, headers=headers).json()
    quota = post("/api/quota", json=NEW_QUOTA, headers=headers).json()
    for path in ("fallback-chains", "capability-tags", "cost-strategies"):
        new = BODIES["POST", f"/api/routing/{path}"]
        assert post(f"/api/routing/{path}", json=new, headers=headers).status_code == 201
    price = post("/api/routing/model-prices", json=NEW_PRICE, headers=headers).json()
    skill = post("/api/skill", json=NEW_SKILL, headers=headers).json()
    persona = post("/api/persona-template", json=NEW_TEMPLATE, headers=headers).json()
    plugin = post("/api/plugin", json=NEW_PLUGIN | {"slug": "ours"}, headers=headers)
    assert plugin.status_code == 201
    channel = post("/api/bot/ada-1/channels", json=NEW_CHANNEL, headers=headers).json()
    install = post("/api/bot/ada-1/plugins", json={"plugin_id": "time"}, headers=headers)
    invoice = post("/api/invoice", json=NEW_INVOICE, headers=headers).json()
    own = front.client.get("/api/auth/me", headers=headers).json()
    team = f"/api/team/{own['team']['id']}"
    hook = post("/api/webhook", json=NEW_WEBHOOK, headers=headers).json()
    delivery = NewDelivery(
        webhook_id=UUID(hook["id"]),
        team_id=UUID(own["team"]["id"]),
        message_id=uuid4(),
        position=1,
        type="bot.state",
    )
    front.system.delivery_plan.add([delivery])
    invited = post(f"{team}/invitation", json={"role": "viewer"}, headers=headers).json()
    program = BODIES["POST", "/api/api-token"]
    api_token = post("/api/api-token", json=program, headers=headers).json()
    return {
        "team_id": own["team"]["id"],
        "user_id": own["user"]["id"],
        "invitation_id": invited["id"],
        "token_id": api_token["id"],
        "session_id": session_of(headers),
        "token": "civ_" + invited["token"][::-1],
        "hostname": "ada-1",
        "price_id": price["id"],
        "skill_id": skill["id"],
        "template_id": persona["id"],
        "plugin_id": "ours",
        "channel_type": "nobody",
        "channel_id": channel["id"],
        "install_id": install.json()["id"],
        "entry_id": "ours",
        "link_id": bot["bot"]["providers"][0]["id"],
        "key_id": key["id"],
        "quota_id": quota["id"],
        "call_id": str(Calls(front, quota["scope"]["id"]).settled(DAY)),
        "invoice_id": invoice["id"],
        "kind": "bot",
        "log_index": "0",
        "stream_id": bot["bot"]["id"],
        "vendor_id": "nobody",
        "provider": "nobody",
        "webhook_id": hook["id"],
        "delivery_id": str(delivery.delivery_id),
    }


@dataclass(frozen=True, kw_only=True)
class Hall:
    """Three people of three teams, two of which have things: nothing may change them."""

    front: Front
    theirs: dict[str, Any]
    mine: dict[str, Any]
    ids: dict[str, str]  # of what is theirs
    my_ids: dict[str, str]
    stranger: dict[str, str]  # who has nothing

    @property
    def me(self) -> dict[str, str]:
        return self.front.bearer(self.mine)


@pytest.fixture(scope="module")
def hall() -> Iterator[Hall]:
    with front_of(in_memory()) as front:
        theirs, mine = front.registered(), front.registered()
        yield Hall(
            front=front,
            theirs=theirs,
            mine=mine,
            ids=ids_of(front, front.bearer(theirs)),
            my_ids=ids_of(front, front.bearer(mine)),
            stranger=front.someone(),
        )


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_nobody_gets_in_without_a_token(hall: Hall, method: str, path: str) -> None:
    url = filled(path, dict.fromkeys(hall.ids, str(uuid4())))
    body = BODIES.get((method, path))
    tokens = (None, "Bearer x", "Bearer cbt_" + "a" * 43)
    for token in tokens:
        headers = {} if token is None else {"Authorization": token}
        answer = hall.front.client.request(method, url, json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize(("method", "path"), WITH_IDS)
def test_another_teams_and_an_absent_id_get_the_same_404(
    hall: Hall, method: str, path: str
) -> None:
    front, ids, me = hall.front, hall.ids, hall.stranger
    before = front.system.fleet.head()
    absent = ids | {name: str(uuid4()) for name in ids if name.endswith("_id")}
    body = BODIES.get((method, path))
    answers = [
        front.client.request(method, filled(path, one), json=body, headers=me)
        for one in (ids, absent | {"hostname": "nobody"})
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    foreign, missing = (answer.json() | {"request_id": ""} for answer in answers)
    assert foreign == missing
    assert front.system.fleet.head() == before


@pytest.mark.parametrize(("method", "path"), [one for one in WITH_IDS if "_id}" in one[1]])
def test_the_id_of_something_else_of_ones_own_is_a_404(
    hall: Hall, method: str, path: str
) -> None:
    front, body = hall.front, BODIES.get((method, path))
    name = re.findall(r"\{(\w+_id)\}", path)[-1]
    others = {hall.my_ids[one] for one in ("stream_id", "key_id", "quota_id", "team_id")}
    for other in others - {hall.my_ids[name]}:
        url = filled(path, hall.my_ids | {name: other})
        answer = front.client.request(method, url, json=body, headers=hall.me)
        assert answer.status_code == 404, (url, answer.text)


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_another_teams_name_in_the_header_is_a_404(
    hall: Hall, method: str, path: str
) -> None:
    url, body = filled(path, hall.my_ids), BODIES.get((method, path))
    for named in (hall.theirs["team"]["id"], hall.my_ids["stream_id"]):  # the latter a bot
        headers = hall.me | {"X-Team-Id": named}
        answer = hall.front.client.request(method, url, json=body, headers=headers)
        assert answer.status_code == 404


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_another_method_is_a_405_and_says_which_there_are(
    hall: Hall, method: str, path: str
) -> None:
    url = filled(path, dict.fromkeys(hall.ids, str(uuid4())))
    answer = hall.front.client.request("TRACE", url)
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"
    assert method in answer.headers["allow"].split(", ")


def test_the_teams_lists_show_nothing_of_others(real: Front) -> None:
    theirs, me = real.someone(), real.someone()
    ids_of(real, theirs)
    real.system.pump()
    for path in ("/api/bot", "/api/provider-key", "/api/quota", "/api/usage/calls"):
        assert real.client.get(path, headers=me).json()["items"] == []
    assert len(real.client.get("/api/bot", headers=theirs).json()["items"]) == 1
    mine = real.client.get("/api/audit/events", headers=me).json()["items"]
    assert {one["kind"] for one in mine} == {"claim", "user", "team", "session"}
