"""The networks of a bot: which it has says what it can reach.

Every bot has one of its own that leads nowhere but to the proxy (`internal`, so that even
without the firewall there is no way out). One that may go out, or that has a port of the
host, has an ordinary one beside it. One in quarantine has none at all: the cable is pulled,
also from a container that runs.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any
from uuid import UUID

from docker import APIClient
from docker.errors import APIError
from docker.types import IPAMConfig, IPAMPool

from adapters.docker.failures import asked, asked_to_run
from adapters.docker.firewall import Firewall
from adapters.docker.naming import BOT, Naming, Network
from adapters.docker.setup import EngineSetup
from adapters.docker.subnets import addresses, free_subnets
from adapters.docker.template import Place
from application.engines import CannotRun
from domain.containers import NetworkPolicy
from domain.errors import NotFound

_IN_USE = re.compile(r"has active endpoints|is in use by")
# An engine that was killed while it made a network may remember its bridge for good, and
# nothing else of it: Docker 20.10 stores the bridge first.
_GHOST = re.compile(r"have same bridge name")
_BRIDGE = "com.docker.network.bridge.name"
ATTEMPTS = 20  # another instance may take the subnet that we chose
PAUSE_SECONDS = 0.1


def wanted(policy: NetworkPolicy, port: int | None) -> frozenset[Network]:
    """The networks that the policy asks for."""
    match policy:
        case NetworkPolicy.CUT:
            return frozenset()
        case NetworkPolicy.EGRESS:
            return frozenset({Network.INSIDE, Network.OUT})
        case NetworkPolicy.ISOLATED if port is None:
            return frozenset({Network.INSIDE})
        case NetworkPolicy.ISOLATED:
            return frozenset({Network.INSIDE, Network.PORT})


@dataclass(frozen=True)
class _Made:
    """A network of ours, and the interface of the host that leads to it."""

    subnet: IPv4Network
    bridge: str


@dataclass(frozen=True)
class Networks:
    """The networks of one instance's bots."""

    client: APIClient
    setup: EngineSetup
    firewall: Firewall

    @property
    def naming(self) -> Naming:
        return Naming(self.setup.instance)

    def policy_of(self, attached: Sequence[str], bot_id: UUID) -> NetworkPolicy:
        """What a container reaches that has these networks."""
        if self.naming.network(bot_id, Network.OUT) in attached:
            return NetworkPolicy.EGRESS
        return NetworkPolicy.ISOLATED if attached else NetworkPolicy.CUT

    def place(self, bot_id: UUID, kind: Network) -> Place:
        """The bot's network of that kind, which is there afterwards; `CannotRun`."""
        name = self.naming.network(bot_id, kind)
        with asked_to_run():
            everyone = self.client.networks()
        there = self._there(name, everyone) or self._make(bot_id, kind, everyone)
        gateway, address = addresses(there.subnet)
        if kind is Network.INSIDE:
            self.firewall.open_way(there.bridge)
        return Place(network=name, address=address, gateway=gateway)

    def attach(
        self,
        container_id: str,
        bot_id: UUID,
        attached: Sequence[str],
        kinds: frozenset[Network],
    ) -> None:
        """The container has just these networks; it gains before it loses."""
        names = {kind: self.naming.network(bot_id, kind) for kind in Network}
        for kind in sorted(kinds):
            if names[kind] not in attached:
                place = self.place(bot_id, kind)
                with asked_to_run():
                    self.client.connect_container_to_network(
                        container_id, place.network, ipv4_address=place.address
                    )
        for name in attached:
            if name not in {names[kind] for kind in kinds}:
                with asked_to_run():
                    self.client.disconnect_container_from_network(
                        container_id, name, force=True
                    )

    def open_way(self, bot_id: UUID) -> None:
        """What a restart of the machine or the engine may have closed is open."""
        self.firewall.ensure()
        self.place(bot_id, Network.INSIDE)

    def remove_of(self, bot_id: UUID) -> None:
        """The bot's networks are gone, but those that a container has."""
        filters = {"label": [*self.naming.filters["label"], f"{BOT}={bot_id}"]}
        with asked():
            mine = self.client.networks(filters=filters)
        for network in mine:
            self.remove(str(network["Id"]))

    def remove(self, network_id: str) -> bool:
        """Whether the network is gone; one that a container has stays."""
        try:
            with asked():
                self._remove_unused(network_id)
        except NotFound:
            return True
        except _InUse:
            return False
        return True

    def _remove_unused(self, network_id: str) -> None:
        try:
            self.client.remove_network(network_id)
        except APIError as error:
            if _IN_USE.search(str(error.explanation)):
                raise _InUse from error
            if "not found" in str(error.explanation):  # a Swarm's, by whatever status
                return
            raise

    def _there(self, name: str, everyone: Sequence[Mapping[str, Any]]) -> _Made | None:
        for network in everyone:
            if network["Name"] == name:
                if not self.naming.is_ours(network.get("Labels")):
                    raise CannotRun("name-taken", f"the network {name} is somebody else's")
                bridge = (network.get("Options") or {}).get(_BRIDGE, "")
                return _Made(subnets_of(network)[0], bridge)
        return None

    def _make(
        self, bot_id: UUID, kind: Network, everyone: Sequence[Mapping[str, Any]]
    ) -> _Made:
        name, ghosts = self.naming.network(bot_id, kind), 0
        taken = [subnet for network in everyone for subnet in subnets_of(network)]
        free = free_subnets(self.setup.subnets, taken, name)
        for subnet, _ in zip(free, range(ATTEMPTS), strict=False):
            made = _Made(subnet, self.naming.bridge(bot_id, kind, ghosts))
            try:
                with asked_to_run():
                    self._create(bot_id, kind, made)
            except CannotRun as refused:
                if "overlaps" in refused.detail:
                    continue
                if refused.code != "name-taken":
                    raise
                there = self._made_meanwhile(name)
                if there is not None:  # another worker was first
                    return there
                if not _GHOST.search(refused.detail):
                    raise
                ghosts += 1
                continue
            return made
        raise CannotRun("engine-refused", f"no subnet is free in {self.setup.subnets}")

    def _made_meanwhile(self, name: str) -> _Made | None:
        """The network that another worker makes at this moment."""
        for _ in range(ATTEMPTS):
            with asked_to_run():
                found = self._there(name, self.client.networks())
            if found is not None:
                return found
            time.sleep(PAUSE_SECONDS)
        return None

    def _create(self, bot_id: UUID, kind: Network, made: _Made) -> None:
        subnet = made.subnet
        gateway, _ = addresses(subnet)
        self.client.create_network(
            self.naming.network(bot_id, kind),
            driver="bridge",
            check_duplicate=True,
            internal=kind is Network.INSIDE,
            ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=str(subnet), gateway=gateway)]),
            labels=self.naming.bot_labels(bot_id),
            options={
                _BRIDGE: made.bridge,
                "com.docker.network.bridge.host_binding_ipv4": "127.0.0.1",
                "com.docker.network.bridge.enable_ip_masquerade": str(
                    kind is Network.OUT
                ).lower(),
            },
        )


class _InUse(Exception):
    """A container has the network."""


def subnets_of(network: Mapping[str, Any]) -> list[IPv4Network]:
    """What the network's addresses are taken from."""
    configured = (network.get("IPAM") or {}).get("Config") or []
    named = [entry["Subnet"] for entry in configured if entry.get("Subnet")]
    return [IPv4Network(subnet) for subnet in named if ":" not in subnet]
