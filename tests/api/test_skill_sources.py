"""Skills from a registry and from a list's links: read from outside, pending until seen."""

from __future__ import annotations

import json
from typing import Any

from tests.api.front import Front
from tests.domain.test_archives import zipped
from tests.domain.test_skill_markdown import TEXT
from tests.file_server import FileServer, serving

URL = "/api/skill"
ABOUT = {
    "skill": {"slug": "notes", "summary": "Notes."},
    "owner": {"handle": "ada"},
    "latestVersion": {"version": "1.2.0"},
}
REGISTRY = {
    "/api/v1/skills/notes?ownerHandle=ada": json.dumps(ABOUT).encode(),
    "/api/v1/download?slug=notes&version=1.2.0&ownerHandle=ada": zipped(
        {"SKILL.md": TEXT, "run.sh": b"x"}
    ),
}


def allowing(front: Front, server: FileServer) -> None:
    """The operator lets users ask that server."""
    front.system.egress_allow = (server.url,)


def synced(front: Front, headers: dict[str, str], **fields: object) -> Any:
    return front.client.post(f"{URL}/sync", json=fields, headers=headers)


def test_a_skill_of_a_registry_comes_with_where_it_is_from(front: Front) -> None:
    me = front.someone()
    with serving(REGISTRY) as server:
        allowing(front, server)
        new = {"source": "registry", "url": server.url, "slugs": ["ada/notes"]}
        said = synced(front, me, **new)
        assert said.status_code == 201, said.text
        assert said.json()["added"] == ["notes"]
        (row,) = front.client.get(URL, headers=me).json()["items"]
        assert (row["status"], row["version_label"]) == ("pending", "1.2.0")
        where = row["provenance"]
        assert (where["owner"], where["slug"], where["version"]) == (
            "ada",
            "notes",
            "1.2.0",
        )
        assert (where["origin"], len(where["digest"])) == (server.url, 64)
        again = synced(front, me, **new).json()
        assert (again["added"], again["unchanged"]) == ([], 1)
        other = synced(front, me, **(new | {"slugs": ["bob/other"]}))
        assert other.status_code == 503
        assert len(server.asked) == 5


def test_what_is_no_registry_is_refused(front: Front) -> None:
    me = front.someone()
    with serving({"/api/v1/skills/notes": b"<html>"}) as server:
        allowing(front, server)
        answer = synced(front, me, source="registry", url=server.url, slugs=["notes"])
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "url", "code": "not-a-registry"}]


def test_the_content_of_a_listed_skill_is_fetched_seen_and_approved(front: Front) -> None:
    me = front.someone()
    with serving({"/skills/ada/notes/SKILL.md": TEXT}) as server:
        allowing(front, server)
        document = f"- [notes]({server.url}/skills/ada/notes/SKILL.md) - Notes."
        said = synced(front, me, source="openclaw-list", document=document)
        assert said.json()["added"] == ["notes"]
        (row,) = front.client.get(URL, headers=me).json()["items"]
        url = f"{URL}/{row['id']}"
        theirs = front.client.post(f"{url}/fetch", headers=front.someone())
        assert (theirs.status_code, server.asked) == (404, [])
        fetched = front.client.post(f"{url}/fetch", headers=me).json()
        assert (fetched["status"], fetched["definition"]) == ("pending", TEXT.decode())
        seen = {"content_hash": fetched["content_hash"]}
        approved = front.client.post(f"{url}/approve", json=seen, headers=me).json()
        assert approved["status"] == "approved"
        again = front.client.post(f"{url}/fetch", headers=me).json()
        assert (again["status"], len(again["versions"])) == ("approved", 1)
        front.system.egress_allow = ()
        refused = front.client.post(f"{url}/fetch", headers=me)
        assert refused.json()["errors"] == [{"field": "url", "code": "url-not-allowed"}]
    own = {"name": "own", "kind": "markdown", "definition": "# Own"}
    made = front.client.post(URL, json=own, headers=me).json()
    none = front.client.post(f"{URL}/{made['id']}/fetch", headers=me)
    assert (none.status_code, none.json()["code"]) == (409, "skill-has-no-content")
