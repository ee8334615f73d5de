"""What a proxy by itself says to everything that is not a call."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from proxy.alone import alone


def said(path: str, *, current: bool) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=alone(lambda: current))
        async with httpx.AsyncClient(transport=transport, base_url="http://p") as client:
            return await client.get(path)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("path", "current", "status", "words"),
    [
        ("/health", False, 200, "ok"),
        ("/health/ready", True, 200, "ready"),
        ("/health/ready", False, 503, "not-ready"),
    ],
)
def test_it_says_whether_it_lives_and_whether_it_would_serve_calls(
    path: str,
    current: bool,  # noqa: FBT001
    status: int,
    words: str,
) -> None:
    answer = said(path, current=current)
    assert (answer.status_code, answer.json()) == (status, {"status": words})


@pytest.mark.parametrize("path", ["/", "/api/bot", "/api/v1", "/healthy"])
def test_all_else_is_a_problem_that_can_be_named(path: str) -> None:
    answer = said(path, current=True)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (404, "not-found")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == problem["request_id"]
