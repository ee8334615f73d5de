"""The command that records what became of a team's analytics login, with its handler."""

from __future__ import annotations

from dataclasses import dataclass

from application.bus import Command
from application.event_log import EventLog
from domain.analytics_logins import AnalyticsLogin, AnalyticsLoginEvent, login_stream
from domain.ids import TeamId


@dataclass(frozen=True, kw_only=True)
class TellOfAnalyticsLogin(Command[int]):
    """Said by who changes the role, just before that is so: no login is unrecorded."""

    team_id: TeamId
    said: AnalyticsLoginEvent


def tell_of_analytics_login(command: TellOfAnalyticsLogin, *, event_log: EventLog) -> int:
    login = event_log.look(AnalyticsLogin(), login_stream(command.team_id))
    return event_log.append(login, [command.said])
