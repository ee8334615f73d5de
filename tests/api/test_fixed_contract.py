"""What others build against: paths, methods, statuses and names that never change."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.api.contract import FIELDS, FIXED, NO_LISTS, PARAMETERS, WITH_A_PAST
from tests.api.front import Front, a_bot
from tests.api.route_bodies import BODIES, NEW_KEY, NEW_LINK, NEW_QUOTA
from tests.api.test_every_route import DOCUMENT, GUARDED, ROUTES

OPERATIONS = {
    (method, re.sub(r"{\w+}", "{}", path)): DOCUMENT["paths"][path][method.lower()]
    for method, path in ROUTES
}


def taken(method: str, path: str) -> set[str]:
    """The names of what the operation takes in its query and headers."""
    return {one["name"] for one in OPERATIONS[method, path]["parameters"] if "name" in one}


def test_every_fixed_path_has_its_methods_and_its_status() -> None:
    for line in FIXED.split("\n"):
        words = line.split()
        status = [word for word in words if word.isdigit()]
        for method in (word for word in words if word.isupper()):
            for path in (word for word in words if word.startswith("/")):
                assert (method, path) in OPERATIONS, (method, path)
                good = {one for one in OPERATIONS[method, path]["responses"] if one < "4"}
                assert good == set(status), (method, path)


@pytest.mark.parametrize("shape", FIELDS)
def test_a_fixed_shape_has_its_fields(shape: str) -> None:
    properties = DOCUMENT["components"]["schemas"][shape]["properties"]
    assert set(properties) >= set(FIELDS[shape].split())


def test_what_a_path_takes_is_fixed_too() -> None:
    for path, names in PARAMETERS.items():
        assert taken("GET", path) >= set(names.split()), path
    for path in WITH_A_PAST.split():
        assert "at" in taken("GET", path), path


def test_every_list_takes_limit_and_cursor() -> None:
    lists = 0
    for (method, path), operation in OPERATIONS.items():
        shape = operation["responses"].get("200", {}).get("content", {})
        name = shape.get("application/json", {}).get("schema", {}).get("$ref", "")
        if method == "GET" and "/Page_" in name and path not in NO_LISTS:
            assert taken(method, path) >= {"limit", "cursor"}, path
            lists += 1
    assert lists > 30


def test_no_name_of_a_shape_tells_of_our_modules() -> None:
    assert [name for name in DOCUMENT["components"]["schemas"] if "__" in name] == []


def test_the_document_says_how_each_operation_may_be_refused() -> None:
    assert "HTTPValidationError" not in DOCUMENT["components"]["schemas"]
    for method, path in ROUTES:
        operation = DOCUMENT["paths"][path][method.lower()]
        said = operation["responses"]
        assert said["429"] == {"$ref": "#/components/responses/429"}
        assert ("403" in said) is ((method, path) in GUARDED)
        assert ("Idempotency-Key" in str(operation["parameters"])) is (method != "GET")
    problem = DOCUMENT["components"]["responses"]["404"]["content"]
    assert list(problem) == ["application/problem+json"]


@pytest.fixture
def owner(front: Front) -> dict[str, str]:
    """Somebody with a bot that has two links, a key and a quota."""
    headers = front.someone()
    a_bot(front, headers, providers=[NEW_LINK, NEW_LINK | {"vendor": "anthropic"}])
    for path, new in (("/api/provider-key", NEW_KEY), ("/api/quota", NEW_QUOTA)):
        assert front.client.post(path, json=new, headers=headers).status_code == 201
    return headers


@pytest.mark.parametrize(
    "path",
    [
        "/api/bot/ada-1/providers",
        "/api/vendor",
        "/api/channel?locale=zh-CN",
        "/api/skill/type",
        "/api/plugin",
        "/api/persona-template",
        "/api/routing/capability-tags",
    ],
)
def test_page_by_page_a_list_is_the_whole_list(
    front: Front, owner: dict[str, str], path: str
) -> None:
    def page(**query: Any) -> dict[str, Any]:
        address, _, rest = path.partition("?")
        query |= {"locale": rest.removeprefix("locale=")} if rest else {}
        answer = front.client.get(address, params=query, headers=owner)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    whole = page()
    assert whole["next_cursor"] is None
    found, query = [], {"limit": max(1, len(whole["items"]) // 3)}
    while True:
        one = page(**query)
        assert len(one["items"]) <= query["limit"]
        found += one["items"]
        if one["next_cursor"] is None:
            break
        query["cursor"] = one["next_cursor"]
    assert found == whole["items"]


def test_a_page_begins_behind_the_last_though_that_is_gone(
    front: Front, owner: dict[str, str]
) -> None:
    path = "/api/bot/ada-1/providers"
    first = front.client.get(path, params={"limit": 1}, headers=owner).json()
    gone = first["items"][0]["id"]
    assert front.client.delete(f"{path}/{gone}", headers=owner).status_code == 204
    query = {"limit": 1, "cursor": first["next_cursor"]}
    assert front.client.get(path, params=query, headers=owner).status_code == 200
    foreign = front.client.get("/api/vendor", params=query, headers=owner)
    assert (foreign.status_code, foreign.json()["errors"][0]["field"]) == (422, "cursor")


@pytest.mark.parametrize(
    ("path", "count"),
    {
        "plugin": 22,
        "persona-template": 14,
        "channel": 11,
        "vendor": 25,
        "routing/capability-tags": 22,
        "routing/fallback-chains": 13,
        "routing/cost-strategies": 13,
    }.items(),
)
def test_what_comes_with_the_product_is_all_there_and_stays_as_it_is(
    front: Front, owner: dict[str, str], path: str, count: int
) -> None:
    items = front.client.get(f"/api/{path}", headers=owner).json()["items"]
    assert len(items) == count
    gone = front.client.delete(f"/api/{path}/{items[0]['id']}", headers=owner)
    if "read_only" not in items[0]:
        assert (gone.status_code, gone.headers["allow"]) == (405, "GET")
        return
    assert items[0]["read_only"]
    assert (gone.status_code, gone.json()["code"]) == (403, "built-in-is-read-only")


@pytest.mark.parametrize(
    "path", ["/api/bot/ada-1", "/api/bot/ada-1/plugins", "/api/plugin/time", "/api/auth/me"]
)
def test_any_read_waits_for_the_position_it_is_given(
    front: Front, owner: dict[str, str], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.waiting.WAIT_SECONDS", 0.05)
    head = front.system.fleet.head()
    for position, status in ((f"fleet={head}", 200), (f"fleet={head + 1}", 504)):
        query = {"after_position": position}
        answer = front.client.get(path, params=query, headers=owner)
        assert answer.status_code == status, answer.text
    wrong = front.client.get(path, params={"after_position": "7"}, headers=owner)
    assert wrong.json()["errors"] == [{"field": "after_position", "code": "not-a-position"}]
    assert front.client.get(path, params={"after_position": "fleet=9"}).status_code == 401


@pytest.mark.parametrize(
    "path", ["/api/auth/me", "/api/bot/ada-1/events", "/api/audit/stream/team/{team}"]
)
def test_what_is_folded_from_a_stream_tells_where_it_was_read(
    front: Front, owner: dict[str, str], path: str
) -> None:
    team = front.client.get("/api/auth/me", headers=owner).json()["team"]["id"]
    answer = front.client.get(path.replace("{team}", team), headers=owner)
    head = front.system.fleet.head()
    assert (answer.status_code, answer.headers["x-log-position"]) == (200, f"fleet={head}")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/bot/{hostname}/providers"),
        ("POST", "/api/bot/{hostname}/plugins"),
        ("PUT", "/api/bot/{hostname}/persona"),
        ("POST", "/api/bot/{hostname}/token"),
        ("POST", "/api/bot/{hostname}/quarantine"),
        ("PATCH", "/api/bot/{hostname}"),
        ("DELETE", "/api/bot/{hostname}"),
    ],
)
def test_every_change_of_a_bot_may_name_the_version_it_is_of(
    front: Front, owner: dict[str, str], method: str, path: str
) -> None:
    shown = front.client.get("/api/bot/ada-1/plugins", headers=owner)
    bot = front.client.get("/api/bot/ada-1", headers=owner)
    assert shown.headers["etag"] == bot.headers["etag"]
    url, body = path.replace("{hostname}", "ada-1"), BODIES.get((method, path))
    head = front.system.fleet.head()
    stale = owner | {"If-Match": '"1"'}
    refused = front.client.request(method, url, json=body, headers=stale)
    assert (refused.status_code, refused.json()["code"]) == (412, "precondition-failed")
    assert front.system.fleet.head() == head
    fresh = owner | {"If-Match": shown.headers["etag"]}
    assert front.client.request(method, url, json=body, headers=fresh).status_code < 300


def test_what_a_bot_was_equipped_with_is_shown_as_it_was(
    front: Front, owner: dict[str, str]
) -> None:
    path = "/api/bot/ada-1/plugins"
    made = front.client.post(path, json={"plugin_id": "time"}, headers=owner)
    then = {"at": made.headers["x-log-position"]}
    one = f"{path}/{made.json()['id']}"
    assert front.client.delete(one, headers=owner).status_code == 204
    assert front.client.get(one, headers=owner).status_code == 404
    past = front.client.get(one, params=then, headers=owner)
    assert past.json() == made.json()
    assert past.headers["x-log-position"] == then["at"]
    listed = front.client.get(path, params=then, headers=owner)
    assert listed.json()["items"] == [made.json()]
    assert listed.headers["x-log-position"] == then["at"]


def test_routing_entries_are_listed_as_they_were(
    front: Front, owner: dict[str, str]
) -> None:
    path = "/api/routing/fallback-chains"
    before = {"at": f"fleet={front.system.fleet.head()}"}
    new = BODIES["POST", path]
    assert front.client.post(path, json=new, headers=owner).status_code == 201
    own = {"source": "team"}
    assert len(front.client.get(path, params=own, headers=owner).json()["items"]) == 1
    then = front.client.get(path, params=own | before, headers=owner)
    assert then.json()["items"] == []
    assert then.headers["x-log-position"] == before["at"]
