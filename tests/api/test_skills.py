"""Skills over HTTP: written, uploaded, brought by a sync, approved, recalled."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from tests.api.front import Front
from tests.domain.test_archives import gzipped, tarred, zipped
from tests.domain.test_skill_markdown import LIST, TEXT

URL = "/api/skill"
OURS: dict[str, Any] = {
    "name": "notes",
    "description": "Writes notes.",
    "kind": "prompt",
    "definition": {"template": "Write ${what}.", "variables": ["what"]},
    "skill_type": "git-github",
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


def synced(front: Front, headers: dict[str, str], **fields: object) -> dict[str, Any]:
    answer = front.client.post(f"{URL}/sync", json=fields, headers=headers)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def in_base64(archive: bytes) -> str:
    return b64encode(archive).decode()


def test_a_skill_is_written_read_and_listed(either: Front) -> None:
    me = either.someone()
    own = made(either, me, version="1.0")
    assert (own["status"], own["kind"], own["version_label"]) == (
        "approved",
        "prompt",
        "1.0",
    )
    assert (own["definition"], own["files"]) == (OURS["definition"], [])
    assert len(own["content_hash"]) == 64
    url = f"{URL}/{own['id']}"
    shown = either.client.get(url, params={"locale": "zh"}, headers=me).json()
    assert shown == own | {"skill_type_name": "Git 与 GitHub"}
    (row,) = listed(either, me)
    assert row["content_hash"] == own["content_hash"]
    assert listed(either, either.someone()) == []
    assert either.client.get(url, headers=either.someone()).status_code == 404
    taken = either.client.post(URL, json=OURS, headers=me)
    assert (taken.status_code, taken.json()["code"]) == (409, "skill-exists")


def test_other_content_makes_a_version_and_the_old_one_can_be_read(either: Front) -> None:
    me = either.someone()
    own = made(either, me)
    url = f"{URL}/{own['id']}"
    body = {"kind": "prompt", "definition": {"template": "Other."}, "version": "2"}
    stale = either.client.put(url, json=body, headers=me | {"If-Match": '"9"'})
    assert stale.status_code == 412
    changed = either.client.put(url, json=body, headers=me | {"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert [one["number"] for one in changed.json()["versions"]] == [1, 2]
    assert changed.json()["name"] == "notes"
    again = either.client.put(url, json=body, headers=me)
    assert again.headers["etag"] == '"2"'
    first = either.client.get(url, params={"version": "1"}, headers=me).json()
    assert first["definition"] == OURS["definition"]
    assert first["content_hash"] == own["content_hash"]
    none = either.client.get(url, params={"version": "3"}, headers=me)
    assert none.status_code == 404
    assert either.client.delete(url, headers=either.someone()).status_code == 404
    assert either.client.delete(url, headers=me).status_code == 204
    assert either.client.get(url, headers=me).status_code == 404


@pytest.mark.parametrize("pack", [zipped, tarred, gzipped])
def test_a_folder_is_uploaded_as_an_archive(front: Front, pack: Any) -> None:
    me = front.someone()
    archive = in_base64(pack({"release-notes/SKILL.md": TEXT, "release-notes/a.sh": b"x"}))
    half = len(archive) // 2
    for given in (archive, [archive[:half], archive[half:]]):
        answer = front.client.post(URL, json={"archive": given}, headers=me)
        assert answer.status_code == 201, answer.text
        own = answer.json()
        assert (own["name"], own["version_label"]) == ("release-notes", "1.2.0")
        assert (own["kind"], own["definition"]) == ("markdown", TEXT.decode())
        assert [(one["path"], one["size"]) for one in own["files"]] == [("a.sh", 1)]
        front.client.delete(f"{URL}/{own['id']}", headers=me)


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"archive": "%%"}, "archive", "not-base64"),
        ({"archive": in_base64(b"no archive")}, "archive", "damaged"),
        (
            {"archive": in_base64(zipped({"../SKILL.md": TEXT}))},
            "archive",
            "path-not-allowed",
        ),
        ({"archive": in_base64(zipped({"README.md": TEXT}))}, "archive", "no-skill"),
        (
            {"archive": in_base64(zipped({"a/SKILL.md": TEXT, "b/SKILL.md": TEXT}))},
            "archive",
            "several-skills",
        ),
        ({"archive": in_base64(zipped({"a": bytes(2**23)}))}, "archive", "too-large"),
        ({"name": "x"}, "definition", "missing"),
        ({"name": "x", "definition": {"template": "x"}}, "kind", "missing"),
        (OURS | {"archive": "QUJD"}, "archive", "not-with-a-definition"),
        (OURS | {"skill_type": "odd"}, "skill_type", "unknown-skill-type"),
        (OURS | {"kind": "tool"}, "definition.name", "not-a-name"),
        (OURS | {"name": "../x"}, "name", "string-pattern-mismatch"),
        (OURS | {"description": "a\nb"}, "description", "string-pattern-mismatch"),
    ],
)
def test_what_cannot_be_a_skill_is_refused(
    front: Front, fields: dict[str, Any], field: str, code: str
) -> None:
    me = front.someone()
    answer = front.client.post(URL, json=fields, headers=me)
    assert answer.status_code == 422, answer.text
    assert {"field": field, "code": code} in answer.json()["errors"]
    assert listed(front, me) == []


def test_what_a_sync_brings_waits_for_a_person(either: Front) -> None:
    me = either.someone()
    archive = in_base64(zipped({"a/SKILL.md": TEXT, "b/SKILL.md": b"# B\nDo b."}))
    said = synced(either, me, source="folder", archive=archive)
    assert (said["added"], said["removed"]) == (["release-notes", "b"], [])
    first, *_ = either.client.get(f"{URL}/sync", headers=me).json()["items"]
    assert first == said
    rows = listed(either, me, status="pending")
    assert {one["name"] for one in rows} == {"release-notes", "b"}
    row = next(one for one in rows if one["name"] == "b")
    assert row["provenance"]["source"] == "folder"
    url = f"{URL}/{row['id']}/approve"
    wrong = either.client.post(url, json={"content_hash": "0" * 64}, headers=me)
    assert (wrong.status_code, wrong.json()["code"]) == (409, "other-content")
    seen = {"content_hash": row["content_hash"]}
    theirs = either.client.post(url, json=seen, headers=either.someone())
    assert theirs.status_code == 404
    approved = either.client.post(url, json=seen, headers=me)
    assert (approved.status_code, approved.json()["status"]) == (200, "approved")
    again = synced(either, me, source="folder", archive=archive)
    assert (again["added"], again["unchanged"]) == ([], 2)
    fewer = in_base64(zipped({"b/SKILL.md": b"# B\nDo more."}))
    third = synced(either, me, source="folder", archive=fewer)
    assert (third["changed"], third["removed"]) == (["b"], ["release-notes"])
    assert len(listed(either, me, status="pending")) == 2


def test_a_recall_is_for_the_content_and_for_ever(either: Front) -> None:
    me = either.someone()
    own = made(either, me)
    recall = {"content_hash": own["content_hash"], "reason": "It leaks."}
    answer = either.client.post(f"{URL}/recall", json=recall, headers=me)
    assert answer.status_code == 200, answer.text
    assert answer.json() == recall | {"skills": [own["id"]]}
    again = either.client.post(
        f"{URL}/recall", json=recall | {"reason": "Later."}, headers=me
    )
    assert again.json()["reason"] == "It leaks."
    shown = either.client.get(f"{URL}/{own['id']}", headers=me).json()
    assert shown["status"] == "recalled"
    assert shown["versions"][0]["recall_reason"] == "It leaks."
    assert listed(either, me, status="approved") == []
    back = either.client.post(URL, json=OURS | {"name": "again"}, headers=me)
    assert (back.status_code, back.json()["code"]) == (409, "skill-is-recalled")
    theirs = either.someone()
    assert made(either, theirs)["status"] == "approved"
    history = either.client.get("/api/audit/events", params={}, headers=me)
    assert history.status_code == 200


def test_a_list_names_skills_that_have_no_content_yet(front: Front) -> None:
    me = front.someone()
    half = len(LIST) // 2
    said = synced(front, me, source="openclaw-list", document=[LIST[:half], LIST[half:]])
    assert said["added"] == ["notes", "x"]
    rows = listed(front, me, status="listed", skill_type="git-github")
    assert [(one["name"], one["provenance"]["owner"]) for one in rows] == [("notes", "ada")]
    assert rows[0]["content_hash"] is None
    approval = {"content_hash": "0" * 64}
    url = f"{URL}/{rows[0]['id']}/approve"
    refused = front.client.post(url, json=approval, headers=me)
    assert (refused.status_code, refused.json()["code"]) == (409, "skill-has-no-content")
    part = synced(
        front, front.someone(), source="openclaw-list", document=LIST, slugs=["x"]
    )
    assert part["added"] == ["x"]


@pytest.mark.parametrize(
    "fields",
    [
        {"source": "folder"},
        {"source": "folder", "archive": "QUJD", "url": "https://example.com"},
        {"source": "own", "archive": "QUJD"},
        {"source": "registry"},
        {"source": "registry", "url": "https://example.com"},
        {"source": "registry", "url": "https://10.0.0.1", "slugs": ["a/b"]},
        {"source": "registry", "url": "http://example.com", "slugs": ["a/b"]},
        {"source": "registry", "url": "https://example.com", "slugs": ["../b"]},
        {"source": "openclaw-list"},
        {"source": "openclaw-list", "document": "# Nothing"},
        {"source": "openclaw-list", "url": "file:///etc/passwd"},
        {"source": "openclaw-list", "url": "https://127.0.0.1/README.md"},
        {"source": "folder", "path": "/etc"},
    ],
)
def test_a_sync_reads_nothing_that_it_should_not(
    front: Front, fields: dict[str, Any]
) -> None:
    me = front.someone()
    answer = front.client.post(f"{URL}/sync", json=fields, headers=me)
    assert answer.status_code == 422, answer.text
    assert front.client.get(f"{URL}/sync", headers=me).json()["items"] == []


def test_the_skill_types_are_told_in_order(front: Front) -> None:
    me = front.someone()
    answer = front.client.get(f"{URL}/type", params={"locale": "zh"}, headers=me)
    types = answer.json()["items"]
    assert len(types) == 32
    assert (types[0]["slug"], types[0]["name"]) == ("coding-agents", "编程智能体与开发环境")


def test_skills_are_found_by_words_kind_and_page(front: Front) -> None:
    me = front.someone()
    for name in ("a", "b", "c"):
        made(front, me, name=name, description=f"Does {name}.")
    assert [one["name"] for one in listed(front, me, q="does B")] == ["b"]
    assert listed(front, me, kind="tool") == []
    assert listed(front, me, source="built-in") == []
    first = front.client.get(URL, params={"limit": "2"}, headers=me).json()
    query = {"limit": "2", "cursor": first["next_cursor"]}
    second = front.client.get(URL, params=query, headers=me).json()
    assert first["items"] + second["items"] == listed(front, me)


def test_the_same_request_twice_is_carried_out_once(front: Front) -> None:
    me = front.someone() | {"Idempotency-Key": "one"}
    answers = [front.client.post(URL, json=OURS, headers=me) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert len(listed(front, me)) == 1
