"""A bot's plugin runs once, and several sessions share it without a mix-up."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import httpx2
import pytest

from domain.bot_events import BotPluginRemoved, BotQuarantined
from domain.mcp import SESSION
from tests.adapters.relays.mcps import Caller, McpDoor, mcp_door, messages_of


@pytest.fixture(scope="module")
def door() -> Iterator[McpDoor]:
    with mcp_door() as door:
        yield door


@pytest.fixture
def bot(door: McpDoor) -> UUID:
    bot_id = door.fleet.bot()
    door.plugin(bot_id)
    return bot_id


@pytest.fixture
def caller(door: McpDoor, bot: UUID) -> Caller:
    caller = door.caller(bot)
    assert caller.begin().status_code == 200
    return caller


def test_a_session_begins_with_what_the_server_says_of_itself(
    door: McpDoor, bot: UUID
) -> None:
    answer = door.caller(bot).begin()
    result = answer.json()["result"]
    assert result["serverInfo"] == {"name": "little", "version": "1"}
    assert result["protocolVersion"] == "2025-06-18"
    assert len(answer.headers[SESSION]) >= 32


@pytest.mark.parametrize(
    ("asked", "spoken"),
    [
        ("2024-11-05", "2024-11-05"),
        ("2025-11-25", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        (None, "2025-11-25"),
        (["2025-06-18"], "2025-11-25"),
    ],
)
def test_the_older_of_two_protocol_versions_is_spoken(
    door: McpDoor, bot: UUID, asked: object, spoken: str
) -> None:
    answer = door.caller(bot).request("initialize", protocolVersion=asked)
    assert answer.json()["result"]["protocolVersion"] == spoken


def test_a_tool_answers(caller: Caller) -> None:
    (tools,) = messages_of(caller.request("tools/list"))
    assert tools["result"]["tools"][0]["name"] == "echo"
    assert caller.tool("echo", text="hé\n\u2028 there") == "hé\n\u2028 there"
    assert messages_of(caller.request("no/such"))[0]["error"]["code"] == -32601


def test_sessions_of_a_bot_share_one_process_and_bots_do_not(
    door: McpDoor, bot: UUID, caller: Caller
) -> None:
    second = door.caller(bot)
    second.begin()
    neighbour = door.fleet.bot()
    door.plugin(neighbour)
    other = door.caller(neighbour)
    other.begin()
    assert caller.session != second.session
    assert caller.tool("pid") == second.tool("pid") != other.tool("pid")


def test_answers_find_who_asked_though_all_ask_under_the_same_number(
    door: McpDoor, bot: UUID
) -> None:
    callers = [door.caller(bot) for _ in range(8)]
    for one in callers:
        one.begin()

    def ask(nth: int) -> tuple[str, str]:
        callers[nth % 8].number = 41
        return str(nth), callers[nth % 8].tool("echo", text=str(nth))

    with ThreadPoolExecutor(8) as pool:
        for sent, got in pool.map(ask, range(64)):
            assert sent == got


def test_progress_is_told_to_who_asked_under_the_token_of_its_own(
    door: McpDoor, bot: UUID
) -> None:
    callers = [door.caller(bot), door.caller(bot)]

    def ask(caller: Caller) -> httpx2.Response:
        caller.begin()
        meta = {"progressToken": "mine"}
        return caller.request("tools/call", name="slow", arguments={}, _meta=meta)

    with ThreadPoolExecutor(2) as pool:
        for answer in pool.map(ask, callers):
            assert answer.headers["content-type"] == "text/event-stream"
            *steps, last = messages_of(answer)
            told = [step["params"] for step in steps]
            assert [one["progress"] for one in told] == [0, 1, 2]
            assert {one["progressToken"] for one in told} == {"mine"}
            assert last["result"]["content"][0]["text"] == "done"


def test_what_the_server_tells_everybody_is_heard_by_every_listener(
    door: McpDoor, bot: UUID, caller: Caller
) -> None:
    second = door.caller(bot)
    second.begin()
    heard: list[str] = []

    def listen(one: Caller) -> None:
        with door.http.stream("GET", one.url, headers=one.headers()) as answer:
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    heard.append(json.loads(line[6:])["method"])
                    return

    listeners = [threading.Thread(target=listen, args=(one,)) for one in (caller, second)]
    for one in listeners:
        one.start()
    time.sleep(0.3)
    caller.tool("tell")
    for one in listeners:
        one.join(5)
    assert heard == ["notifications/tools/list_changed"] * 2


def test_a_session_that_was_ended_is_no_more(door: McpDoor, caller: Caller) -> None:
    answer = door.http.delete(caller.url, headers=caller.headers())
    assert answer.status_code == 204
    assert caller.request("tools/list").status_code == 404


def test_sessions_are_the_bots_own(door: McpDoor, caller: Caller) -> None:
    neighbour = door.fleet.bot()
    door.plugin(neighbour)
    thief = door.caller(neighbour)
    thief.begin()
    thief.session = caller.session
    assert thief.request("tools/list").status_code == 404
    assert door.caller(neighbour, "other").begin().status_code == 404


def test_who_may_not_is_told_so_and_starts_nothing(door: McpDoor) -> None:
    bot = door.fleet.bot()
    inside = door.plugin(bot, "inside", inside=True)
    starts = door.scripted.starts
    assert door.caller(bot, "inside").begin().status_code == 404
    assert door.caller(bot, "absent").begin().status_code == 404
    assert door.caller(uuid4()).begin().status_code == 404
    foreign = {"authorization": door.pass_for(bot, uuid4())}
    url = f"{door.url}/mcp/inside"
    assert door.http.post(url, json={}, headers=foreign).status_code == 404
    door.plugin(bot)
    door.fleet.happened(bot, BotPluginRemoved(install_id=inside.id))
    door.fleet.happened(bot, BotQuarantined(reason="abuse"))
    refused = door.caller(bot).begin()
    assert refused.status_code == 403
    assert refused.json()["error"]["data"]["code"] == "bot-is-quarantined"
    assert door.scripted.starts == starts


@pytest.mark.parametrize(
    ("body", "more", "status"),
    [
        (b"", {}, 422),
        (b"[]", {}, 422),
        (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', {}, 422),
        (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', {}, 422),
        (b'{"jsonrpc":"2.0"}', {}, 422),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', {}, 422),
        (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', {}, 422),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}', {}, 422),
        (b'{"jsonrpc":"2.0","id":1,"method":7}', {}, 422),
        (b'{"a":' * 5000, {}, 422),
        (b"\xff\xfe", {}, 422),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping"}', {"content_type": "text/plain"}, 422),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping"}', {"origin": "http://a"}, 403),
        (
            b'{"jsonrpc":"2.0","id":1,"method":"ping"}',
            {"mcp_protocol_version": "1999-01-01"},
            422,
        ),
        (b" " * (4 * 1024 * 1024 + 1), {}, 413),
    ],
)
def test_odd_requests_are_refused_and_the_server_lives_on(
    caller: Caller, body: bytes, more: dict[str, str], status: int
) -> None:
    assert caller.post(body, **more).status_code == status
    assert caller.tool("echo", text="still here") == "still here"


def test_what_a_client_answers_or_notes_is_taken_and_not_passed_on(caller: Caller) -> None:
    assert caller.post({"jsonrpc": "2.0", "id": 1, "result": {}}).status_code == 202
    note = {"jsonrpc": "2.0", "method": "notifications/roots/list_changed"}
    assert caller.post(note).status_code == 202
    assert caller.tool("ask") == "asked"  # the server asks its client, which offers nothing
    assert caller.tool("echo", text="on") == "on"


def test_a_request_that_is_cancelled_ends(caller: Caller) -> None:
    answers: list[httpx2.Response] = []

    def ask() -> None:
        caller.number = 76
        answers.append(caller.request("tools/call", name="hang", arguments={}))

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.8)
    note = {"method": "notifications/cancelled", "params": {"requestId": 77}}
    assert caller.post({"jsonrpc": "2.0", **note}).status_code == 202
    asking.join(5)
    assert messages_of(answers[0])[-1]["error"]["data"]["code"] == "cancelled"


def test_who_leaves_has_given_its_request_up(door: McpDoor, bot: UUID) -> None:
    caller = door.caller(bot)
    caller.begin()
    for _ in range(40):  # more than may be under way at once
        with pytest.raises(httpx2.ReadTimeout):
            door.http.post(
                caller.url,
                json={
                    "jsonrpc": "2.0",
                    "id": 1,
                    "method": "tools/call",
                    "params": {"name": "slow", "arguments": {"steps": 30}},
                },
                headers=caller.headers(),
                timeout=0.02,
            )
    time.sleep(1)
    assert caller.tool("echo", text="free") == "free"
