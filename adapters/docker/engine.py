"""The `Engine` role on a Docker Engine, through the `docker` SDK.

It asks for containers with our instance's label only, and looks at the label again before
it touches one by id, so that nothing foreign is ever stopped or removed. Whatever it makes
is named after the bot: of two workers that make a bot's container at once, one is refused
and finds the other's. Safe to use from threads.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from docker import APIClient
from docker.errors import APIError

from adapters.docker.changes import bots_changed
from adapters.docker.connection import Connection
from adapters.docker.failures import asked, asked_to_run
from adapters.docker.firewall import Firewall
from adapters.docker.images import allowed_image
from adapters.docker.leftovers import Leftovers
from adapters.docker.naming import PORT, Naming, Network, bot_of
from adapters.docker.networks import ATTEMPTS, PAUSE_SECONDS, Networks, wanted
from adapters.docker.ours import Ours
from adapters.docker.seen import networks_of, seen
from adapters.docker.setup import EngineSetup
from adapters.docker.stats import Counters
from adapters.docker.streams import Reading
from adapters.docker.template import container
from adapters.docker.transport import EngineAddress
from application.engines import (
    CannotRun,
    ContainerStats,
    LogLine,
    Orphan,
)
from domain.containers import ContainerSpec, NetworkPolicy, SeenContainer
from domain.errors import NotFound

CONFLICT = 409
GUARD_SECONDS = 10
NOT_HERE = (
    "the engine is on another machine: guard it there, and set CLAWBOT_BOT_FIREWALL=false"
)
NOT_IN_PLACE = "a container is not changed in its place: it is made anew"

log = logging.getLogger(__name__)


class DockerEngine:
    """Runs bots on one Docker Engine."""

    name = "docker"

    def __init__(self, setup: EngineSetup, address: EngineAddress) -> None:
        """Nothing is asked of the engine yet; it may be away."""
        self._setup = setup
        self._naming = Naming(setup.instance)
        self._address = address
        self._connection = Connection(address, setup.timeout_seconds)
        self.firewall = Firewall(setup)
        self._counters: Counters | None = None
        self._inspected: dict[str, tuple[str, Mapping[str, Any]]] = {}
        self._guarded_until = 0.0

    def close(self) -> None:
        """Whoever listens to events or follows a log is let go."""
        self._connection.close()

    def ping(self) -> str:
        return self._connection.version()

    def containers(self) -> Sequence[SeenContainer]:
        with asked():
            listed = self._client.containers(all=True, filters=self._naming.filters)
        if listed:
            self._keep_firewall()
        found = [self._seen(one) for one in listed]
        there = {one["Id"] for one in listed}
        self._inspected = {
            one: kept for one, kept in self._inspected.items() if one in there
        }
        return [one for one in found if one is not None]

    def create(self, spec: ContainerSpec) -> str:
        if self._setup.has_firewall and not self._address.is_local:
            raise CannotRun("engine-refused", NOT_HERE)
        image_id = allowed_image(self._client, spec.image, self._setup.images_allowed)
        there = self._ours.named(spec)
        if there is not None:
            return there
        self.firewall.ensure()
        networks = self._networks
        place = networks.place(spec.bot_id, Network.INSIDE)
        body = container(spec, self._setup, place, image_id)
        try:
            with asked_to_run():
                made: Mapping[str, Any] = self._client.create_container_from_config(
                    body, self._naming.container(spec.bot_id)
                )
        except CannotRun as refused:
            if refused.code != "name-taken":
                raise
            return self._made_meanwhile(spec)
        container_id = str(made["Id"])
        try:
            kinds = wanted(spec.network, spec.port)
            networks.attach(container_id, spec.bot_id, [place.network], kinds)
        except BaseException:
            self._client.remove_container(container_id, force=True, v=True)
            raise
        return container_id

    def start(self, container_id: str) -> None:
        own = self._ours.own(container_id)
        bot_id = self._ours.bot(own)
        attached = networks_of(own)
        self.firewall.ensure()
        if attached:
            self._networks.open_way(bot_id)
        self._inspected.pop(container_id, None)
        with asked_to_run():
            self._client.start(container_id)

    def stop(self, container_id: str, *, within_seconds: int) -> None:
        self._ours.own(container_id)
        with asked():
            self._client.stop(container_id, timeout=within_seconds)

    def remove(self, container_id: str) -> None:
        bot_id = self._ours.bot(self._ours.own(container_id))
        with suppress(NotFound), asked():
            self._remove(container_id)
        self._networks.remove_of(bot_id)

    def update(self, container_id: str, spec: ContainerSpec) -> None:  # noqa: ARG002
        raise CannotRun("engine-refused", NOT_IN_PLACE)

    def go_back(self, container_id: str) -> None:  # noqa: ARG002
        raise CannotRun("engine-refused", NOT_IN_PLACE)

    def set_network(self, container_id: str, policy: NetworkPolicy) -> None:
        own = self._ours.own(container_id)
        port = own["Config"]["Labels"].get(PORT) or None
        kinds = wanted(policy, None if port is None else int(port))
        self.firewall.ensure()
        self._networks.attach(container_id, self._ours.bot(own), networks_of(own), kinds)

    def stats(self, container_ids: Sequence[str]) -> Sequence[ContainerStats]:
        bots = {one.container_id: one.bot_id for one in self.containers()}
        if self._counters is None:
            with asked():
                self._counters = Counters(self._client)
        return self._counters.stats(
            {one: bots[one] for one in container_ids if one in bots}
        )

    def logs(
        self,
        container_id: str,
        *,
        tail: int,
        since: datetime | None = None,
        follow: bool = False,
    ) -> Reading[LogLine]:
        self._ours.own(container_id)
        path = f"/containers/{container_id}/logs"
        return self._connection.lines(path, tail=tail, since=since, follow=follow)

    def orphans(self, bot_ids: frozenset[UUID]) -> Sequence[Orphan]:
        return self._leftovers.of_no(bot_ids)

    def discard(self, orphan: Orphan) -> None:
        self._leftovers.discard(orphan)

    def events(self) -> Reading[UUID]:
        return bots_changed(self._connection, self._naming.filters)

    @property
    def _ours(self) -> Ours:
        return Ours(
            kind="container",
            naming=self._naming,
            inspect=self._client.inspect_container,
            labels=lambda found: found["Config"]["Labels"],
            id_field="Id",
        )

    @property
    def _client(self) -> APIClient:
        return self._connection.client

    @property
    def _networks(self) -> Networks:
        return Networks(self._client, self._setup, self.firewall)

    @property
    def _leftovers(self) -> Leftovers:
        return Leftovers(self._client, self._naming, self._networks)

    def _made_meanwhile(self, spec: ContainerSpec) -> str:
        """The container that another worker makes at this moment."""
        for _ in range(ATTEMPTS):
            there = self._ours.named(spec)
            if there is not None:
                return there
            time.sleep(PAUSE_SECONDS)
        raise CannotRun("name-taken", self._naming.container(spec.bot_id))

    def _seen(self, listed: Mapping[str, Any]) -> SeenContainer | None:
        attached = networks_of(listed)
        bot_id = bot_of(listed["Labels"])
        policy = NetworkPolicy.CUT
        if bot_id is not None:
            policy = self._networks.policy_of(attached, bot_id)
        return seen(listed, self._state_of(listed), policy)

    def _state_of(self, listed: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the list does not tell; asked again when the state is another.

        Nobody but we start a bot's container, so that one that still runs has not been
        started since.
        """
        container_id, state = listed["Id"], listed["State"]
        kept = self._inspected.get(container_id)
        if kept is not None and kept[0] == state == "running":
            return kept[1]
        try:
            with asked():
                inspected: Mapping[str, Any] = self._client.inspect_container(container_id)[
                    "State"
                ]
        except NotFound:
            return {}
        self._inspected[container_id] = (state, inspected)
        return inspected

    def _keep_firewall(self) -> None:
        """Rules that somebody flushed are put up again, even if no bot is started."""
        if time.monotonic() < self._guarded_until:
            return
        self._guarded_until = time.monotonic() + GUARD_SECONDS
        try:
            self.firewall.ensure()
        except CannotRun as error:
            log.error("firewall.failed", extra={"error": error.detail})  # noqa: TRY400

    def _remove(self, container_id: str) -> None:
        try:
            self._client.remove_container(container_id, force=True, v=True)
        except APIError as error:
            if error.status_code != CONFLICT:  # it is being removed already
                raise
