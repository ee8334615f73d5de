"""Persona templates over HTTP: the built-in ones, and a team's own beside."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.front import Front

URL = "/api/persona-template"
OURS = {
    "name": "Captain",
    "emoji": "⚓",
    "category": "general",
    "soul": "# Soul\nYou sail.",
}


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


def test_the_built_in_templates_stand_beside_the_teams_own(either: Front) -> None:
    me = either.someone()
    own = made(either, me)
    assert (own["source"], own["read_only"], own["version"]) == ("team", False, "1")
    assert own["soul_preview"] == OURS["soul"]
    whole = listed(either, me)
    assert len(whole) == 14 + 1
    assert own in whole
    assert listed(either, me, source="team") == [own]
    assert listed(either, either.someone(), source="team") == []
    url = f"{URL}/{own['id']}"
    assert either.client.get(url, headers=me).json() == own
    assert either.client.get(url, headers=either.someone()).status_code == 404
    assert either.client.get(f"{URL}/scratch", headers=me).json()["soul"] == ""


def test_templates_are_found_by_category_and_words_in_every_language(front: Front) -> None:
    me = front.someone()
    business = listed(front, me, category="business", locale="zh-CN")
    assert {one["category_name"] for one in business} == {"商务"}
    assert len(business) == 3
    found = listed(front, me, q="编程")
    assert [one["id"] for one in found] == ["code-helper"]
    assert found[0]["name"] == "Code Helper"
    chinese = listed(front, me, q="code", locale="zh")[0]
    assert (chinese["name"], chinese["soul"].startswith("# 灵魂")) == ("编程助手", True)


def test_a_template_is_changed_and_removed_but_not_a_built_in_one(either: Front) -> None:
    me = either.someone()
    url = f"{URL}/{made(either, me)['id']}"
    body = OURS | {"tagline": "Knows the sea."}
    stale = either.client.put(url, json=body, headers=me | {"If-Match": '"9"'})
    assert stale.status_code == 412
    changed = either.client.put(url, json=body, headers=me | {"If-Match": '"1"'})
    assert changed.json()["soul_preview"] == "Knows the sea."
    assert changed.headers["etag"] == '"2"'
    assert either.client.put(url, json=body, headers=either.someone()).status_code == 404
    assert either.client.delete(url, headers=me).status_code == 204
    assert either.client.get(url, headers=me).status_code == 404
    for answer in (
        either.client.put(f"{URL}/code-helper", json=body, headers=me),
        either.client.delete(f"{URL}/scratch", headers=me),
    ):
        assert answer.json()["code"] == "built-in-is-read-only"


def test_a_copy_is_the_teams_own_in_the_language_of_who_asks(either: Front) -> None:
    me = either.someone()
    url = f"{URL}/code-helper/duplicate"
    copied = either.client.post(url, headers=me | {"Accept-Language": "zh-CN"})
    assert copied.status_code == 201, copied.text
    shown = copied.json()
    assert (shown["name"], shown["copied_from"]) == ("编程助手", "code-helper")
    assert shown["source"] == "team"
    again = either.client.post(
        f"{URL}/{shown['id']}/duplicate", json={"name": "Mine"}, headers=me
    )
    assert (again.json()["name"], again.json()["soul"]) == ("Mine", shown["soul"])
    theirs = either.client.post(f"{URL}/{shown['id']}/duplicate", headers=either.someone())
    assert theirs.status_code == 404
    empty = either.client.post(f"{URL}/scratch/duplicate", headers=me)
    assert empty.status_code == 404


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": "x" * 81},
        {"soul": "x" * 20_001},
        {"soul": "a\u202eb"},
        {"soul": "a\x07b"},
        {"tagline": "two\nlines"},
        {"category": "odd"},
        {"emoji": "🙂" * 6},
        {"owner": "me"},
    ],
)
def test_texts_that_no_bot_should_read_are_refused(
    front: Front, change: dict[str, str]
) -> None:
    answer = front.client.post(URL, json=OURS | change, headers=front.someone())
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == next(iter(change))
