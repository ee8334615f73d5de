"""What is true of every answer, and which requests never reach a route."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.refusals import Malformed
from api.strict_json import parse
from tests.api.front import PASSWORD, Front
from tests.api.test_fleet_admin import an_operator

LOGIN = "/api/auth/login"
JSON = {"Content-Type": "application/json"}


def test_every_answer_is_named_and_not_to_be_stored(front: Front) -> None:
    for path in ("/health", "/nowhere", "/api/auth/me", "/api/openapi.json"):
        answer = front.client.get(path, headers={"X-Request-Id": "mine-1"})
        assert answer.headers["x-request-id"] == "mine-1"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("given_id", ["", "a" * 129, "a b", "a\tb", "é"])
def test_a_strange_request_id_is_replaced(front: Front, given_id: str) -> None:
    answer = front.client.get("/health", headers={b"X-Request-Id": given_id.encode()})
    assert len(answer.headers["x-request-id"]) == 36


def test_the_request_id_is_the_correlation_id_of_what_follows(front: Front) -> None:
    new = {"email": "a@example.com", "password": PASSWORD, "name": "Ada"}
    headers = {"X-Request-Id": "mine-1"}
    front.client.post("/api/auth/register", json=new, headers=headers)
    page = front.system.fleet.page(after=0, limit=100)
    assert {one.recorded.correlation_id for one in page.events} == {"mine-1"}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("GET", "/health/", 404, "not-found"),
        ("DELETE", "/health", 405, "invalid"),
        ("GET", LOGIN, 405, "invalid"),
        ("GET", "/api/auth/me", 401, "unauthenticated"),
        ("POST", LOGIN, 422, "invalid"),
    ],
)
def test_failures_are_problem_details(
    front: Front, method: str, path: str, status: int, code: str
) -> None:
    answer = front.client.request(method, path)
    problem = answer.json()
    assert answer.status_code == problem["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["code"] == code
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert {"type", "title", "detail"} <= problem.keys()


def test_a_bug_is_answered_without_its_insides(front: Front) -> None:
    headers = front.someone()
    del front.system.people
    answer = front.client.get("/api/auth/me", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "people" not in answer.text
    assert len(answer.headers["x-request-id"]) == 36


MALFORMED = [
    b"{",
    b"nope",
    b'{"email": "a", "email": "b"}',
    b'{"a": {"b": 1, "b": 1}}',
    b'{"a": NaN}',
    b'{"a": -Infinity}',
    b'{"a": 1e999}',
    b'{"a": "\\u0000"}',
    b'{"a\\u0000": 1}',
    b'{"a": "\\ud800"}',
    b'{"a": "\xff"}',
    b"\xef\xbb\xbf{}",
    b"[" * 33 + b"]" * 33,
    b"[" * 100_000,
    b"[" * 500_000 + b"]" * 500_000,
    b'{"a": ' + b"9" * 5000 + b"}",
    b'{"a": "' + b"x" * (64 * 1024 + 1) + b'"}',
    b"{" + b",".join(b'"%d": 1' % n for n in range(1001)) + b"}",
]


@pytest.mark.parametrize("body", MALFORMED, ids=range(len(MALFORMED)))
def test_what_is_not_plain_json_is_refused(front: Front, body: bytes) -> None:
    answer = front.client.post(LOGIN, content=body, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_json_within_the_limits_is_read() -> None:
    assert parse(b"[" * 32 + b"]" * 32)
    assert parse(b'"' + b"x" * (64 * 1024) + b'"')
    assert parse(b"{" + b",".join(b'"%d": 1' % n for n in range(1000)) + b"}")


@given(st.binary(max_size=200))
def test_any_bytes_are_json_or_refused(body: bytes) -> None:
    try:
        parse(body)
    except Malformed:
        return


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "application/json; charset=latin-1"}, 415),
        ({}, 415),
        (JSON | {"Content-Encoding": "gzip"}, 415),
        ({"Content-Type": 'application/json; charset="UTF-8"'}, 422),
        (JSON | {"Content-Encoding": "identity"}, 422),
    ],
)
def test_only_uncoded_json_is_taken(
    front: Front, headers: dict[str, str], status: int
) -> None:
    answer = front.client.post(LOGIN, content=b"{}", headers=headers)
    assert answer.status_code == status


def test_a_body_over_one_mebibyte_is_refused_announced_or_not(front: Front) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(17):
            yield b" " * 65536

    contents: list[Callable[[], object]] = [lambda: b" " * (1024 * 1024 + 1), chunks]
    for content in contents:
        answer = front.client.post(LOGIN, content=content(), headers=JSON)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")


def test_health_tells_whether_the_work_can_be_done_and_operators_why(front: Front) -> None:
    assert front.client.get("/health").json() == {"status": "ok"}
    assert front.client.head("/health").status_code == 200
    ready = front.client.get("/health/ready")
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
    operator, other = an_operator(front), front.someone()
    front.system.readiness.ready = False
    for headers in ({}, other, {"Authorization": "Bearer none"}):
        away = front.client.get("/health/ready", headers=headers)
        assert (away.status_code, away.json()) == (503, {"status": "not-ready"})
    assert front.client.head("/health/ready").status_code == 503
    away = front.client.get("/health/ready", headers=operator)
    assert away.json()["dependencies"] == [
        {"name": "database", "ready": False, "needed": True}
    ]
    assert away.json()["views"] == []
