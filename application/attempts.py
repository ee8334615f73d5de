"""Commands that keep what was tried, each with its handler below it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from application.bus import Command
from application.event_log import EventLog
from domain.access import AccessEvent, Attempt


@dataclass(frozen=True, kw_only=True)
class NoteAttempt(Command[int]):
    attempt_id: UUID
    attempt: AccessEvent


def note_attempt(command: NoteAttempt, *, event_log: EventLog) -> int:
    attempt = event_log.begin(Attempt(), command.attempt_id)
    return event_log.append(attempt, [command.attempt])
