"""Writes with an Idempotency-Key: carried out once, whatever goes wrong in between."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from adapters.postgres.idempotency import PostgresIdempotency
from application.idempotency import Answer, Write
from domain.errors import Unavailable
from tests.api.front import PASSWORD, Front

NEW = {"name": "Ada", "hostname": "ada-1"}
KEY = {"Idempotency-Key": "key-1"}


def post(front: Front, headers: dict[str, str], **fields: str) -> Any:
    return front.client.post("/api/bot", json=NEW | fields, headers=headers)


def test_the_first_answer_is_given_again(either: Front) -> None:
    me = either.someone() | KEY
    first, again = post(either, me), post(either, me)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json(), "the token that was shown once, too"
    for name in ("etag", "x-log-position", "content-type"):
        assert first.headers[name] == again.headers[name]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert first.headers["x-request-id"] != again.headers["x-request-id"]


def test_another_request_under_the_same_key_is_refused(either: Front) -> None:
    me = either.someone() | KEY
    post(either, me)
    other = post(either, me, name="Eve")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")


def test_keys_of_others_and_of_other_writes_never_meet(either: Front) -> None:
    me, other = either.someone() | KEY, either.someone() | KEY
    assert post(either, me).json() != post(either, other).json()
    token = either.client.post("/api/bot/ada-1/token", json={}, headers=me)
    assert token.status_code == 200
    assert either.client.delete("/api/bot/ada-1", headers=me).status_code == 204
    assert either.client.delete("/api/bot/ada-1", headers=me).status_code == 204


def test_a_refusal_is_kept_and_a_conflict_may_be_tried_again(either: Front) -> None:
    me = either.someone()
    wrong = post(either, me | KEY, hostname="stats")
    again = post(either, me | KEY, hostname="stats")
    assert (wrong.status_code, again.status_code) == (422, 422)
    assert again.headers["idempotency-replayed"] == "true"
    post(either, me)
    conflict = {"Idempotency-Key": "key-2"}
    assert post(either, me | conflict).status_code == 409
    either.client.delete("/api/bot/ada-1", headers=me)
    assert post(either, me | conflict).status_code == 201


def test_a_lost_answer_to_a_refresh_is_given_again(either: Front) -> None:
    first = either.registered()
    given = {"refresh_token": first["refresh_token"]}
    url = "/api/auth/refresh"
    second = either.client.post(url, json=given, headers=KEY)
    again = either.client.post(url, json=given, headers=KEY)
    assert (again.status_code, again.json()) == (200, second.json())
    assert either.client.post(url, json=given).status_code == 401, "used without the key"


def test_a_refusal_that_was_recorded_is_kept(real: Front) -> None:
    first = real.registered()
    used = {"refresh_token": first["refresh_token"]}
    assert real.client.post("/api/auth/refresh", json=used).status_code == 200
    thief = [real.client.post("/api/auth/refresh", json=used, headers=KEY) for _ in "12"]
    assert [answer.status_code for answer in thief] == [401, 401]
    assert thief[1].headers["idempotency-replayed"] == "true"


def test_a_registration_of_two_units_of_work_is_one_write(either: Front) -> None:
    new = {"email": "ada@example.com", "password": PASSWORD, "name": "Ada"}
    url = "/api/auth/register"
    first = either.client.post(url, json=new, headers=KEY)
    again = either.client.post(url, json=new, headers=KEY)
    assert (first.status_code, again.json()) == (201, first.json())


@pytest.mark.parametrize("key", ["", "k" * 256, "a\tb", "é"])
def test_a_malformed_key_is_refused(front: Front, key: str) -> None:
    headers = {name.encode(): value.encode() for name, value in front.someone().items()}
    answer = front.client.post(
        "/api/bot", json=NEW, headers=headers | {b"Idempotency-Key": key.encode()}
    )
    assert answer.status_code == 400


def test_a_key_does_not_get_a_stranger_in(front: Front) -> None:
    post(front, front.someone() | KEY)
    assert post(front, KEY).status_code == 401
    assert post(front, KEY | {"Authorization": "Bearer x"}).status_code == 401


def test_many_at_once_are_carried_out_once(real: Front) -> None:
    me, gate = real.someone() | KEY, threading.Barrier(4)

    def asked(path: str, body: dict[str, str]) -> tuple[int, str]:
        gate.wait()
        answer = real.client.post(path, json=body, headers=me)
        return answer.status_code, answer.json().get("bot_token")

    for path, body, status in (("/api/bot", NEW, 201), ("/api/bot/ada-1/token", {}, 200)):
        with ThreadPoolExecutor(4) as threads:
            answers = set(threads.map(asked, [path] * 4, [body] * 4))
        ((told, token),) = answers  # the hostname that was taken is no conflict with itself
        assert (told, token[:4]) == (status, "cbt_")
    events = real.client.get("/api/bot/ada-1/events", headers=me).json()["items"]
    assert [one["type"] for one in events].count("bot.token_issued") == 2


def test_a_crash_after_the_commit_is_told_and_nothing_is_done_twice(
    real: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError

    me = real.someone() | KEY
    with monkeypatch.context() as patched:
        patched.setattr(PostgresIdempotency, "keep", broken)
        assert post(real, me).status_code == 500
    again = post(real, me)
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert "carried out" in again.json()["detail"]


def test_a_crash_before_the_commit_leaves_the_key_free(
    real: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise Unavailable

    me = real.someone() | KEY
    with monkeypatch.context() as patched:
        patched.setattr("adapters.postgres.idempotency._Record.write", away)
        assert post(real, me).status_code == 503
    assert real.client.get("/api/bot/ada-1", headers=me).status_code == 404
    assert post(real, me).status_code == 201


def test_an_answer_is_sent_even_if_it_cannot_be_kept(
    real: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise Unavailable

    monkeypatch.setattr(PostgresIdempotency, "keep", away)
    assert post(real, real.someone() | KEY).status_code == 201


def test_kept_answers_are_sealed_and_forgotten_after_a_day(
    real: Front, database_url: str
) -> None:
    me = real.someone() | KEY
    token = post(real, me).json()["bot_token"]
    with psycopg.connect(database_url) as admin:
        row = admin.execute("SELECT response::text, scope FROM idempotency").fetchone()
        assert row is not None
        assert token.encode().hex() not in row[0]
        admin.execute("UPDATE idempotency SET created_at = now() - interval '25 hours'")
    assert post(real, me).status_code == 409, "carried out again: the hostname is taken"
    real.client.delete("/api/bot/ada-1", headers=me)
    assert post(real, me).status_code == 201


def test_an_answer_moved_to_another_row_does_not_open(
    real: Front, database_url: str
) -> None:
    store = real.system.idempotency
    write = Write(scope="a", key="k", request_hash=b"h")
    with store.along(write) as carried:
        carried.keep(Answer(status=200, headers=(), body=b"secret"))
    assert store.find(write) == Answer(status=200, headers=(), body=b"secret")
    with psycopg.connect(database_url) as admin:
        admin.execute("UPDATE idempotency SET scope = 'b'")
    with pytest.raises(Unavailable):
        store.find(Write(scope="b", key="k", request_hash=b"h"))
