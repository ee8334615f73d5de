"""Webhooks over HTTP: what may be one, and that the secret is shown once."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from domain.webhooks import MOST_WEBHOOKS
from tests.api.front import Front

URL = "/api/webhook"
NEW = {"url": "https://hooks.example.com/ours/", "types": ["key.dead"], "label": "Ours"}


def add(front: Front, headers: dict[str, str], **fields: Any) -> Any:
    return front.client.post(URL, json=NEW | fields, headers=headers)


def test_the_secret_is_shown_once(either: Front) -> None:
    me = either.someone()
    answer = add(either, me)
    assert answer.status_code == 201, answer.text
    hook = answer.json()
    assert hook.pop("secret").startswith("whsec_")
    assert either.client.get(URL, headers=me).json()["items"] == [hook]
    assert (hook["url"], hook["disabled"]) == (NEW["url"], None)
    assert either.client.get(URL, headers=either.someone()).json()["items"] == []


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "https://127.0.0.1/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/",
        "https://2130706433/",
        "https://me:pw@example.com/",
        "https://example.com:8443/",
        "https://example.com/?to=x",
        "gopher://example.com/",
    ],
)
def test_where_nothing_may_be_posted(front: Front, url: str) -> None:
    me = front.someone()
    answer = add(front, me, url=url)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "url"
    assert front.client.get(URL, headers=me).json()["items"] == []


@pytest.mark.parametrize("types", [["rocket"], ["key.dead", "*"], "key.dead", [None]])
def test_which_types_there_are(front: Front, types: Any) -> None:
    assert add(front, front.someone(), types=types).status_code == 422


def test_a_team_has_at_most_fifty(front: Front) -> None:
    me = front.someone()
    for _ in range(MOST_WEBHOOKS):
        assert add(front, me).status_code == 201
    refused = add(front, me)
    assert (refused.status_code, refused.json()["code"]) == (409, "too-many-webhooks")


def test_what_is_removed_is_not_there(either: Front) -> None:
    me, other = either.someone(), either.someone()
    hook = add(either, me).json()
    url = f"{URL}/{hook['id']}"
    assert either.client.delete(url, headers=other).status_code == 404
    assert either.client.delete(url, headers=me).status_code == 204
    assert either.client.delete(url, headers=me).status_code == 404
    for path in (f"{url}/delivery", f"{URL}/{uuid4()}/delivery"):
        assert either.client.get(path, headers=me).status_code == 404
