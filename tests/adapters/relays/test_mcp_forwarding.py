"""A plugin that runs elsewhere is asked with the credential that the bot has not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import UUID

import httpx2
import pytest

from domain.mcp import SESSION
from tests.adapters.relays.channels import Asked, Little, Said, little
from tests.adapters.relays.mcps import Caller, McpDoor, mcp_door

TOKEN = "a-token-of-the-plugin"
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


class Elsewhere:
    """An MCP server over HTTP that says what a test wants."""

    def __init__(self) -> None:
        self.said = Said(
            body=b'{"jsonrpc":"2.0","id":1,"result":{}}',
            headers={
                "content-type": "application/json",
                SESSION: "s-1",
                "set-cookie": "a=1",
            },
        )

    def __call__(self, _asked: Asked) -> Said:
        return self.said


@pytest.fixture
def elsewhere() -> Elsewhere:
    return Elsewhere()


@pytest.fixture
def server(elsewhere: Elsewhere) -> Iterator[Little]:
    with little(elsewhere) as server:
        yield server


@pytest.fixture
def door(server: Little) -> Iterator[McpDoor]:
    with mcp_door(allow=(server.url,)) as door:
        door.scripted.url = f"{server.url}/some/mcp"
        door.scripted.headers = {"Authorization": f"Bearer {TOKEN}"}
        yield door


@pytest.fixture
def bot(door: McpDoor) -> UUID:
    bot = door.fleet.bot()
    door.plugin(bot, transport="http")
    return bot


@pytest.fixture
def caller(door: McpDoor, bot: UUID) -> Caller:
    return door.caller(bot)


def test_the_credential_is_put_in_and_only_the_protocols_headers_pass(
    caller: Caller, server: Little
) -> None:
    caller.session = "s-1"
    answer = caller.post(PING, cookie="b=2", mcp_protocol_version="2025-06-18")
    assert (answer.status_code, answer.json()["id"]) == (200, 1)
    assert answer.headers[SESSION] == "s-1"
    assert "set-cookie" not in answer.headers
    (asked,) = server.asked
    assert (asked.method, asked.target) == ("POST", "/some/mcp")
    assert json.loads(asked.body) == PING
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    assert asked.headers[SESSION] == "s-1"
    assert asked.headers["mcp-protocol-version"] == "2025-06-18"
    assert "cookie" not in asked.headers


def test_a_stream_passes_as_it_comes_and_without_the_token(
    caller: Caller, elsewhere: Elsewhere
) -> None:
    def events() -> Iterator[bytes]:
        for nth in range(3):
            yield f"data: {nth} Bearer {TOKEN}\n\n".encode()

    elsewhere.said = Said(body=events(), headers={"content-type": "text/event-stream"})
    answer = caller.door.http.get(caller.url, headers=caller.headers())
    stars = "*" * len(f"Bearer {TOKEN}")
    assert answer.text == "".join(f"data: {nth} {stars}\n\n" for nth in range(3))


def test_no_header_brings_the_token_to_the_bot(
    caller: Caller, door: McpDoor, elsewhere: Elsewhere
) -> None:
    door.scripted.headers["x-empty"] = ""
    elsewhere.said = Said(body=b"{}", headers={"allow": TOKEN, SESSION: f"s-{TOKEN}"})
    answer = caller.post(PING)
    stars = "*" * len(TOKEN)
    assert (answer.headers["allow"], answer.headers[SESSION]) == (stars, f"s-{stars}")


def test_the_end_of_a_session_is_passed_on(caller: Caller, server: Little) -> None:
    caller.door.http.delete(caller.url, headers=caller.headers())
    assert server.asked[0].method == "DELETE"


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        (Said(401), 409, "upstream-refused-credential"),
        (Said(403), 409, "upstream-refused-credential"),
        (Said(302, b"", {"location": "http://127.0.0.1:9"}), 502, "upstream-unreachable"),
        (Said(200, b"x", {"content-encoding": "br"}), 502, "upstream-unreachable"),
    ],
)
def test_what_a_bot_must_not_act_on_becomes_an_error_of_ours(
    caller: Caller, elsewhere: Elsewhere, said: Said, status: int, code: str
) -> None:
    elsewhere.said = said
    answer = caller.post(PING)
    assert answer.status_code == status
    assert answer.json()["error"]["data"]["code"] == code
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("http://127.0.0.1:9/", 422),
        ("https://127.0.0.1/mcp", 422),
        ("https://localhost/mcp", 502),
        ("https://user@example.com/", 422),
        ("file:///etc/passwd", 422),
    ],
)
def test_an_address_inside_is_not_asked(
    door: McpDoor, caller: Caller, server: Little, url: str, status: int
) -> None:
    door.scripted.url = url
    assert caller.post(PING).status_code == status
    assert server.asked == []


def test_a_body_that_is_too_large_goes_nowhere(caller: Caller, server: Little) -> None:
    assert caller.post(bytes(4 * 1024 * 1024 + 1)).status_code == 413
    assert server.asked == []


def test_a_bot_that_leaves_frees_its_place(caller: Caller, elsewhere: Elsewhere) -> None:
    def silent() -> Iterator[bytes]:
        while True:
            yield b": \n\n"

    elsewhere.said = Said(body=silent(), headers={"content-type": "text/event-stream"})
    for _ in range(40):  # more than may be under way at once
        with caller.door.http.stream("GET", caller.url, headers=caller.headers()) as answer:
            assert answer.status_code == 200
            assert next(answer.iter_raw())
    elsewhere.said = Said(body=b"{}", headers={"content-type": "application/json"})
    assert caller.post(PING).status_code == 200


def test_nobody_there_is_told(door: McpDoor, caller: Caller, free_port: int) -> None:
    away = f"http://127.0.0.1:{free_port}"
    with mcp_door(allow=(away,)) as other:
        other.scripted.url = away
        bot = other.fleet.bot()
        other.plugin(bot, transport="http")
        answer: httpx2.Response = other.caller(bot).post(PING)
    assert (answer.status_code, answer.headers["retry-after"]) == (502, "5")
    assert caller.post(PING).status_code == 200
    assert door.scripted.starts == 0
