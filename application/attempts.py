"""Commands that keep what was refused, each with its handler below it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from application.bus import Command
from application.event_log import EventLog
from domain.access import AccessEvent, Attempt


@dataclass(frozen=True, kw_only=True)
class NoteRefusal(Command[int]):
    attempt_id: UUID
    refused: AccessEvent


def note_refusal(command: NoteRefusal, *, event_log: EventLog) -> int:
    attempt = event_log.begin(Attempt(), command.attempt_id)
    return event_log.append(attempt, [command.refused])
