"""The firewall of bots is changed in one go, in a room without an engine."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event
from uuid import uuid4

import pytest

from adapters.docker import host_rules
from adapters.docker.firewall import Firewall
from adapters.docker.naming import Naming
from adapters.docker.setup import EngineSetup
from tests.engine.room import Room


@pytest.fixture
def room() -> Iterator[Room]:
    room = Room()
    yield room
    room.close()


def test_what_is_flushed_of_version_6_alone_is_put_up_again(
    room: Room, tmp_path: Path
) -> None:
    ours = EngineSetup(
        instance=uuid4(), data_dir=tmp_path, secrets_dir=tmp_path, images_allowed=()
    )
    drop = f"-A PREROUTING -i {Naming(ours.instance).bridges}+ -j DROP"
    with room.inside():
        Firewall(ours).ensure()
        room.run("ip6tables", "-t", "mangle", "-F")
        Firewall(ours).ensure()
        assert host_rules.saved("ip6tables").count(drop) == 1
        Firewall(ours).remove()
        assert drop not in host_rules.saved("ip6tables")


def test_while_the_firewall_is_changed_bots_are_always_behind_one(
    room: Room, tmp_path: Path
) -> None:
    ours = EngineSetup(
        instance=uuid4(), data_dir=tmp_path, secrets_dir=tmp_path, images_allowed=()
    )
    elsewhere = replace(ours, proxy_address="0.0.0.0", proxy_port=ours.proxy_port + 1)
    changed = Event()

    def unguarded() -> tuple[int, int]:
        """How often our chain was not asked, or dropped nothing; of how many looks."""
        looks = open_ = 0
        while not changed.is_set():
            rules = room.run("iptables-save", "-t", "mangle")
            ways = [one for one in rules.splitlines() if one.startswith("-A PREROUTING")]
            open_ += (
                len(ways) != 1 or f"-A {Naming(ours.instance).chain} -j DROP" not in rules
            )
            looks += 1
        return open_, looks

    with room.inside(), ThreadPoolExecutor() as pool:
        Firewall(ours).ensure()
        watching = pool.submit(unguarded)
        for _ in range(5):
            for setup in (elsewhere, ours):
                Firewall(setup).ensure()
                moved = any("DNAT" in rule for rule in host_rules.saved())
                assert moved is (setup is ours)
        changed.set()
        times, looks = watching.result()
        Firewall(ours).remove()
        assert host_rules.instances() == []
    assert times == 0
    assert looks >= 5
