"""What a Swarm's services and tasks mean in our words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.docker.failures import without_paths
from adapters.docker.naming import GENERATION, IMAGE, NETWORK, bot_of
from adapters.docker.seen import health_of, moment
from application.engines import Orphan
from domain.containers import ContainerState, NetworkPolicy, SeenContainer

# Swarm's task states: those before `running` are on the way, those after it have ended.
_ENDED = frozenset({"complete", "shutdown", "failed", "rejected", "remove", "orphaned"})

Task = Mapping[str, Any]
Service = Mapping[str, Any]


def current(service_id: str, tasks: Sequence[Task]) -> Task | None:
    """The service's newest task."""
    mine = [one for one in tasks if one["ServiceID"] == service_id]
    return max(mine, key=lambda one: str(one["CreatedAt"]), default=None)


def has_ended(task: Task) -> bool:
    return task["Status"]["State"] in _ENDED


def replicas(service: Service) -> int:
    return int(service["Spec"]["Mode"]["Replicated"].get("Replicas", 0))


def policy_of(service: Service) -> NetworkPolicy:
    """As the service's label says, which `set_network` keeps."""
    is_cut = service["Spec"]["Labels"].get(NETWORK) == NetworkPolicy.CUT
    return NetworkPolicy.CUT if is_cut else NetworkPolicy.ISOLATED


def seen_service(
    service: Service, task: Task | None, listed: Mapping[str, Any] | None
) -> SeenContainer | None:
    """A bot's service with its newest task, as a container; none if it names no bot.

    `listed` is the task's container, where the manager's own node runs it.
    """
    labels = service["Spec"]["Labels"]
    bot_id, generation = bot_of(labels), labels.get(GENERATION, "")
    if bot_id is None or not generation.isdecimal():
        return None
    status = task["Status"] if task is not None else {}
    state = _state(task, listed)
    # Killed for memory or by hand: the Swarm says 137 of either and no more.
    code = (status.get("ContainerStatus") or {}).get("ExitCode")
    return SeenContainer(
        container_id=service["ID"],
        bot_id=bot_id,
        generation=int(generation),
        state=state,
        health=health_of(listed) if listed and state is ContainerState.RUNNING else None,
        exit_code=code if state is ContainerState.EXITED else None,
        error=without_paths(status.get("Err") or ""),
        image=labels.get(IMAGE, ""),
        network=policy_of(service),
        started_at=moment(status["Timestamp"]) if state is ContainerState.RUNNING else None,
        created_at=moment(service["CreatedAt"]),
    )


def orphan_of(service: Service) -> Orphan:
    return Orphan(
        kind="container",
        id=service["ID"],
        name=service["Spec"]["Name"],
        bot_id=bot_of(service["Spec"]["Labels"]),
        created_at=moment(service["CreatedAt"]),
        size_bytes=None,
    )


def container_of(task: Task | None) -> str:
    """The id of the container in which it runs or ran; empty before that."""
    status = {} if task is None else task["Status"].get("ContainerStatus") or {}
    return str(status.get("ContainerID") or "")


def _state(task: Task | None, listed: Mapping[str, Any] | None) -> ContainerState:
    """A task is `starting` until its check is content: its container runs before that."""
    if task is None:
        return ContainerState.CREATED
    if has_ended(task):
        return ContainerState.EXITED
    is_up = task["Status"]["State"] == "running" or (
        listed is not None and listed["State"] == "running"
    )
    return ContainerState.RUNNING if is_up else ContainerState.CREATED
