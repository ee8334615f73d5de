"""Commands about runs: what the worker saw of bots' containers. No person gives them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from application.bus import Command
from application.event_log import EventLog
from domain.reconciling import unseen
from domain.runs import Observation, Run, run_of


@dataclass(frozen=True, kw_only=True)
class RecordRun(Command[None]):
    """Takes note of one look; harmless to give twice."""

    bot_id: UUID
    observation: Observation


def record_run(command: RecordRun, *, event_log: EventLog) -> None:
    run = event_log.look(Run(), run_of(command.bot_id))
    changes = run.state.observe(command.bot_id, command.observation)
    if changes:
        event_log.append(run, changes)


@dataclass(frozen=True, kw_only=True)
class LoseSight(Command[None]):
    """Notes that the engine of these bots does not answer; harmless to give twice."""

    bot_ids: tuple[UUID, ...]


def lose_sight(command: LoseSight, *, event_log: EventLog) -> None:
    changes = []
    for bot_id in command.bot_ids:
        run = event_log.look(Run(), run_of(bot_id))
        lost = run.state.observe(bot_id, unseen(run.state.last))
        if lost:
            changes.append((run, lost))
    if changes:
        event_log.append_all(*changes)
