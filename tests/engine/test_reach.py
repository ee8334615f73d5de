"""From inside a bot the proxy's port answers, and nothing else does."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from adapters.docker.naming import PROXY_HOST, Network
from domain.containers import NetworkPolicy
from tests.engine.given import Bots, answering
from tests.engine.world import INTERNET, LAN, METADATA

pytestmark = [pytest.mark.xdist_group("dockerd"), pytest.mark.usefixtures("world")]

OPEN = "open"


@pytest.fixture
def exposed_port() -> Iterator[int]:
    """A careless service of the host, which listens on all its addresses."""
    with answering(("0.0.0.0", 0)) as port:
        yield port


def _proxy(bots: Bots) -> str:
    return f"{PROXY_HOST}:{bots.setup.proxy_port}"


def _gateway(bots: Bots, container_id: str) -> str:
    networks = bots.inspected(container_id)["NetworkSettings"]["Networks"]
    return str(networks[min(networks)]["Gateway"])


def _forbidden(bots: Bots, container_id: str, exposed_port: int) -> list[str]:
    """Whatever a bot might try; all of it answers to the host itself."""
    neighbour = bots.seen(bots.running(image="clawbot/test-bot:1")).address
    assert neighbour is not None
    gateway = _gateway(bots, container_id)
    targets = [f"{gateway}:{exposed_port}", neighbour, f"{LAN}:80", f"{METADATA}:80"]
    targets += [f"9.9.9.1:{exposed_port}", f"{INTERNET}:80"]
    for target in targets[:1] + targets[2:]:
        host, _, port = target.rpartition(":")
        socket.create_connection((host, int(port)), timeout=2).close()
    return targets


def test_only_the_proxys_port_answers(bots: Bots, exposed_port: int) -> None:
    bot = bots.running()
    forbidden = _forbidden(bots, bot, exposed_port)
    found = bots.asks(bot, "reach", _proxy(bots), *forbidden)
    assert [target for target, how in found.items() if how == OPEN] == [_proxy(bots)]
    assert "error" in bots.asks(bot, "resolve", "example.com")


def test_a_bot_that_may_go_out_reaches_the_internet_and_still_no_neighbour(
    bots: Bots, exposed_port: int
) -> None:
    bot = bots.running(network=NetworkPolicy.EGRESS)
    forbidden = _forbidden(bots, bot, exposed_port)
    found = bots.asks(bot, "reach", _proxy(bots), *forbidden)
    assert [target for target, how in found.items() if how == OPEN] == [
        _proxy(bots),
        f"{INTERNET}:80",
    ]
    assert bots.asks(bot, "resolve", "example.com") == {"addresses": [INTERNET]}


def test_the_policy_of_a_running_bot_can_be_changed(bots: Bots) -> None:
    bot = bots.running()
    seen, found = [], []
    for policy in (NetworkPolicy.EGRESS, NetworkPolicy.CUT, NetworkPolicy.ISOLATED):
        bots.engine.set_network(bot, policy)
        seen.append(bots.seen(bot).network)
        answers = bots.asks(bot, "reach", _proxy(bots), f"{INTERNET}:80")
        found.append([how == OPEN for how in answers.values()])
    assert seen == [NetworkPolicy.EGRESS, NetworkPolicy.CUT, NetworkPolicy.ISOLATED]
    assert found == [[True, True], [False, False], [True, False]]


def test_a_bot_in_quarantine_is_still_cut_off_after_a_start(bots: Bots) -> None:
    bot = bots.running()
    bots.engine.set_network(bot, NetworkPolicy.CUT)
    bots.engine.stop(bot, within_seconds=0)
    bots.engine.start(bot)
    made_so = bots.running(network=NetworkPolicy.CUT)
    for container_id in (bot, made_so):
        assert bots.asks(container_id, "reach", _proxy(bots)) != {_proxy(bots): OPEN}
        assert bots.seen(container_id).network is NetworkPolicy.CUT


@pytest.mark.parametrize("flushed", [("mangle",), ("filter", "INPUT")])
def test_either_layer_of_the_firewall_alone_keeps_a_bot_from_the_host(
    bots: Bots, exposed_port: int, flushed: tuple[str, ...]
) -> None:
    bot = bots.running(network=NetworkPolicy.EGRESS)
    bots.dockerd.room.run("iptables", "-t", flushed[0], "-F", *flushed[1:])
    targets = [f"{_gateway(bots, bot)}:{exposed_port}", f"9.9.9.1:{exposed_port}"]
    assert OPEN not in bots.asks(bot, "reach", *targets).values()


def test_without_the_firewall_an_inner_network_still_leads_nowhere(bots: Bots) -> None:
    bot = bots.running()
    bots.dockerd.room.run("iptables", "-t", "mangle", "-F")
    bots.dockerd.room.run("iptables", "-F", "INPUT")
    found = bots.asks(bot, "reach", f"{LAN}:80", f"{METADATA}:80", f"{INTERNET}:80")
    assert OPEN not in found.values()


@pytest.mark.parametrize("look", [True, False])
def test_a_firewall_that_somebody_flushed_is_put_up_again(
    bots: Bots, exposed_port: int, monkeypatch: pytest.MonkeyPatch, *, look: bool
) -> None:
    monkeypatch.setattr("adapters.docker.engine.GUARD_SECONDS", 0)
    bot = bots.running()
    target = f"{_gateway(bots, bot)}:{exposed_port}"
    for table in ("mangle", "nat", "filter"):
        bots.dockerd.room.run("iptables", "-t", table, "-F")
    assert bots.asks(bot, "reach", target) == {target: OPEN}
    if look:
        bots.engine.containers()
    else:
        bots.engine.start(bot)
    found = bots.asks(bot, "reach", target, _proxy(bots))
    assert [how == OPEN for how in found.values()] == [False, True]


def test_the_names_of_a_bots_bridges_fit_and_say_what_they_are_for(bots: Bots) -> None:
    bots.running(network=NetworkPolicy.EGRESS)
    links = bots.dockerd.room.run("ip", "-brief", "link")
    prefix = f"cb{bots.setup.instance.hex[:5]}"
    mine = sorted(name.split()[0] for name in links.splitlines() if name.startswith(prefix))
    assert [name[len(prefix)] for name in mine] == [Network.INSIDE, Network.OUT]
