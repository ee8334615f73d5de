"""Commands about turns of the master key, each with its handler below it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from application.bus import Command
from application.event_log import EventLog
from domain.kek import KekRotation


@dataclass(frozen=True, kw_only=True)
class StartKekRotation(Command[int]):
    """Answers the position reached."""

    run_id: UUID  # chosen by the caller
    kek_id: str
    records: int


def start_kek_rotation(command: StartKekRotation, *, event_log: EventLog) -> int:
    run = event_log.begin(KekRotation(), command.run_id)
    return event_log.append(
        run, run.state.start(kek_id=command.kek_id, records=command.records)
    )


@dataclass(frozen=True, kw_only=True)
class FinishKekRotation(Command[int]):
    run_id: UUID
    rewrapped: int
    left: int


def finish_kek_rotation(command: FinishKekRotation, *, event_log: EventLog) -> int:
    run = event_log.read(KekRotation(), command.run_id)
    return event_log.append(
        run, run.state.finish(rewrapped=command.rewrapped, left=command.left)
    )
