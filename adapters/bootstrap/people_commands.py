"""Who handles the commands about people and their teams."""

from __future__ import annotations

from functools import partial

from application import api_tokens, attempts, teams
from application.bus import Bus
from application.event_log import EventLog


def register_people(bus: Bus, event_log: EventLog) -> None:
    """The bus knows what may be asked about teams and who is in them."""
    for command, handler in (
        (api_tokens.IssueApiToken, api_tokens.issue_api_token),
        (api_tokens.RevokeApiToken, api_tokens.revoke_api_token),
        (attempts.NoteRefusal, attempts.note_refusal),
        (teams.FoundTeam, teams.found_team),
        (teams.RenameTeam, teams.rename_team),
        (teams.AddMember, teams.add_member),
        (teams.ChangeRole, teams.change_role),
        (teams.RemoveMember, teams.remove_member),
        (teams.Invite, teams.invite),
        (teams.RevokeInvitation, teams.revoke_invitation),
        (teams.AcceptInvitation, teams.accept_invitation),
    ):
        bus.register(command, partial(handler, event_log=event_log))
