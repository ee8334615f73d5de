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
from tests.api.system import in_memory

PUBLIC = {
    ("POST", "/api/auth/register"),
    ("POST", "/api/auth/login"),
    ("POST", "/api/auth/refresh"),
    ("POST", "/api/auth/login/code"),
    ("POST", "/api/auth/password/reset"),
    ("POST", "/api/auth/password/reset/confirm"),
    ("GET", "/api/asyncapi.json"),
    ("GET", "/api/docs"),
    ("GET", "/health"),
    ("GET", "/health/ready"),
}
NEW_BOT = {"name": "Ada", "hostname": "ada-1"}
NEW_LINK = {"vendor": "openai"}
NEW_KEY = {"vendor": "openai", "label": "Main", "secret": "sk-0123456789abcdef"}
NEW_PRICE = {
    "vendor": "openai",
    "model": "my-model",
    "input_micro_usd": 1,
    "output_micro_usd": 2,
}
GPT = {"vendor": "openai", "model": "gpt-5"}
NEW_CHAIN = {"name": "Ours", "steps": [GPT]}
NEW_TAG = {"name": "Ours", "models": [GPT]}
NEW_STRATEGY = {"name": "Ours", "weights": {"cost": 1}, "models": [GPT]}
TIME = {"from": "2026-11-22T00:00:00Z", "to": "2026-11-23T00:00:00Z"}
NEW_RATES = {"input_micro_usd": 1, "output_micro_usd": 2}
NEW_QUOTA = {
    "scope": {"kind": "team"},
    "metric": "tokens",
    "window": "day",
    "limit": 1000,
}
NEW_SKILL = {"name": "ours", "kind": "markdown", "definition": "# Ours"}
NEW_TEMPLATE = {"name": "Ours"}
NEW_PLUGIN = {"name": "Ours", "stdio": {"command": "node", "args": ["ours.js"]}}
NEW_CHANNEL = {"channel_type": "webchat", "name": "Ours"}
NEW_WEBHOOK = {"url": "https://hooks.example.com/ours"}
NEW_INVOICE = {
    "vendor": "openai",
    "format": "generic",
    "content": "date,model,input_tokens,output_tokens,cost_usd\n2026-11-01,gpt-5,1,2,0.5\n",
}
HASH = {"content_hash": "0" * 64}
BODIES = {
    ("POST", "/api/invoice"): NEW_INVOICE,
    ("POST", "/api/skill"): NEW_SKILL,
    ("PUT", "/api/skill/{skill_id}"): NEW_SKILL,
    ("POST", "/api/skill/{skill_id}/approve"): HASH,
    ("POST", "/api/skill/recall"): HASH | {"reason": "It leaks."},
    ("POST", "/api/skill/sync"): {
        "source": "openclaw-list",
        "document": "- [x](https://example.com/a/x/SKILL.md)",
    },
    ("POST", "/api/persona-template"): NEW_TEMPLATE,
    ("PUT", "/api/persona-template/{template_id}"): NEW_TEMPLATE,
    ("POST", "/api/plugin"): NEW_PLUGIN | {"slug": "ours"},
    ("PUT", "/api/plugin/{plugin_id}"): NEW_PLUGIN,
    ("POST", "/api/bot/{hostname}/channels"): NEW_CHANNEL,
    ("PUT", "/api/bot/{hostname}/channels/{channel_id}"): {"name": "Ours"},
    ("POST", "/api/bot/{hostname}/channels/{channel_id}/connection"): {"action": "connect"},
    ("POST", "/api/bot/{hostname}/plugins"): {"plugin_id": "time"},
    ("PUT", "/api/bot/{hostname}/plugins/{install_id}"): {},
    ("POST", "/api/bot/{hostname}/skills"): {"skill_id": "ours"},
    ("PUT", "/api/bot/{hostname}/persona"): NEW_TEMPLATE,
    ("PUT", "/api/bot/{hostname}/skills/{install_id}"): {},
    ("POST", "/api/api-token"): {"name": "CI", "role": "viewer"},
    ("PATCH", "/api/auth/me"): {"locale": "zh-CN"},
    ("POST", "/api/auth/password"): {"old_password": "wrong", "password": "new"},
    ("POST", "/api/auth/totp"): {"password": "wrong"},
    ("POST", "/api/auth/totp/confirm"): {"code": "000000"},
    ("DELETE", "/api/auth/totp"): {"password": "wrong"},
    ("POST", "/api/team"): {"name": "Ours"},
    ("PATCH", "/api/team/{team_id}"): {"name": "Ours"},
    ("POST", "/api/team/{team_id}/member"): {"user_id": str(uuid4()), "role": "viewer"},
    ("PATCH", "/api/team/{team_id}/member/{user_id}"): {"role": "viewer"},
    ("POST", "/api/team/{team_id}/invitation"): {"role": "viewer"},
    ("POST", "/api/routing/fallback-chains"): NEW_CHAIN | {"id": "ours"},
    ("PUT", "/api/routing/fallback-chains/{entry_id}"): NEW_CHAIN,
    ("POST", "/api/routing/capability-tags"): NEW_TAG | {"id": "ours"},
    ("PUT", "/api/routing/capability-tags/{entry_id}"): NEW_TAG,
    ("POST", "/api/routing/cost-strategies"): NEW_STRATEGY | {"id": "ours"},
    ("PUT", "/api/routing/cost-strategies/{entry_id}"): NEW_STRATEGY,
    ("POST", "/api/bot/{hostname}/routing/test"): {"body": {"model": "auto"}},
    ("POST", "/api/routing/what-if"): TIME,
    ("PUT", "/api/bot/{hostname}/routing"): {"mode": "direct", "target": None},
    ("POST", "/api/routing/model-prices"): NEW_PRICE,
    ("PUT", "/api/routing/model-prices/{price_id}"): NEW_RATES,
    ("POST", "/api/bot"): NEW_BOT,
    ("POST", "/api/bot/{hostname}/providers"): NEW_LINK,
    ("PUT", "/api/bot/{hostname}/providers/{link_id}"): NEW_LINK,
    ("PATCH", "/api/bot/{hostname}"): {},
    ("PATCH", "/api/provider-key/{key_id}"): {},
    ("POST", "/api/provider-key"): NEW_KEY,
    ("POST", "/api/webhook"): NEW_WEBHOOK,
    ("POST", "/api/notification/read"): {"all": True},
    ("PUT", "/api/notification/preferences"): {"muted": []},
    ("POST", "/api/quota"): NEW_QUOTA,
    ("PATCH", "/api/quota/{quota_id}"): {},
    ("POST", "/api/provider-key/verify"): {"vendor": "openai", "secret": "sk-0123"},
    ("POST", "/api/provider-key/{key_id}/rotate"): {"secret": "sk-0123456789"},
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


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_another_teams_name_in_the_header_is_a_404(
    hall: Hall, method: str, path: str
) -> None:
    headers = hall.me | {"X-Team-Id": hall.theirs["team"]["id"]}
    url, body = filled(path, hall.my_ids), BODIES.get((method, path))
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
    assert method in answer.headers["allow"] or "," not in answer.headers["allow"]


def test_the_teams_lists_show_nothing_of_others(real: Front) -> None:
    theirs, me = real.someone(), real.someone()
    ids_of(real, theirs)
    real.system.pump()
    for path in ("/api/bot", "/api/provider-key", "/api/quota", "/api/usage/calls"):
        assert real.client.get(path, headers=me).json()["items"] == []
    assert len(real.client.get("/api/bot", headers=theirs).json()["items"]) == 1
    mine = real.client.get("/api/audit/events", headers=me).json()["items"]
    assert {one["kind"] for one in mine} == {"claim", "user", "team", "session"}
