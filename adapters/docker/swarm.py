"""The `Engine` role on a Docker Swarm: a service for each bot, with one replica or none.

Every bot has an overlay network of its own, `internal`, and the proxy's container is
attached to it, so that from inside nothing but the proxy can be reached, on any node and
without a firewall of ours; in quarantine the proxy is detached. The proxy must therefore
run in a container (`proxy_container`) on the manager that the worker talks to, and the
bots' folders must be the same on every node that may run bots.

What a service cannot say of the hardened template, and what covers it:

* no-new-privileges: `"no-new-privileges": true` in each node's daemon.json
* memory = swap: no swap on the node (a service may swap as much again as its memory)
* a cgroup namespace of its own: `"default-cgroupns-mode": "private"` in daemon.json
* a tmpfs owned by the bot: it has mode 1777 instead, and is the container's alone
* the size of /dev/shm: `"default-shm-size"` in daemon.json, 64 MiB without it
* a port on the loopback address, and a way to the internet that is closed to the host:
  both are refused here
* the way in from the manager: an overlay's address is not the host's, so none is shown
* a time to stop that is chosen for each stop: it is 30 s, from the service

What runs is changed in its place: a task of the new specification in the place of the old
one, which comes back if the new one does not come up (`services.py`).

`swarm_doctor.py` reads the first five from a node. A bot's own health check is read from
its container, on the manager's node only; on every node a Swarm ends what is not well.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from adapters.docker.changes import bots_changed
from adapters.docker.connection import Connection
from adapters.docker.failures import asked, asked_to_run
from adapters.docker.images import pinned_image
from adapters.docker.naming import NETWORK, TASK, Naming
from adapters.docker.ours import Ours
from adapters.docker.overlays import Overlays
from adapters.docker.service_template import (
    GRACE_SECONDS,
    ROLLBACK,
    UPDATE,
    labels,
    started,
    stopped,
    task,
)
from adapters.docker.setup import EngineSetup
from adapters.docker.stats import Counters
from adapters.docker.streams import Reading
from adapters.docker.swarm_services import Services
from adapters.docker.tasks import (
    container_of,
    current,
    has_ended,
    orphan_of,
    policy_of,
    replicas,
    seen_service,
    tasks_of,
)
from adapters.docker.transport import EngineAddress
from application.engines import (
    CannotRun,
    ContainerStats,
    EngineUnavailable,
    LogLine,
    Orphan,
)
from domain.containers import ContainerSpec, NetworkPolicy, SeenContainer
from domain.errors import NotFound

PAUSE_SECONDS = 0.2
NOT_IN_A_SWARM = "a swarm has no ports and no egress for bots"
SLACK_SECONDS = 20  # more than the grace, for the Swarm to notice


class SwarmEngine:
    """Runs bots on a Swarm, through one of its managers."""

    name = "swarm"

    def __init__(
        self, setup: EngineSetup, address: EngineAddress, *, proxy_container: str
    ) -> None:
        """`proxy_container`: the name of the proxy's container on that manager."""
        self._setup = setup
        self._naming = Naming(setup.instance)
        self._connection = Connection(address, setup.timeout_seconds)
        self._proxy = proxy_container
        self._counters: Counters | None = None

    def close(self) -> None:
        """Whoever listens to events or follows a log is let go."""
        self._connection.close()

    def ping(self) -> str:
        """The manager's version; `EngineUnavailable` too if it manages no Swarm."""
        with asked():
            info = self._connection.client.info()
        if not info["Swarm"].get("ControlAvailable"):
            msg = "this engine manages no swarm: docker swarm init"
            raise EngineUnavailable(msg)
        return str(info["ServerVersion"])

    def containers(self) -> Sequence[SeenContainer]:
        with asked():
            services = self._connection.client.services(filters=self._naming.filters)
            tasks = self._connection.client.tasks(filters=self._naming.filters)
            here = self._connection.client.containers(filters=self._of_tasks)
        listed = {one["Id"]: one for one in here}
        found = [seen_service(one, tasks_of(one["ID"], tasks), listed) for one in services]
        there = [one for one in found if one is not None]
        policies = {one.bot_id: one.network for one in there}
        for bot_id in self._overlays.missing(policies):
            self._overlays.let_reach(bot_id, policies[bot_id])
        return there

    def create(self, spec: ContainerSpec) -> str:
        client = self._connection.client
        image = pinned_image(client, spec.image, self._setup.images_allowed)
        _check(spec)
        there = self._ours.named(spec)
        if there is not None:
            return there
        overlay = self._overlays.make(spec.bot_id)
        name = self._naming.container(spec.bot_id)
        try:
            with asked_to_run():
                made = client.create_service(
                    task(spec, self._setup, overlay, image),
                    name=name,
                    labels=labels(spec, self._setup),
                    mode={"Replicated": {"Replicas": 0}},
                    update_config=UPDATE,
                    rollback_config=ROLLBACK,
                    endpoint_spec={"Mode": "dnsrr"},
                )
        except CannotRun as refused:
            there = self._ours.named(spec) if refused.code == "name-taken" else None
            if there is None:
                raise
            return there
        return str(made["ID"])

    def start(self, container_id: str) -> None:
        own = self._ours.own(container_id)
        one = current(container_id, self._services.tasks(own))
        if replicas(own) == 1 and one is not None and not has_ended(one):
            return
        self._overlays.let_reach(self._ours.bot(own), policy_of(own))
        self._services.change(container_id, started)

    def stop(self, container_id: str, *, within_seconds: int) -> None:
        own = self._ours.own(container_id)
        self._services.change(container_id, stopped)
        deadline = time.monotonic() + max(within_seconds, GRACE_SECONDS) + SLACK_SECONDS
        while any(not has_ended(one) for one in self._services.tasks(own)):
            if time.monotonic() > deadline:
                msg = "the swarm does not stop a task"
                raise EngineUnavailable(msg)
            time.sleep(PAUSE_SECONDS)

    def remove(self, container_id: str) -> None:
        bot_id = self._ours.bot(self._ours.own(container_id))
        self.stop(container_id, within_seconds=0)
        with suppress(NotFound), asked():
            self._connection.client.remove_service(container_id)
        self._overlays.remove_of(bot_id)

    def update(self, container_id: str, spec: ContainerSpec) -> None:
        client = self._connection.client
        image = pinned_image(client, spec.image, self._setup.images_allowed)
        _check(spec)
        self._ours.own(container_id)
        overlay = self._overlays.make(spec.bot_id)
        self._overlays.let_reach(spec.bot_id, spec.network)
        wanted = task(spec, self._setup, overlay, image)
        self._services.update(
            container_id, spec.generation, wanted, labels(spec, self._setup)
        )

    def go_back(self, container_id: str) -> None:
        self._services.go_back(container_id)

    def set_network(self, container_id: str, policy: NetworkPolicy) -> None:
        if policy is NetworkPolicy.EGRESS:
            raise CannotRun("engine-refused", NOT_IN_A_SWARM)
        self._overlays.let_reach(self._ours.bot(self._ours.own(container_id)), policy)
        self._services.change(
            container_id,
            lambda spec: {**spec, "Labels": {**spec["Labels"], NETWORK: policy}},
        )

    def stats(self, container_ids: Sequence[str]) -> Sequence[ContainerStats]:
        """Of those that run on the manager's own node."""
        with asked():
            client = self._connection.client
            services = client.services(filters=self._naming.filters)
            tasks = client.tasks(filters=self._naming.filters)
        here: dict[str, tuple[str, UUID]] = {}
        for service in services:
            ran = container_of(current(service["ID"], tasks))
            if service["ID"] in container_ids and ran:
                here[ran] = (service["ID"], self._ours.bot(service))
        if self._counters is None:
            self._counters = Counters(client)
        counted = self._counters.stats({one: bot_id for one, (_, bot_id) in here.items()})
        return [replace(one, container_id=here[one.container_id][0]) for one in counted]

    def logs(
        self,
        container_id: str,
        *,
        tail: int,
        since: datetime | None = None,
        follow: bool = False,
    ) -> Reading[LogLine]:
        self._ours.own(container_id)
        path = f"/services/{container_id}/logs"
        return self._connection.lines(path, tail=tail, since=since, follow=follow)

    def orphans(self, bot_ids: frozenset[UUID]) -> Sequence[Orphan]:
        with asked():
            services = self._connection.client.services(filters=self._naming.filters)
        found = [orphan_of(one) for one in services]
        found += self._overlays.all()
        return [one for one in found if one.bot_id not in bot_ids]

    def discard(self, orphan: Orphan) -> None:
        if orphan.kind == "container":
            self.remove(orphan.id)
        elif orphan.kind == "network" and orphan.bot_id is not None:
            self._overlays.remove_of(orphan.bot_id)
        else:
            raise NotFound

    def events(self) -> Reading[UUID]:
        """Of the manager's own node; the reconciler's look finds the others' changes."""
        return bots_changed(self._connection, self._of_tasks)

    @property
    def _of_tasks(self) -> dict[str, list[str]]:
        return {"label": [f"{TASK}={self._setup.instance}"]}

    @property
    def _services(self) -> Services:
        return Services(self._connection.client, self._naming)

    @property
    def _ours(self) -> Ours:
        return self._services.ours

    @property
    def _overlays(self) -> Overlays:
        return Overlays(self._connection.client, self._setup, self._proxy)


def _check(spec: ContainerSpec) -> None:
    if spec.port is not None or spec.network is NetworkPolicy.EGRESS:
        raise CannotRun("engine-refused", NOT_IN_A_SWARM)
