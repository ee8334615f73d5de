"""The fence around plugins, in a room of its own: the internet, and nothing nearer."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest

from adapters.docker import host_rules
from adapters.relays.mcp.fence import NotFenced, PluginFence, fenced
from adapters.relays.mcp.sandbox import FIRST_UID, MOST_USERS
from application.engines import CannotRun
from tests.engine.room import Room
from tests.engine.world import INTERNET, LAN, METADATA, world_around

TRIES = """
import json, socket, sys
def tried(address):
    host, _, port = address.rpartition(":")
    try:
        socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        socket.create_connection((host, int(port)), timeout=3).close()
        return "open"
    except TimeoutError:
        return "silent"
    except OSError as error:
        return "refused"
print(json.dumps({address: tried(address) for address in sys.argv[1:]}))
"""
KEEPS_TRYING = """
import select, socket, sys
print("began", flush=True)
tries = slipped = 0
while tries < 100 or not select.select([sys.stdin], [], [], 0)[0]:
    with socket.socket() as one:
        one.settimeout(0.005)  # what is refused often is refused in silence
        slipped += one.connect_ex(("127.0.0.1", int(sys.argv[1]))) == 0
    tries += 1
print(slipped, tries)
"""
NEAR = [f"{LAN}:80", f"{METADATA}:80", "9.9.9.1:{port}", "127.0.0.1:{port}", "::1:{port}"]


@contextmanager
def listening() -> Iterator[int]:
    """A careless service of the machine, on each of its addresses."""
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as at:
        yield at.getsockname()[1]


@pytest.fixture(scope="module")
def room() -> Iterator[Room]:
    room = Room()
    with world_around(room):
        yield room
    room.close()


@pytest.fixture
def fence(room: Room, tmp_path: Path) -> Iterator[PluginFence]:
    resolvers = tmp_path / "resolv.conf"
    resolvers.write_text(f"search x\nnameserver {LAN}\nnameserver nonsense\n")
    with room.inside():
        fence = PluginFence("abcde", resolvers=resolvers)
        yield fence
        fence.remove()


def tried(*targets: str, uid: int = FIRST_UID + 3) -> dict[str, str]:
    """What somebody of that number reaches."""
    ran = subprocess.run(
        ["/usr/bin/python3", "-I", "-c", TRIES, *targets],
        user=uid,
        group=uid,
        extra_groups=[],
        check=True,
        capture_output=True,
        timeout=30,
        cwd="/",
    )
    found: dict[str, str] = json.loads(ran.stdout)
    return found


@contextmanager
def keeping_on(port: int) -> Iterator[list[int]]:
    """A plugin tries that port meanwhile; afterwards: how often in, of how many tries."""
    counts: list[int] = []
    with subprocess.Popen(
        ["/usr/bin/python3", "-I", "-c", KEEPS_TRYING, str(port)],
        user=FIRST_UID + 3,
        group=FIRST_UID + 3,
        extra_groups=[],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "began\n"
        yield counts
        told, _ = process.communicate(timeout=30)
        counts += map(int, told.split())


def test_a_plugin_reaches_the_internet_and_nothing_nearer(fence: PluginFence) -> None:
    with listening() as port:
        near = [target.format(port=port) for target in NEAR]
        assert set(tried(*near).values()) == {"open"}
        fence.ensure()
        for uid in (FIRST_UID, FIRST_UID + MOST_USERS - 1):
            found = tried(*near, f"{INTERNET}:80", uid=uid)
            assert found.pop(f"{INTERNET}:80") == "open"
            assert set(found.values()) == {"refused"}  # at once, nobody waits
        for uid in (FIRST_UID - 1, FIRST_UID + MOST_USERS, 65534):
            assert set(tried(*near, uid=uid).values()) == {"open"}


def test_names_are_looked_up_where_the_machine_does(fence: PluginFence) -> None:
    fence.ensure()
    rules = host_rules.of_instance("abcde")
    assert [rule for rule in rules if "--dport" in rule] == [
        f"-A CLAWBOT-MCP-abcde -d {LAN}/32 -p {protocol} -m {protocol} --dport 53 -j RETURN"
        for protocol in ("udp", "tcp")
    ]


def test_what_the_operator_opens_is_open(room: Room, tmp_path: Path) -> None:
    opened = (ip_network(f"{LAN}/32"), ip_network("fd00::/8"))
    with room.inside():
        fence = PluginFence("abcde", opened=opened, resolvers=tmp_path / "none")
        fence.ensure()
        assert tried(f"{LAN}:80", f"{METADATA}:80") == {
            f"{LAN}:80": "open",
            f"{METADATA}:80": "refused",
        }
        fence.remove()


def test_a_fence_that_somebody_flushed_is_put_up_again(fence: PluginFence) -> None:
    fence.ensure()
    kept = host_rules.of_instance("abcde")
    fence.ensure()
    assert host_rules.of_instance("abcde") == kept
    for spoil in (["-F", "OUTPUT"], ["-F", "CLAWBOT-MCP-abcde"]):
        host_rules.run("iptables", *spoil)
        assert host_rules.of_instance("abcde") != kept
        fence.ensure()
        assert host_rules.of_instance("abcde") == kept


def test_while_a_fence_is_replaced_by_another_nothing_slips_through(
    room: Room, tmp_path: Path
) -> None:
    fences = [
        PluginFence("abcde", opened=[ip_network(opened)], resolvers=tmp_path / "none")
        for opened in (f"{LAN}/32", f"{METADATA}/32")
    ]
    with room.inside(), listening() as port:
        fences[0].ensure()
        with keeping_on(port) as tries:
            for _ in range(5):
                for fence in reversed(fences):
                    fence.ensure()
                    rules = host_rules.of_instance("abcde")
                    opened = any(f"-d {LAN}/32 -j RETURN" in rule for rule in rules)
                    assert opened is (fence is fences[0])
        fences[0].remove()
    assert tries[0] == 0
    assert tries[1] >= 100


def test_chains_that_are_wanted_no_more_go_with_the_change(fence: PluginFence) -> None:
    fence.ensure()
    kept = host_rules.saved()
    for rule in (
        ["-t", "mangle", "-N", "CLAWBOT-MCP-abcde-OLD"],
        ["-t", "mangle", "-A", "OUTPUT", "-j", "CLAWBOT-MCP-abcde-OLD"],
        ["-N", "CLAWBOT-MCP-abcde-MORE"],
        ["-A", "CLAWBOT-MCP-abcde", "-j", "CLAWBOT-MCP-abcde-MORE"],
    ):
        host_rules.run("iptables", *rule)
    fence.ensure()
    found = host_rules.saved()
    assert [one for one in found if "abcde" in one] == [
        one for one in kept if "abcde" in one
    ]


def test_of_two_instances_on_a_host_each_takes_out_its_own(fence: PluginFence) -> None:
    other = PluginFence("01234")
    fence.ensure()
    other.ensure()
    assert host_rules.instances() == ["01234", "abcde"]
    other.remove()
    assert host_rules.instances() == ["abcde"]
    host_rules.remove_instance("abcde")
    assert host_rules.instances() == []
    assert "CLAWBOT" not in "".join(
        line for command in host_rules.commands() for line in host_rules.saved(command)
    )


def test_where_no_fence_can_be_a_plugin_starts_unless_one_is_required(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    fence = PluginFence("abcde")
    with pytest.raises(CannotRun):
        fence.ensure()
    fenced(fence, required=False)()
    with pytest.raises(NotFenced):
        fenced(fence, required=True)()
    fence.remove()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(NotFenced):
        fenced(fence, required=True)()
