"""Hostile addresses of webhooks: slow, redirecting, endless, inside."""

from __future__ import annotations

import time

import pytest

from adapters.webhook_post import WebhookPost
from tests.hook_server import Hooks, hooks


def post(server: Hooks, path: str = "/hook/") -> tuple[int | None, str | None]:
    attempt = WebhookPost(egress_allow=(server.url,), seconds=1.0).post(
        server.url + path, {"webhook-id": "x"}, b"{}"
    )
    assert attempt.ms < 3000
    return attempt.http_status, attempt.error


def test_the_body_and_the_headers_arrive_at_exactly_that_path() -> None:
    with hooks() as server:
        assert post(server) == (204, None)
        ((path, headers, body),) = server.posted
    assert (path, body, headers["webhook-id"]) == ("/hook/", b"{}", "x")
    assert headers["content-type"] == "application/json"


def test_a_redirect_is_not_followed() -> None:
    with hooks() as server, hooks() as inside:
        server.status, server.headers = 307, {"Location": inside.url}
        assert post(server) == (307, None)
        assert len(server.posted) == 1
        assert inside.posted == []


def test_an_answer_that_drips_is_given_up() -> None:
    with hooks() as server:
        server.drip_seconds = 0.1
        assert post(server) == (None, "upstream-timeout")


def test_an_answer_without_end_is_not_read() -> None:
    with hooks() as server:
        server.huge = True
        started = time.monotonic()
        assert post(server) == (204, None)
        assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://169.254.169.254/latest",
        "https://[::1]/",
        "https://localhost/",
        "http://example.com/",
        "file:///etc/passwd",
    ],
)
def test_nothing_inside_is_posted_to(url: str) -> None:
    attempt = WebhookPost(egress_allow=()).post(url, {}, b"{}")
    assert (attempt.http_status, attempt.error) == (None, "url-not-allowed")


def test_nobody_there_is_an_answer_too() -> None:
    with hooks() as server:
        url = server.url
    attempt = WebhookPost(egress_allow=(url,)).post(url, {}, b"{}")
    assert (attempt.http_status, attempt.error) == (None, "upstream-unreachable")
