"""The bots' networks on a Swarm: an overlay each, and the proxy attached to it or not.

A proxy that is made anew has none of its attachments; each look of the reconciler gives
them back.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any
from uuid import UUID

from docker import APIClient
from docker.errors import APIError
from docker.types import IPAMConfig, IPAMPool

from adapters.docker.failures import asked, asked_to_run
from adapters.docker.naming import BOT, PROXY_HOST, Naming, Network, bot_of
from adapters.docker.networks import ATTEMPTS, subnets_of
from adapters.docker.seen import moment
from adapters.docker.setup import EngineSetup
from adapters.docker.subnets import free_subnets
from application.engines import CannotRun, Orphan
from domain.containers import NetworkPolicy
from domain.errors import NotFound

PREFIX = 28  # the gateway, the bot's task, the next one's, the proxy, and the Swarm's own
PAUSE_SECONDS = 0.5
RELEASE_SECONDS = 15  # until a node lets go of an ended task's network


@dataclass(frozen=True)
class Overlays:
    """The overlays of one instance."""

    client: APIClient
    setup: EngineSetup
    proxy: str

    @property
    def naming(self) -> Naming:
        return Naming(self.setup.instance)

    def name(self, bot_id: UUID) -> str:
        return self.naming.network(bot_id, Network.INSIDE)

    def make(self, bot_id: UUID) -> str:
        """The id of the bot's overlay, which is there afterwards."""
        with asked():
            everyone = self.client.networks()
        for network in everyone:
            if network["Name"] == self.name(bot_id):
                if not self.naming.is_ours(network.get("Labels")):
                    raise CannotRun("name-taken", f"the network {self.name(bot_id)}")
                return str(network["Id"])
        taken = [subnet for network in everyone for subnet in subnets_of(network)]
        free = free_subnets(self.setup.subnets, taken, self.name(bot_id), PREFIX)
        for subnet, _ in zip(free, range(ATTEMPTS), strict=False):
            try:
                return self._create(bot_id, subnet)
            except CannotRun as refused:
                if "overlap" not in refused.detail:
                    raise
        raise CannotRun("engine-refused", f"no subnet is free in {self.setup.subnets}")

    def let_reach(self, bot_id: UUID, policy: NetworkPolicy) -> None:
        """The bot reaches the proxy, or does not; `CannotRun` if there is no proxy."""
        wants, name = policy is not NetworkPolicy.CUT, self.name(bot_id)
        try:
            has = name in self._attached()
        except NotFound as error:
            msg = f"the proxy's container {self.proxy} is not on this node"
            raise CannotRun("engine-refused", msg) from error
        if wants and not has:
            with asked_to_run():
                self.client.connect_container_to_network(
                    self.proxy, name, aliases=[PROXY_HOST]
                )
        elif has and not wants:
            with asked_to_run():
                self.client.disconnect_container_from_network(self.proxy, name, force=True)

    def missing(self, bots: Mapping[UUID, NetworkPolicy]) -> Sequence[UUID]:
        """The bots whose policy and the proxy's attachments are apart."""
        try:
            attached = self._attached()
        except NotFound:
            return []  # `let_reach` says so when a bot is to start
        return [
            bot_id
            for bot_id, policy in bots.items()
            if (self.name(bot_id) in attached) is (policy is NetworkPolicy.CUT)
        ]

    def remove_of(self, bot_id: UUID) -> None:
        """The bot's overlay is gone; one that a task still holds stays, as an orphan."""
        filters = {"label": [*self.naming.filters["label"], f"{BOT}={bot_id}"]}
        with asked():
            mine = self.client.networks(filters=filters)
        for network in mine:
            try:
                if network["Name"] in self._attached():
                    with asked():
                        self.client.disconnect_container_from_network(
                            self.proxy, network["Id"], force=True
                        )
            except NotFound:
                pass  # there is no proxy to detach
            self._remove(str(network["Id"]))

    def all(self) -> Iterator[Orphan]:
        """Every overlay of the instance."""
        with asked():
            listed = self.client.networks(filters=self.naming.filters)
        for one in listed:
            yield Orphan(
                kind="network",
                id=one["Id"],
                name=one["Name"],
                bot_id=bot_of(one.get("Labels")),
                created_at=moment(one["Created"]),
                size_bytes=None,
            )

    def _attached(self) -> Mapping[str, Any]:
        """The proxy's networks; `NotFound` if there is no proxy."""
        with asked():
            settings = self.client.inspect_container(self.proxy)["NetworkSettings"]
        networks: Mapping[str, Any] = settings["Networks"]
        return networks

    def _create(self, bot_id: UUID, subnet: IPv4Network) -> str:
        with asked_to_run():
            made = self.client.create_network(
                self.name(bot_id),
                driver="overlay",
                scope="swarm",
                check_duplicate=True,
                internal=True,
                attachable=True,
                ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=str(subnet))]),
                labels=self.naming.bot_labels(bot_id),
            )
        return str(made["Id"])

    def _remove(self, network_id: str) -> None:
        deadline = time.monotonic() + RELEASE_SECONDS
        while True:
            try:
                self.client.remove_network(network_id)
            except APIError as error:
                # Gone: a node that never had it says so as an error of its own.
                is_gone = "not found" in str(error.explanation)
                if is_gone or time.monotonic() > deadline:
                    return
                time.sleep(PAUSE_SECONDS)
            else:
                return
