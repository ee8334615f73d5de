"""The lifecycle of bots on a Swarm of one node."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adapters.docker.swarm import SwarmEngine
from adapters.docker.transport import EngineAddress
from application.engines import CannotRun, EngineUnavailable
from domain.containers import ContainerState, Health, NetworkPolicy
from domain.errors import NotFound
from tests.engine.dockerd import Dockerd
from tests.engine.given import instance, until
from tests.engine.images import BOT_IMAGE
from tests.engine.swarm_room import PROXY, Swarm
from tests.engine.world import INTERNET, LAN, METADATA

pytestmark = pytest.mark.xdist_group("dockerd")


def test_an_engine_without_a_swarm_is_unavailable(dockerd: Dockerd) -> None:
    with instance(dockerd, dockerd.new_folder(), has_firewall=False) as bots:
        address = EngineAddress(host=dockerd.url)
        engine = SwarmEngine(bots.setup, address, proxy_container=PROXY)
        for ask in (engine.ping, engine.containers):
            with pytest.raises(EngineUnavailable):
                ask()
        engine.close()


def test_a_bot_runs_is_confined_and_is_gone(swarm: Swarm) -> None:
    spec = swarm.bots.spec()
    made = swarm.engine.create(spec)
    assert swarm.engine.create(spec) == made
    assert swarm.seen(made).state is ContainerState.CREATED
    swarm.engine.start(made)
    swarm.engine.start(made)
    until(lambda: swarm.seen(made).state is ContainerState.RUNNING, seconds=40)
    _is_confined_as_far_as_a_service_can_say(swarm.bots.inspected(swarm.container(made)))
    found = swarm.asks(made, "findings")
    assert found["uid"] == 1000
    assert set(found["capabilities"].values()) == {"0000000000000000"}
    assert found["seccomp"] == "2"
    assert found["writable"] == ["/tmp", "/workspace", "/state"]
    assert found["runs_from_tmp"] is False
    assert 0 < swarm.asks(made, "fork", "5000")["children"] < 64
    targets = ["clawbot-proxy:3101", f"{INTERNET}:80", f"{LAN}:80", f"{METADATA}:80"]
    reached = swarm.asks(made, "reach", *targets)
    assert [target for target, how in reached.items() if how == "open"] == targets[:1]
    assert "error" in swarm.asks(made, "resolve", "example.com")
    (numbers,) = swarm.engine.stats([made])
    assert (numbers.container_id, numbers.bot_id) == (made, spec.bot_id)
    assert numbers.memory_limit_bytes == 128 * 2**20
    assert '"uid": 1000' in next(swarm.engine.logs(made, tail=5)).text

    swarm.engine.stop(made, within_seconds=1)
    assert swarm.seen(made).state is ContainerState.EXITED
    swarm.engine.start(made)
    until(lambda: swarm.seen(made).state is ContainerState.RUNNING, seconds=40)
    swarm.engine.remove(made)
    until(lambda: swarm.engine.orphans(frozenset()) == [])
    with pytest.raises(NotFound):
        swarm.engine.start(made)


def test_the_health_of_a_bot_is_what_its_own_check_says(swarm: Swarm) -> None:
    made = swarm.engine.create(swarm.bots.spec(image=BOT_IMAGE))
    assert swarm.seen(made).health is None
    swarm.engine.start(made)
    healths: list[Health | None] = []

    def is_well() -> bool:
        seen = swarm.seen(made)
        healths.append(seen.health)
        assert seen.health is None or seen.state is ContainerState.RUNNING
        return seen.health is Health.HEALTHY

    until(is_well, seconds=40)
    assert Health.STARTING in healths
    swarm.engine.stop(made, within_seconds=0)
    assert swarm.seen(made).health is None


def _is_confined_as_far_as_a_service_can_say(inspected: dict[str, Any]) -> None:
    host = inspected["HostConfig"]
    assert (host["CapDrop"], host["CapAdd"]) == (["ALL"], None)
    assert (host["Privileged"], host["ReadonlyRootfs"], host["Init"]) == (False, True, True)
    assert host["Memory"] == 128 * 2**20
    assert (host["NanoCpus"], host["PidsLimit"]) == (10**9, 64)
    limits = {limit["Name"]: (limit["Soft"], limit["Hard"]) for limit in host["Ulimits"]}
    assert limits == {"nofile": (4096, 4096), "core": (0, 0)}
    logs = {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}
    assert host["LogConfig"] == logs
    assert host["RestartPolicy"]["Name"] in {"", "no"}
    assert (inspected["Config"]["User"], inspected["Config"]["Hostname"]) == (
        "1000:1000",
        "ada",
    )
    assert host["PortBindings"] in ({}, None)


def test_quarantine_a_new_proxy_and_an_end_are_seen_to(swarm: Swarm) -> None:
    made = swarm.running()
    container = swarm.container(made)
    reached = []
    for policy in (NetworkPolicy.CUT, NetworkPolicy.ISOLATED):
        swarm.engine.set_network(made, policy)
        assert swarm.seen(made).network is policy
        reached.append(
            swarm.asks(made, "reach", "clawbot-proxy:3101").popitem()[1] == "open"
        )
    assert reached == [False, True]
    assert swarm.container(made) == container

    with swarm.bots.dockerd.client() as client:
        ours = {"label": f"clawbot.instance={swarm.bots.setup.instance}"}
        client.networks.list(filters=ours)[0].disconnect(PROXY, force=True)
    swarm.engine.containers()
    assert swarm.asks(made, "reach", "clawbot-proxy:3101") == {"clawbot-proxy:3101": "open"}

    with swarm.bots.dockerd.client() as client:
        client.containers.get(container).kill()
    until(lambda: swarm.seen(made).state is ContainerState.EXITED, seconds=40)
    assert swarm.seen(made).exit_code == 137
    swarm.engine.start(made)
    until(lambda: swarm.seen(made).state is ContainerState.RUNNING, seconds=40)


def test_what_a_swarm_cannot_do_is_refused(swarm: Swarm) -> None:
    for wishes, code in (
        ({"port": 18_200}, "engine-refused"),
        ({"network": NetworkPolicy.EGRESS}, "engine-refused"),
        ({"image": "evil/bot:1"}, "image-not-allowed"),
    ):
        with pytest.raises(CannotRun) as refused:
            swarm.engine.create(replace(swarm.bots.spec(), **wishes))
        assert refused.value.code == code
