"""Commands about tokens for programs, each with its handler below it."""

from __future__ import annotations

from dataclasses import dataclass

from application.bus import Command
from application.event_log import EventLog
from domain.api_tokens import ApiTokenIssued, TokenShelf, token_shelf
from domain.errors import Forbidden
from domain.ids import ApiTokenId, TeamId, UserId
from domain.roles import Role
from domain.teams import Team


@dataclass(frozen=True, kw_only=True)
class IssueApiToken(Command[int]):
    """Refused if its role is none that the maker's includes."""

    issued: ApiTokenIssued


def issue_api_token(command: IssueApiToken, *, event_log: EventLog) -> int:
    issued = command.issued
    makers = _role_in(event_log, issued.team_id, issued.by)
    shelf = event_log.look(TokenShelf(), token_shelf(issued.team_id))
    return event_log.append(shelf, shelf.state.issue(issued, makers=makers))


@dataclass(frozen=True, kw_only=True)
class RevokeApiToken(Command[int]):
    team_id: TeamId
    token_id: ApiTokenId
    by: UserId


def revoke_api_token(command: RevokeApiToken, *, event_log: EventLog) -> int:
    role = _role_in(event_log, command.team_id, command.by)
    shelf = event_log.look(TokenShelf(), token_shelf(command.team_id))
    revoked = shelf.state.revoke(command.token_id, by=command.by, role=role)
    return event_log.append(shelf, revoked)


def _role_in(event_log: EventLog, team_id: TeamId, user_id: UserId) -> Role:
    """By the team's own stream, at this moment."""
    role = event_log.read(Team(), team_id).state.members.get(user_id)
    if role is None:
        raise Forbidden
    return role
