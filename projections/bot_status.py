"""What a bot can do now, in one word: from what people want and what the engine shows."""

from __future__ import annotations

from enum import StrEnum

from domain.bot_events import DesiredState, Runtime
from domain.containers import ContainerState, Health
from domain.runs import ROLLED_BACK, Observation


class BotStatus(StrEnum):
    """One word for people; `desired_state` and `observed_state` stand beside it."""

    DRAFT = "draft"  # no provider link: it may call nothing
    CREATED = "created"  # never started, or it runs elsewhere
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    ERROR = "error"  # it should run and does not: the failure says why
    UNKNOWN = "unknown"  # the engine does not answer


def status_of(  # noqa: PLR0913 - all that it depends on
    *,
    runtime: Runtime,
    has_links: bool,
    desired: DesiredState,
    generation: int,
    seen: Observation,
    ever_started: bool,
) -> BotStatus:
    """The status; a running container of an older generation is still starting.

    If the newer one did not come up and the older one is kept, the bot runs: what is wrong
    stands beside it.
    """
    if runtime is Runtime.EXTERNAL or not ever_started:
        return BotStatus.CREATED if has_links else BotStatus.DRAFT
    if seen.state is ContainerState.UNKNOWN:
        return BotStatus.UNKNOWN
    if desired is DesiredState.STOPPED:
        running = seen.state is ContainerState.RUNNING
        return BotStatus.STOPPING if running else BotStatus.STOPPED
    if seen.failure is not None and seen.failure != ROLLED_BACK:
        return BotStatus.ERROR
    is_up = seen.state is ContainerState.RUNNING
    is_current = generation in {seen.generation, seen.given_up}
    if is_up and is_current and seen.health is not Health.STARTING:
        return BotStatus.RUNNING
    return BotStatus.STARTING
