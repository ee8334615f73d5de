"""Commands about months of the calls log, each with its handler below it.

They are recorded by who takes the month out or brings it back (`adapters/months`).
"""

from __future__ import annotations

from dataclasses import dataclass

from application.bus import Command
from application.event_log import EventLog
from domain.calls_months import CallsMonth, CallsMonthDetached, month_stream


@dataclass(frozen=True, kw_only=True)
class DetachCallsMonth(Command[int]):
    said: CallsMonthDetached


def detach_calls_month(command: DetachCallsMonth, *, event_log: EventLog) -> int:
    month = event_log.look(CallsMonth(), month_stream(command.said.month))
    detached = month.state.detach(command.said)
    return event_log.append(month, detached)


@dataclass(frozen=True, kw_only=True)
class AttachCallsMonth(Command[int]):
    month: str


def attach_calls_month(command: AttachCallsMonth, *, event_log: EventLog) -> int:
    month = event_log.look(CallsMonth(), month_stream(command.month))
    return event_log.append(month, month.state.attach(command.month))
