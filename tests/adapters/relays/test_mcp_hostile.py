"""Servers that flood, hang, die, pry or fork are ended, and hurt nobody else."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.relays.mcp.sandbox import FIRST_UID, LIMITS
from adapters.relays.mcp.servers import ServerLimits
from tests.adapters.relays.mcps import Caller, McpDoor, mcp_door

QUICK = ServerLimits(
    servers=3, of_a_team=3, looks=0.2, idle=60, first_pause=0.2, longest_pause=0.4
)


@pytest.fixture
def door() -> Iterator[McpDoor]:
    limits = {**LIMITS, "DATA": 200 * 1024 * 1024}
    with mcp_door(limits=QUICK, sandbox_limits=limits) as door:
        yield door


def begun(door: McpDoor) -> Caller:
    bot = door.fleet.bot()
    door.plugin(bot)
    caller = door.caller(bot)
    answer = caller.begin()
    assert answer.status_code == 200, answer.text
    return caller


@pytest.mark.parametrize("deed", ["die", "flood", "endless", "garbage"])
def test_a_server_that_goes_wrong_ends_alone_and_is_started_anew(
    door: McpDoor, deed: str
) -> None:
    neighbour, caller = begun(door), begun(door)
    answer = caller.request("tools/call", name=deed, arguments={})
    assert answer.status_code in {200, 503}
    assert caller.request("tools/list").status_code == 404
    assert neighbour.tool("echo", text="well") == "well"
    time.sleep(0.5)
    assert caller.begin().status_code == 200
    assert caller.tool("echo", text="again") == "again"


def test_one_that_dies_at_once_is_left_alone_for_longer_and_longer(door: McpDoor) -> None:
    door.scripted.env["DIES"] = "1"
    bot = door.fleet.bot()
    door.plugin(bot)
    caller = door.caller(bot)
    codes = set()
    for _ in range(20):
        answer = caller.begin()
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        codes.add(answer.json()["error"]["data"]["code"])
    assert codes == {"plugin-ended", "plugin-is-failing"}
    assert door.scripted.starts <= 3


def test_one_that_speaks_another_language_is_not_used(door: McpDoor) -> None:
    door.scripted.env["SPEAKS"] = "1999-01-01"
    bot = door.fleet.bot()
    door.plugin(bot)
    assert door.caller(bot).begin().status_code == 503


def test_a_command_that_is_not_on_the_list_is_not_run(door: McpDoor) -> None:
    for command in ("sh", "/bin/sh", "../bin/python3", "bash", "env"):
        door.scripted.command = command
        bot = door.fleet.bot()
        door.plugin(bot)
        answer = door.caller(bot).begin()
        assert answer.status_code == 503
        assert answer.json()["error"]["data"]["code"] == "plugin-command-missing"


def test_the_environment_is_what_was_said_and_a_secret_does_not_come_back(
    door: McpDoor,
) -> None:
    os.environ["OF_THE_WORKER"] = "a master key"
    try:
        door.scripted.env["API_KEY"] = "sk-real-secret"
        door.scripted.secret_values = ("sk-real-secret",)
        said = begun(door).tool("environment")
    finally:
        del os.environ["OF_THE_WORKER"]
    assert "OF_THE_WORKER" not in said
    assert "a master key" not in said
    assert "API_KEY" in said
    assert "sk-real" not in said


def test_it_is_another_user_in_a_folder_of_its_own(door: McpDoor) -> None:
    one, other = begun(door), begun(door)
    uids, folders = set(), set()
    for caller in (one, other):
        uid, folder, files = caller.tool("who").split()
        uids.add(int(uid))
        folders.add(folder)
        assert int(files) <= 5
    assert len(folders) == 2
    if os.geteuid() == 0:
        assert len(uids) == 2
        assert min(uids) >= FIRST_UID
    for folder in folders:
        assert Path(folder).exists()


def test_it_can_read_and_write_nothing_of_others_and_signal_nobody(
    door: McpDoor,
) -> None:
    prying, neighbour = begun(door), begun(door)
    open_to_all = Path(door.scripted.script).parent.parent / f"open-{os.getpid()}"
    open_to_all.write_text("of somebody else")
    open_to_all.chmod(0o666)
    try:
        assert prying.tool("read", path=str(open_to_all)) == "PermissionError"
        assert prying.tool("write", path=str(open_to_all)) == "PermissionError"
    finally:
        open_to_all.unlink()
    pid = neighbour.tool("pid")
    for path in (f"/proc/{pid}/environ", f"/proc/{os.getpid()}/environ", "/etc/shadow"):
        assert prying.tool("read", path=path) == "PermissionError"
    assert prying.tool("write", path="/usr/x") == "PermissionError"
    assert prying.tool("signal", pid=int(pid)) == "PermissionError"
    assert prying.tool("signal", pid=os.getpid()) == "PermissionError"
    own = prying.tool("who").split()[1]
    assert prying.tool("write", path=f"{own}/mine") == "written"


def test_it_gets_no_more_memory_than_it_may_have(door: McpDoor) -> None:
    caller = begun(door)
    assert caller.tool("memory", mebibytes=50) == str(50 * 1024 * 1024)
    assert caller.tool("memory", mebibytes=500) == "MemoryError"


def test_what_it_has_started_ends_with_it() -> None:
    with mcp_door(limits=QUICK) as door:
        caller = begun(door)
        child = int(caller.tool("leave", apart=os.geteuid() == 0))
        folder = Path(caller.tool("who").split()[1])
        assert Path(f"/proc/{child}").exists()
    assert not Path(f"/proc/{child}/exe").exists()
    assert not folder.exists()


def test_two_managers_on_one_machine_do_not_share_a_user(door: McpDoor) -> None:
    with mcp_door(limits=QUICK) as other:
        here, there = begun(door), begun(other)
        uids = {one.tool("who").split()[0] for one in (here, there)}
        assert len(uids) == 2 or os.geteuid() != 0
    assert here.tool("echo", text="still here") == "still here"


def test_one_whose_bot_does_not_want_it_any_more_is_stopped(door: McpDoor) -> None:
    caller = begun(door)
    door.scripted.wanted = False
    until_running(door, 0)
    assert caller.request("tools/list").status_code == 404


def test_one_that_nobody_asks_is_stopped_and_one_that_works_is_not() -> None:
    limits = ServerLimits(looks=0.1, idle=0.6)
    with mcp_door(limits=limits) as door:
        idle, works = begun(door), begun(door)
        assert works.tool("slow", steps=4, seconds=0.4) == "done"
        assert idle.request("tools/list").status_code == 404
        until_running(door, 0)


def test_no_more_servers_run_than_may_and_the_idle_make_room(door: McpDoor) -> None:
    callers = [begun(door) for _ in range(5)]
    assert door.servers[0].running == 3
    assert callers[0].request("tools/list").status_code == 404
    assert callers[-1].tool("echo", text="newest") == "newest"
    hanging = [threading.Thread(target=one.tool, args=("hang",)) for one in callers[2:]]
    for one in hanging:
        one.start()
    time.sleep(0.8)
    bot = door.fleet.bot()
    door.plugin(bot)
    assert door.caller(bot).begin().status_code == 429
    door.scripted.wanted = False
    for one in hanging:
        one.join(10)


def test_a_slow_start_is_told_and_goes_on() -> None:
    with mcp_door(limits=ServerLimits(starting=0.3)) as door:
        door.scripted.env["SLEEPS"] = "1"
        bot = door.fleet.bot()
        door.plugin(bot)
        caller = door.caller(bot)
        assert caller.begin().json()["error"]["data"]["code"] == "plugin-is-starting"
        while (answer := caller.begin()).status_code == 503:
            time.sleep(0.1)
        assert answer.status_code == 200
        assert door.scripted.starts == 1


def test_thirty_two_requests_at_once_are_enough() -> None:
    with mcp_door(limits=QUICK) as door:
        caller = begun(door)
        hanging = [threading.Thread(target=caller.tool, args=("hang",)) for _ in range(32)]
        for one in hanging:
            one.start()
        time.sleep(1.5)
        assert caller.request("tools/list").status_code == 429
        door.scripted.wanted = False
        for one in hanging:
            one.join(10)


def until_running(door: McpDoor, count: int) -> None:
    ends_at = time.monotonic() + 10
    while door.servers[0].running != count:
        assert time.monotonic() < ends_at
        time.sleep(0.05)
