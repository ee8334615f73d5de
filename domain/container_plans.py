"""What people want of a bot's container, and the steps that lead there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.bot_events import DesiredState
from domain.bots import Bot
from domain.containers import ContainerSpec, NetworkPolicy
from domain.ids import TeamId
from domain.runs import Observation

STOP_SECONDS = 10  # to end by itself


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What people want of a bot's container."""

    spec: ContainerSpec  # its network is `CUT` in quarantine
    runs: bool
    exists: bool = True  # False: the bot is deleted

    @property
    def may_start(self) -> bool:
        """Nothing is started in quarantine; what runs goes on, and reaches nothing."""
        return self.exists and self.runs and self.spec.network is not NetworkPolicy.CUT


def wanted_of(bot_id: UUID, bot: Bot) -> Wanted:
    """What stands in the bot's own stream."""
    return Wanted(
        spec=ContainerSpec(
            bot_id=bot_id,
            team_id=bot.team_id or TeamId(UUID(int=0)),
            hostname=bot.hostname,
            generation=bot.generation,
            image=bot.image,
            resources=bot.resources,
            network=NetworkPolicy.CUT if bot.quarantined else bot.network,
            port=bot.port,
        ),
        runs=bot.desired is DesiredState.RUNNING,
        exists=not bot.deleted,
    )


@dataclass(frozen=True, kw_only=True)
class Create:
    spec: ContainerSpec


@dataclass(frozen=True, kw_only=True)
class Start:
    container_id: str | None  # None: the one that was created just before


@dataclass(frozen=True, kw_only=True)
class Stop:
    container_id: str
    within_seconds: int = STOP_SECONDS


@dataclass(frozen=True, kw_only=True)
class Remove:
    container_id: str


@dataclass(frozen=True, kw_only=True)
class SetNetwork:
    container_id: str
    network: NetworkPolicy


@dataclass(frozen=True, kw_only=True)
class Update:
    """It is changed in its place, and goes back by itself from what does not come up."""

    container_id: str
    spec: ContainerSpec


@dataclass(frozen=True, kw_only=True)
class GoBack:
    """It is made what it was before its last update, which takes too long."""

    container_id: str


Step = Create | Start | Stop | Remove | SetNetwork | Update | GoBack


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is noted first, what is done then, and when to look again at the latest."""

    note: Observation
    steps: tuple[Step, ...] = ()
    look_at: datetime | None = None
