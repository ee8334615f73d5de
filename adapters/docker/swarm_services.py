"""Services of a Swarm, and how one is changed in its place.

A Swarm keeps the specification that a service had before its last change, and goes back to
it by itself if a task of the new one fails: labels and all. So that it is known afterwards
what it went back from, the generation is noted on the service before the change that leads
to it. Every change, if only of a label, makes the Swarm forget how the one before ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from docker import APIClient

from adapters.docker.failures import asked, asked_to_run
from adapters.docker.naming import TRIED, Naming
from adapters.docker.ours import Inspected, Ours
from adapters.docker.service_template import Spec, updated
from adapters.docker.streams import accepted
from application.engines import CannotRun

ATTEMPTS = 5


@dataclass(frozen=True)
class Services:
    """The services of one instance."""

    client: APIClient
    naming: Naming

    @property
    def ours(self) -> Ours:
        return Ours(
            kind="service",
            naming=self.naming,
            inspect=self.client.inspect_service,
            labels=lambda found: found["Spec"]["Labels"],
            id_field="ID",
        )

    def tasks(self, service: Inspected) -> Sequence[Mapping[str, Any]]:
        """All that the Swarm still knows of."""
        with asked():
            found: Sequence[Mapping[str, Any]] = self.client.tasks(
                filters={"service": service["Spec"]["Name"]}
            )
        return found

    def change(self, service_id: str, changed: Callable[[Spec], Spec]) -> None:
        """The service's specification is the changed one. `NotFound`, `CannotRun`."""
        self._written(service_id, lambda own: self._update(own, changed(own["Spec"])))

    def update(
        self, service_id: str, generation: int, task: Spec, labels: Mapping[str, str]
    ) -> None:
        """It is on its way to that task, and comes back by itself. `CannotRun`."""
        tried = {TRIED: str(generation)}
        self.change(
            service_id, lambda spec: {**spec, "Labels": {**spec["Labels"], **tried}}
        )
        self.change(service_id, lambda spec: updated(spec, task, {**labels, **tried}))

    def go_back(self, service_id: str) -> None:
        """It is on its way to what it was before its last change. `CannotRun`."""
        self._written(service_id, self._roll_back)

    def _written(self, service_id: str, write: Callable[[Inspected], None]) -> None:
        for attempt in range(ATTEMPTS):
            own = self.ours.own(service_id)
            try:
                with asked_to_run():
                    write(own)
            except CannotRun as refused:  # another writer was first, or the Swarm itself
                if "out of sequence" not in refused.detail or attempt == ATTEMPTS - 1:
                    raise
            else:
                return

    def _update(self, own: Inspected, spec: Spec) -> None:
        self.client.update_service(
            own["ID"],
            own["Version"]["Index"],
            task_template=spec["TaskTemplate"],
            name=spec["Name"],
            labels=spec["Labels"],
            mode=spec["Mode"],
            update_config=spec["UpdateConfig"],
            rollback_config=spec["RollbackConfig"],
            endpoint_spec=spec["EndpointSpec"],
        )

    def _roll_back(self, own: Inspected) -> None:
        # Which the SDK cannot say (Engine API 1.41, ServiceUpdate).
        accepted(
            self.client.post(
                f"{self.client.base_url}/v{self.client.api_version}"
                f"/services/{own['ID']}/update",
                params={"version": own["Version"]["Index"], "rollback": "previous"},
                json=own["Spec"],
                timeout=self.client.timeout,
            )
        )
