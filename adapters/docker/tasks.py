"""What a Swarm's services and tasks mean in our words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from adapters.docker.failures import without_paths
from adapters.docker.naming import GENERATION, IMAGE, NETWORK, TRIED, bot_of
from adapters.docker.seen import health_of, moment
from adapters.docker.service_template import BACK
from application.engines import Orphan
from domain.containers import Change, ContainerState, NetworkPolicy, SeenContainer

# Swarm's task states: those before `running` are on the way, those after it have ended.
_ENDED = frozenset({"complete", "shutdown", "failed", "rejected", "remove", "orphaned"})
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

Task = Mapping[str, Any]
Service = Mapping[str, Any]


def current(service_id: str, tasks: Sequence[Task]) -> Task | None:
    """The service's newest task."""
    return next(iter(tasks_of(service_id, tasks)), None)


def tasks_of(service_id: str, tasks: Sequence[Task]) -> Sequence[Task]:
    """The service's own, the newest first."""
    mine = [one for one in tasks if one["ServiceID"] == service_id]
    return sorted(mine, key=lambda one: moment(one["CreatedAt"]) or _LONG_AGO, reverse=True)


def has_ended(task: Task) -> bool:
    return task["Status"]["State"] in _ENDED


def replicas(service: Service) -> int:
    return int(service["Spec"]["Mode"]["Replicated"].get("Replicas", 0))


def policy_of(service: Service) -> NetworkPolicy:
    """As the service's label says, which `set_network` keeps."""
    is_cut = service["Spec"]["Labels"].get(NETWORK) == NetworkPolicy.CUT
    return NetworkPolicy.CUT if is_cut else NetworkPolicy.ISOLATED


def seen_service(
    service: Service, tasks: Sequence[Task], here: Mapping[str, Mapping[str, Any]]
) -> SeenContainer | None:
    """A bot's service and its tasks, newest first, as a container; none if it has no bot.

    `here`: the containers of tasks that the manager's own node runs, by their ids.
    """
    labels = service["Spec"]["Labels"]
    bot_id, generation = bot_of(labels), labels.get(GENERATION, "")
    if bot_id is None or not generation.isdecimal():
        return None
    task = next(iter(tasks), None)
    listed = here.get(container_of(task))
    status = task["Status"] if task is not None else {}
    state, change = _state(task, listed), change_of(service, task)
    # Killed for memory or by hand: the Swarm says 137 of either and no more.
    code = (status.get("ContainerStatus") or {}).get("ExitCode")
    return SeenContainer(
        container_id=service["ID"],
        bot_id=bot_id,
        generation=generation_of(service, task),
        state=state,
        health=health_of(listed) if listed and state is ContainerState.RUNNING else None,
        exit_code=code if state is ContainerState.EXITED else None,
        error=without_paths(status.get("Err") or _why_it_went_back(service, tasks, change)),
        image=_labels(task).get(IMAGE) or labels.get(IMAGE, ""),
        network=policy_of(service),
        started_at=moment(status["Timestamp"]) if state is ContainerState.RUNNING else None,
        created_at=moment(service["CreatedAt"]),
        is_changed_in_place=True,
        change=change,
        changed_at=moment(_update(service).get("StartedAt") or service.get("UpdatedAt")),
        changed_to=_tried(service),
    )


def generation_of(service: Service, task: Task | None) -> int:
    """Of what runs; a service is ahead of its task while it is being updated."""
    of_service: str = service["Spec"]["Labels"][GENERATION]
    return int(_labels(task).get(GENERATION) or of_service)


def change_of(service: Service, task: Task | None) -> Change | None:
    """How far the update is that led to what is noted as tried, if it is not over."""
    state = _update(service).get("State")
    if state == "rollback_started":
        return Change.GOING_BACK
    if state in {"rollback_completed", "rollback_paused"}:
        return Change.WENT_BACK
    if replicas(service) == 0:
        return None
    is_ahead = service["Spec"]["Labels"][GENERATION] != str(generation_of(service, task))
    goes_back = service["Spec"]["UpdateConfig"]["FailureAction"] == BACK
    if is_ahead or (goes_back and state == "updating"):
        return Change.UNDER_WAY
    return None


def _why_it_went_back(
    service: Service, tasks: Sequence[Task], change: Change | None
) -> str:
    """In the words of the task that failed, if the Swarm still knows it."""
    if change is not Change.WENT_BACK:
        return ""
    tried = str(_tried(service))
    words = [
        str(one["Status"].get("Err") or "")
        for one in tasks
        if _labels(one).get(GENERATION) == tried
    ]
    return next(filter(None, words), str(_update(service).get("Message") or ""))


def _update(service: Service) -> Mapping[str, Any]:
    return service.get("UpdateStatus") or {}


def _tried(service: Service) -> int:
    return int(service["Spec"]["Labels"].get(TRIED) or 0)


def _labels(task: Task | None) -> Mapping[str, str]:
    return {} if task is None else task["Spec"]["ContainerSpec"].get("Labels") or {}


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
