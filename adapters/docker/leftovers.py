"""What carries our label and belongs to no bot any more: found, and thrown away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from docker import APIClient

from adapters.docker.failures import asked
from adapters.docker.naming import Naming, bot_of
from adapters.docker.networks import Networks
from adapters.docker.seen import moment
from application.engines import Orphan
from domain.errors import NotFound


@dataclass(frozen=True)
class Leftovers:
    """The containers, networks and volumes of one instance on one engine."""

    client: APIClient
    naming: Naming
    networks: Networks

    def of_no(self, bot_ids: frozenset[UUID]) -> Sequence[Orphan]:
        """Those whose label names none of these bots, or none at all."""
        found = [*self._containers(), *self._networks(), *self._volumes()]
        return [one for one in found if one.bot_id not in bot_ids]

    def discard(self, orphan: Orphan) -> None:
        """It is gone, or was; `NotFound` if it is not ours."""
        match orphan.kind:
            case "container":
                self._check(self._labels_of_container(orphan.id))
                with suppress(NotFound), asked():
                    self.client.remove_container(orphan.id, force=True, v=True)
            case "network":
                with asked():
                    network = self.client.inspect_network(orphan.id)
                self._check(network.get("Labels"))
                self.networks.remove(orphan.id)
            case "volume":
                with asked():
                    self._check(self.client.inspect_volume(orphan.id).get("Labels"))
                with suppress(NotFound), asked():
                    self.client.remove_volume(orphan.id)
            case _:
                raise NotFound

    def _check(self, labels: Mapping[str, str] | None) -> None:
        if not self.naming.is_ours(labels):
            raise NotFound

    def _labels_of_container(self, container_id: str) -> Mapping[str, str] | None:
        with asked():
            labels: Mapping[str, str] | None = self.client.inspect_container(container_id)[
                "Config"
            ]["Labels"]
        return labels

    def _containers(self) -> Iterator[Orphan]:
        with asked():
            listed = self.client.containers(
                all=True, size=True, filters=self.naming.filters
            )
        for one in listed:
            created = datetime.fromtimestamp(one["Created"], UTC)
            name = one["Names"][0].lstrip("/") if one["Names"] else one["Id"][:12]
            yield _orphan("container", one, name, created, one.get("SizeRw", 0))

    def _networks(self) -> Iterator[Orphan]:
        with asked():
            listed = self.client.networks(filters=self.naming.filters)
        for one in listed:
            yield _orphan("network", one, one["Name"], moment(one["Created"]), None)

    def _volumes(self) -> Iterator[Orphan]:
        with asked():
            listed = self.client.volumes(filters=self.naming.filters)["Volumes"] or []
        for one in listed:
            named = {**one, "Id": one["Name"]}
            yield _orphan("volume", named, one["Name"], moment(one.get("CreatedAt")), None)


def _orphan(
    kind: str, one: Mapping[str, Any], name: str, created: datetime | None, size: int | None
) -> Orphan:
    return Orphan(
        kind=kind,
        id=one["Id"],
        name=name,
        bot_id=bot_of(one.get("Labels")),
        created_at=created,
        size_bytes=size,
    )
