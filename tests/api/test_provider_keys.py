"""Provider keys over HTTP: what comes in is never seen again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.front import Front
from tests.api.system import LOCAL

CANARY = "sk-canary-0123456789-WXYZ"


def added(front: Front, headers: dict[str, str], **fields: object) -> dict[str, Any]:
    new = {"vendor": "openai", "label": "Main", "secret": CANARY} | fields
    answer = front.client.post("/api/provider-key", json=new, headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.headers["etag"] == '"1"'
    body: dict[str, Any] = answer.json()
    return body


def test_a_key_is_shown_without_its_secret(either: Front) -> None:
    me = either.someone()
    key = added(either, me, tags=["cheap"], models=["m"], allow_paths="all")
    assert key == {
        "id": key["id"],
        "vendor": "openai",
        "label": "Main",
        "tags": ["cheap"],
        "models": ["m"],
        "allow_paths": "all",
        "base_url": None,
        "last4": "WXYZ",
        "status": "active",
        "cooling_until": None,
        "verdict": None,
        "checked_at": None,
        "created_at": key["created_at"],
        "version": 1,
    }
    either.system.pump()
    assert either.client.get(f"/api/provider-key/{key['id']}", headers=me).json() == key
    listed = either.client.get("/api/provider-key", headers=me)
    assert listed.json() == {"items": [key], "next_cursor": None}
    audited = either.client.get("/api/audit/events", headers=me)
    for answer in (listed, audited):
        assert CANARY[:-4] not in answer.text


def test_a_key_is_edited_checked_and_removed(either: Front) -> None:
    me = either.someone()
    url = f"/api/provider-key/{added(either, me)['id']}"
    edited = either.client.patch(url, json={"label": "Other"}, headers=me)
    assert (edited.json()["label"], edited.json()["version"]) == ("Other", 2)
    late = either.client.patch(url, json={"label": "X"}, headers=me | {"If-Match": '"1"'})
    assert late.status_code == 412
    checked = either.client.post(f"{url}/check", headers=me)
    assert (checked.status_code, checked.json()["version"]) == (202, 3)
    again = either.client.post(f"{url}/check", headers=me)
    assert (again.status_code, again.json()["version"]) == (202, 3)
    removed = either.client.delete(url, headers=me)
    assert removed.status_code == 204
    assert removed.headers["x-log-position"] == f"fleet={either.system.fleet.head()}"
    for method, path in (("GET", url), ("DELETE", url), ("POST", f"{url}/check")):
        assert either.client.request(method, path, headers=me).status_code == 404


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"vendor": "nobody"}, "vendor", "unknown-vendor"),
        ({"vendor": "custom"}, "base_url", "missing"),
        ({"base_url": "http://api.example.com"}, "base_url", "url-not-allowed"),
        ({"base_url": "https://127.0.0.1"}, "base_url", "url-not-allowed"),
        ({"base_url": "https://10.0.0.1/v1"}, "base_url", "url-not-allowed"),
        ({"base_url": "https://[::1]"}, "base_url", "url-not-allowed"),
        ({"base_url": "https://api.example.com:8443"}, "base_url", "url-not-allowed"),
        ({"base_url": "https://u:p@api.example.com"}, "base_url", "url-not-allowed"),
        ({"base_url": f"{LOCAL}0"}, "base_url", "url-not-allowed"),
        ({"base_url": "nonsense"}, "base_url", "url-not-allowed"),
        ({"secret": ""}, "secret", "too-short"),
        ({"secret": "x" * 4097}, "secret", "too-long"),
        ({"secret": f"{CANARY} "}, "secret", "not-visible-ascii"),
        ({"secret": f"{CANARY}é"}, "secret", "not-visible-ascii"),
        ({"secret": f"{CANARY}\r\nX: y"}, "secret", "not-visible-ascii"),
        ({"secret": 7}, "secret", "string-type"),
        ({"allow_paths": "some"}, "allow_paths", "literal-error"),
        ({"label": ""}, "label", "string-too-short"),
        ({"models": [""]}, "models.0", "string-too-short"),
        ({"status": "active"}, "status", "unknown-field"),
    ],
)
def test_what_no_key_can_be_names_the_field_and_not_the_value(
    front: Front, fields: dict[str, object], field: str, code: str
) -> None:
    new = {"vendor": "openai", "label": "Main", "secret": CANARY} | fields
    answer = front.client.post("/api/provider-key", json=new, headers=front.someone())
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": field, "code": code}]
    assert CANARY not in answer.text
    assert str(fields.get("base_url", "canary")) not in answer.text


def test_a_private_address_is_taken_where_the_operator_lists_it(front: Front) -> None:
    me = front.someone()
    key = added(front, me, vendor="custom", base_url=f"{LOCAL}/v1")
    assert key["base_url"] == f"{LOCAL}/v1"
    stream = front.client.get(f"/api/audit/stream/provider_key/{key['id']}", headers=me)
    assert stream.json()["items"][0]["event"]["origin"] == LOCAL


def test_an_alias_becomes_the_vendors_id(front: Front) -> None:
    alias = next(
        (name, vendor.id)
        for vendor in front.system.catalog.all()
        for name in vendor.aliases
    )
    me = front.someone()
    key = added(front, me, vendor=alias[0], base_url="https://api.example.com")
    assert key["vendor"] == alias[1]


@pytest.mark.parametrize("field", ["secret", "base_url", "vendor"])
def test_what_a_secret_is_bound_to_does_not_change(front: Front, field: str) -> None:
    me = front.someone()
    url = f"/api/provider-key/{added(front, me)['id']}"
    answer = front.client.patch(url, json={field: "x"}, headers=me)
    assert answer.json()["errors"] == [{"field": field, "code": "unknown-field"}]


def test_a_bot_may_use_its_own_teams_keys_only(either: Front) -> None:
    me, other = either.someone(), either.someone()
    mine, theirs = added(either, me), added(either, other)
    new = {"name": "Ada", "hostname": "ada-1"}
    for key, status in ((mine, 201), (theirs, 422)):
        link = [{"provider_key_id": key["id"]}]
        answer = either.client.post(
            "/api/bot",
            json=new | {"providers": link, "hostname": f"ada-{status}"},
            headers=me,
        )
        assert answer.status_code == status


def test_the_catalog_is_shown(front: Front) -> None:
    me = front.someone()
    vendors = front.client.get("/api/vendor", headers=me).json()["items"]
    assert {"openai", "anthropic", "google", "custom"} <= {one["id"] for one in vendors}
    one = front.client.get("/api/vendor/openai", headers=me).json()
    assert one in vendors
    absent = front.client.get("/api/vendor/nobody", headers=me)
    assert (absent.status_code, absent.json()["code"]) == (404, "unknown-vendor")
