"""Who may see the numbers of a process."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from proxy.incoming import Message, Receive, Scope, Send
from proxy.metrics import may_see, with_metrics

HERE, THERE = ("127.0.0.1", 50_000), ("192.0.2.7", 50_000)
TOKEN = "a token of metrics"
BEARER = (b"authorization", b"Bearer a token of metrics")


class Three:
    """Plays `Numbers`."""

    async def text(self) -> bytes:
        return b"x_total 3\n"


async def nothing_here(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def asked(
    *headers: tuple[bytes, bytes],
    client: Any = HERE,
    token: str | None = None,
    **other: Any,
) -> tuple[int, bytes]:
    """The answer's status and body."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http",
        "method": "GET",
        "raw_path": b"/metrics",
        "headers": list(headers),
        "client": client,
    }
    page = with_metrics(nothing_here, Three(), token=token)

    async def ask() -> None:
        await page(scope | other, receive, send)

    asyncio.run(ask())
    return sent[0]["status"], sent[1]["body"]


def test_this_machine_sees_them() -> None:
    assert asked() == (200, b"x_total 3\n")


@pytest.mark.parametrize("host", ["127.8.9.1", "::1", "::ffff:127.0.0.1"])
def test_every_loopback_address_is_this_machine(host: str) -> None:
    assert may_see((host, 1), [], None)


@pytest.mark.parametrize(
    "client",
    [THERE, ("::ffff:192.0.2.7", 1), ("10.0.0.1", 1), ("", 1), ("testclient", 1), None],
)
def test_anybody_else_sees_nothing_without_a_token(client: Any) -> None:
    assert asked(client=client) == (404, b"")
    assert asked(client=client, token=TOKEN) == (404, b"")
    assert asked(BEARER, client=client) == (404, b"")  # there is no token to know


def test_whoever_has_the_token_sees_them_from_anywhere() -> None:
    assert asked(BEARER, client=THERE, token=TOKEN)[0] == 200
    lower = (b"authorization", b"bearer a token of metrics")
    assert asked(lower, client=THERE, token=TOKEN)[0] == 200


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"Bearer",
        b"Bearer ",
        b"Bearer a token of metric",
        b"Bearer a token of metrics!",
        b"Basic a token of metrics",
        b"a token of metrics",
        b"Bearer \xff\xfe",
    ],
)
def test_nothing_but_the_whole_token_will_do(value: bytes) -> None:
    assert asked((b"authorization", value), client=THERE, token=TOKEN)[0] == 404


@pytest.mark.parametrize("name", [b"x-forwarded-for", b"forwarded", b"x-real-ip", b"via"])
def test_what_a_reverse_proxy_passed_on_is_not_from_this_machine(name: bytes) -> None:
    passed = (name, b"127.0.0.1")
    assert asked(passed)[0] == 404
    assert asked(passed, BEARER, token=TOKEN)[0] == 200
    assert asked(BEARER, passed, token=TOKEN)[0] == 200


@pytest.mark.parametrize(
    "other",
    [{"raw_path": b"/metrics/"}, {"raw_path": b"/Metrics"}, {"method": "POST"}],
)
def test_nothing_else_is_theirs(other: dict[str, Any]) -> None:
    assert asked(**other)[0] == 404
