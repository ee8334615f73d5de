"""Plugins over HTTP: the built-in ones, and a team's own MCP servers beside."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.front import Front
from tests.api.system import LOCAL

URL = "/api/plugin"
FIELDS = [
    {"key": "token", "secret": True, "required": True, "label": "Token"},
    {"key": "size", "type": "number", "default": 5},
    {"key": "mode", "enum": ["a", "b"], "default": "a"},
]
STDIO = {
    "command": "npx",
    "package": "@acme/mcp",
    "version": "1.0.0",
    "args": ["--size", "${size}"],
    "env": {"ACME_TOKEN": "${token}"},
}
OURS: dict[str, Any] = {
    "slug": "acme",
    "name": "Acme",
    "stdio": STDIO,
    "config_fields": FIELDS,
    "category": "API",
    "region": "en",
}
HTTP = {"url": "https://mcp.example.com/mcp", "headers": {"X-Key": "${token}"}}


def made(front: Front, headers: dict[str, str], **fields: object) -> dict[str, Any]:
    answer = front.client.post(URL, json=OURS | fields, headers=headers)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def listed(front: Front, headers: dict[str, str], **query: str) -> list[dict[str, Any]]:
    answer = front.client.get(URL, params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def wrong(front: Front, headers: dict[str, str], **fields: object) -> dict[str, str]:
    answer = front.client.post(URL, json=OURS | fields, headers=headers)
    assert answer.status_code == 422, answer.text
    return {one["field"]: one["code"] for one in answer.json()["errors"]}


def test_the_built_in_plugins_stand_beside_the_teams_own(either: Front) -> None:
    me = either.someone()
    own = made(either, me)
    assert (own["id"], own["source"], own["read_only"]) == ("acme", "team", False)
    assert (own["transport"], own["package_version"]) == ("stdio", "1.0.0")
    assert own["stdio"]["package"]["name"] == "@acme/mcp"
    assert [one["key"] for one in own["config_fields"]] == ["token", "size", "mode"]
    whole = listed(either, me)
    assert len(whole) == 23
    assert own in whole
    assert [one["id"] for one in whole] == sorted(one["id"] for one in whole)
    assert listed(either, either.someone()) == [o for o in whole if o != own]
    for one in (own, whole[1]):
        answer = either.client.get(f"{URL}/{one['id']}", headers=me)
        assert answer.json() == one


def test_plugins_are_found_by_region_category_and_words(front: Front) -> None:
    me = front.someone()
    made(front, me)
    chinese = {one["id"] for one in listed(front, me, region="cn")}
    assert {"feishu", "wecom", "puppeteer"} <= chinese
    assert not {"acme", "sentry"} & chinese
    assert {one["region"] for one in listed(front, me, region="global")} == {"global"}
    assert "acme" in {one["id"] for one in listed(front, me, category="API")}
    assert [one["id"] for one in listed(front, me, q="飞书")] == ["feishu"]
    assert [one["id"] for one in listed(front, me, q="ACME")] == ["acme"]
    assert [one["id"] for one in listed(front, me, source="team")] == ["acme"]
    assert listed(front, me, q="no such words") == []
    first = front.client.get(URL, params={"limit": "20"}, headers=me).json()
    rest = {"limit": "20", "cursor": first["next_cursor"]}
    second = front.client.get(URL, params=rest, headers=me).json()
    assert first["items"] + second["items"] == listed(front, me)
    assert second["next_cursor"] is None
    assert front.client.get(URL, params={"region": "x"}, headers=me).status_code == 422


def test_texts_come_in_the_language_that_is_asked_for(front: Front) -> None:
    me, url = front.someone(), f"{URL}/fetch"
    chinese = front.client.get(url, params={"locale": "zh-CN"}, headers=me).json()
    assert (chinese["name"], chinese["names"]["en"]) == ("网页抓取", "Web Fetch")
    assert chinese["config_fields"][0]["label"] == "用户代理"
    again = front.client.get(url, headers=me | {"Accept-Language": "zh"}).json()
    assert again == chinese


def test_what_is_built_in_is_not_changed_and_its_slug_is_taken(front: Front) -> None:
    me = front.someone()
    body = {name: value for name, value in OURS.items() if name != "slug"}
    for answer in (
        front.client.put(f"{URL}/fetch", json=body, headers=me),
        front.client.delete(f"{URL}/fetch", headers=me),
    ):
        refused = (answer.status_code, answer.json()["code"])
        assert refused == (403, "built-in-is-read-only")
    made(front, me)
    for slug in ("fetch", "acme"):
        taken = front.client.post(URL, json=OURS | {"slug": slug}, headers=me)
        assert (taken.status_code, taken.json()["code"]) == (409, "plugin-exists")


def test_a_plugin_is_changed_and_removed(either: Front) -> None:
    me, url = either.someone(), f"{URL}/acme"
    made(either, me)
    body = {"name": "Other", "http": HTTP, "config_fields": FIELDS[:1]}
    stale = either.client.put(url, json=body, headers=me | {"If-Match": '"7"'})
    assert stale.status_code == 412
    changed = either.client.put(url, json=body, headers=me | {"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    shown = changed.json()
    assert (shown["transport"], shown["http"], shown["stdio"]) == ("http", HTTP, None)
    assert either.client.put(url, json=body, headers=me).headers["etag"] == '"2"'
    assert either.client.put(url, json=body, headers=either.someone()).status_code == 404
    assert either.client.delete(url, headers=either.someone()).status_code == 404
    assert either.client.delete(url, headers=me).status_code == 204
    assert either.client.get(url, headers=me).status_code == 404


def test_the_same_request_twice_is_carried_out_once(front: Front) -> None:
    me = front.someone() | {"Idempotency-Key": "one"}
    answers = [front.client.post(URL, json=OURS, headers=me) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()


def test_what_other_software_writes_will_do(front: Front) -> None:
    me = front.someone()
    args = ["-y", "@acme/mcp@2.0.0", "--x"]
    stdio = made(front, me, stdio={"command": "npx", "args": args})["stdio"]
    assert (stdio["package"]["version"], stdio["args"]) == ("2.0.0", ["--x"])
    uvx = {"command": "uvx", "args": ["acme-mcp@0.1"]}
    stdio = made(front, me, slug="other", stdio=uvx)["stdio"]
    assert stdio["package"] == {
        "registry": "pypi",
        "name": "acme-mcp",
        "version": "0.1",
        "executable": "",
    }


@pytest.mark.parametrize(
    ("change", "where", "code"),
    [
        ({"stdio": STDIO | {"command": "bash"}}, "command", "not-allowed"),
        ({"stdio": STDIO | {"command": "/usr/bin/npx"}}, "command", "not-allowed"),
        ({"stdio": STDIO | {"package": "acme/mcp"}}, "package", "not-a-package"),
        ({"stdio": STDIO | {"version": ""}}, "version", "not-a-version"),
        ({"stdio": STDIO | {"env": {"LD_PRELOAD": "x"}}}, "env.LD_PRELOAD", "not-allowed"),
        ({"stdio": STDIO | {"args": ["${token}"]}}, "args.0", "secret-in-arguments"),
        ({"stdio": STDIO | {"shell": True}}, "stdio.shell", "unknown-field"),
        (
            {"stdio": {"command": "npx", "args": ["-y", "-c", "id"]}},
            "package",
            "not-a-package",
        ),
        ({"stdio": {"command": "node", "args": ["-e", "1"]}}, "args.0", "not-a-script"),
        ({"slug": "-a"}, "slug", "not-a-slug"),
        (
            {"config_fields": [FIELDS[0], FIELDS[0]]},
            "config_fields.1.key",
            "twice",
        ),
    ],
)
def test_what_cannot_be_started_is_refused(
    front: Front, change: dict[str, Any], where: str, code: str
) -> None:
    assert wrong(front, front.someone(), **change)[where] == code


def test_a_plugin_is_a_program_or_an_address(front: Front) -> None:
    me = front.someone()
    assert wrong(front, me, http=HTTP)
    assert wrong(front, me, stdio=None)
    for url in ("http://mcp.example.com", "https://10.0.0.1/", "https://169.254.169.254/x"):
        http = {"url": url}
        assert wrong(front, me, stdio=None, http=http) == {"http.url": "url-not-allowed"}
    made(front, me, stdio=None, http={"url": f"{LOCAL}/mcp"})
