"""Runs: what the engine shows of a bot, as the worker saw it last.

A bot has one, on a stream of its own beside the bot's, so that what people decide and
what a machine observes never stand in each other's way. Only changes are recorded.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import assert_never
from uuid import UUID, uuid5

from domain.containers import ContainerState, Health
from domain.events import Event
from domain.ids import BotId

_RUNS = UUID("6f0f3d5c-5f0e-5b1c-9f56-0a4f3c1d7a04")


# What is wrong with a bot whose new version did not come up: the one before runs.
ROLLED_BACK = "update-rolled-back"


def run_of(bot_id: BotId | UUID) -> UUID:
    """The stream of a bot's run."""
    return uuid5(_RUNS, str(bot_id))


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One look at a bot's container, and what came of the last attempt to run it."""

    state: ContainerState = ContainerState.ABSENT
    generation: int = 0  # of the container; 0: there is none
    health: Health | None = None
    container_id: str | None = None
    address: str | None = None
    exit_code: int | None = None
    failure: str | None = None  # a code: why it does not run as it should
    detail: str = ""  # the same in words
    failures: int = 0  # in a row
    retry_at: datetime | None = None  # not tried again before
    revision: str | None = None  # of the workspace that the bot has read
    tried: int = 0  # the generation of the last attempt, whose failures are counted
    tried_at: datetime | None = None  # when that attempt began
    given_up: int = 0  # the generation that did not come up, so that an older one runs


NOT_SEEN = Observation()


@dataclass(frozen=True, kw_only=True)
class RunObserved(Event, topic="run.observed"):
    bot_id: UUID
    observation: Observation


RunEvent = RunObserved


@dataclass(frozen=True, kw_only=True)
class Run:
    """The last observation of one bot."""

    last: Observation = NOT_SEEN

    def observe(self, bot_id: UUID, seen: Observation) -> list[RunEvent]:
        """Take note of what has changed; nothing, if nothing has."""
        return [] if seen == self.last else [RunObserved(bot_id=bot_id, observation=seen)]

    def evolve(self, event: RunEvent) -> Run:
        match event:
            case RunObserved(observation=observation):
                return Run(last=observation)
            case _:
                assert_never(event)
