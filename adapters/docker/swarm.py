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

`swarm_doctor.py` reads the first five from a node. A bot's own health check is read from
its container, on the manager's node only; on every node a Swarm ends what is not well.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from adapters.docker.changes import bots_changed
from adapters.docker.connection import Connection
from adapters.docker.failures import asked, asked_to_run
from adapters.docker.images import pinned_image
from adapters.docker.naming import GENERATION, NETWORK, TASK, Naming, bot_of
from adapters.docker.overlays import Overlays
from adapters.docker.service_template import (
    GRACE_SECONDS,
    ROLLBACK,
    UPDATE,
    Spec,
    labels,
    started,
    stopped,
    task,
)
from adapters.docker.setup import EngineSetup
from adapters.docker.stats import Counters
from adapters.docker.streams import Reading
from adapters.docker.tasks import (
    container_of,
    current,
    has_ended,
    orphan_of,
    policy_of,
    replicas,
    seen_service,
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

ATTEMPTS = 5
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
        newest = [(one, current(one["ID"], tasks)) for one in services]
        found = [
            seen_service(one, task, listed.get(container_of(task))) for one, task in newest
        ]
        there = [one for one in found if one is not None]
        policies = {one.bot_id: one.network for one in there}
        for bot_id in self._overlays.missing(policies):
            self._overlays.let_reach(bot_id, policies[bot_id])
        return there

    def create(self, spec: ContainerSpec) -> str:
        client = self._connection.client
        image = pinned_image(client, spec.image, self._setup.images_allowed)
        if spec.port is not None or spec.network is NetworkPolicy.EGRESS:
            raise CannotRun("engine-refused", NOT_IN_A_SWARM)
        there = self._own_named(spec)
        if there is not None:
            return there
        overlay = self._overlays.make(spec.bot_id)
        name = self._naming.container(spec.bot_id)
        try:
            with asked_to_run():
                made = client.create_service(
                    task(spec, self._setup, overlay, image),
                    name=name,
                    labels={**labels(spec, self._setup), NETWORK: spec.network},
                    mode={"Replicated": {"Replicas": 0}},
                    update_config=UPDATE,
                    rollback_config=ROLLBACK,
                    endpoint_spec={"Mode": "dnsrr"},
                )
        except CannotRun as refused:
            there = self._own_named(spec) if refused.code == "name-taken" else None
            if there is None:
                raise
            return there
        return str(made["ID"])

    def start(self, container_id: str) -> None:
        own = self._own(container_id)
        one = current(container_id, self._tasks(own))
        if replicas(own) == 1 and one is not None and not has_ended(one):
            return
        self._overlays.let_reach(_bot(own), policy_of(own))
        self._change(container_id, started)

    def stop(self, container_id: str, *, within_seconds: int) -> None:
        own = self._own(container_id)
        self._change(container_id, stopped)
        deadline = time.monotonic() + max(within_seconds, GRACE_SECONDS) + SLACK_SECONDS
        while any(not has_ended(one) for one in self._tasks(own)):
            if time.monotonic() > deadline:
                msg = "the swarm does not stop a task"
                raise EngineUnavailable(msg)
            time.sleep(PAUSE_SECONDS)

    def remove(self, container_id: str) -> None:
        bot_id = _bot(self._own(container_id))
        self.stop(container_id, within_seconds=0)
        with suppress(NotFound), asked():
            self._connection.client.remove_service(container_id)
        self._overlays.remove_of(bot_id)

    def set_network(self, container_id: str, policy: NetworkPolicy) -> None:
        if policy is NetworkPolicy.EGRESS:
            raise CannotRun("engine-refused", NOT_IN_A_SWARM)
        self._overlays.let_reach(_bot(self._own(container_id)), policy)
        self._change(
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
                here[ran] = (service["ID"], _bot(service))
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
        self._own(container_id)
        seconds = None if since is None else since.timestamp()
        path = f"/services/{container_id}/logs"
        return self._connection.lines(path, tail=tail, since=seconds, follow=follow)

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
    def _overlays(self) -> Overlays:
        return Overlays(self._connection.client, self._setup, self._proxy)

    def _own(self, service_id: str) -> Mapping[str, Any]:
        """What the Swarm knows of it; `NotFound` if it is gone or not ours."""
        with asked():
            found: Mapping[str, Any] = self._connection.client.inspect_service(service_id)
        if not self._naming.is_ours(found["Spec"]["Labels"]):
            raise NotFound
        return found

    def _own_named(self, spec: ContainerSpec) -> str | None:
        """The bot's service of this generation; `CannotRun` if there is another."""
        name = self._naming.container(spec.bot_id)
        try:
            with asked():
                found = self._connection.client.inspect_service(name)
        except NotFound:
            return None
        has = found["Spec"]["Labels"] or {}
        if not self._naming.is_ours(has) or has.get(GENERATION) != str(spec.generation):
            raise CannotRun("name-taken", f"there is another service {name}")
        return str(found["ID"])

    def _tasks(self, service: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        with asked():
            found: Sequence[Mapping[str, Any]] = self._connection.client.tasks(
                filters={"service": service["Spec"]["Name"]}
            )
        return found

    def _change(self, service_id: str, changed: Callable[[Spec], Spec]) -> None:
        """The service's specification is the changed one."""
        for attempt in range(ATTEMPTS):
            own = self._own(service_id)
            spec = changed(own["Spec"])
            try:
                with asked_to_run():
                    self._connection.client.update_service(
                        service_id,
                        own["Version"]["Index"],
                        task_template=spec["TaskTemplate"],
                        name=spec["Name"],
                        labels=spec["Labels"],
                        mode=spec["Mode"],
                        update_config=spec["UpdateConfig"],
                        rollback_config=spec["RollbackConfig"],
                        endpoint_spec=spec["EndpointSpec"],
                    )
            except CannotRun as refused:  # another writer was first, or the Swarm itself
                if "out of sequence" not in refused.detail or attempt == ATTEMPTS - 1:
                    raise
            else:
                return


def _bot(service: Mapping[str, Any]) -> UUID:
    bot_id = bot_of(service["Spec"]["Labels"])
    if bot_id is None:
        raise NotFound
    return bot_id
