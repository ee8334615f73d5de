"""Who handles the commands about people and their teams."""

from __future__ import annotations

from functools import partial

from application import (
    accounts,
    api_tokens,
    attempts,
    erasing,
    identities,
    sign_in_codes,
    teams,
)
from application.bus import Bus
from application.event_log import EventLog
from application.ports import People


def register_people(bus: Bus, event_log: EventLog, people: People) -> None:
    """The bus knows what may be asked about teams and who is in them."""
    for command, handler in (
        (accounts.MarkOperator, accounts.mark_operator),
        (api_tokens.IssueApiToken, api_tokens.issue_api_token),
        (api_tokens.RevokeApiToken, api_tokens.revoke_api_token),
        (attempts.NoteAttempt, attempts.note_attempt),
        (sign_in_codes.OfferCode, sign_in_codes.offer_code),
        (sign_in_codes.UseOfferedCode, sign_in_codes.use_offered_code),
        (identities.LinkIdentity, identities.link_identity),
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
    for personal, handler_of_personal in (
        (accounts.ChangeProfile, accounts.change_profile),
        (accounts.ChangePassword, accounts.change_password),
        (accounts.OfferTotp, accounts.offer_totp),
        (accounts.ConfirmTotp, accounts.confirm_totp),
        (accounts.RemoveTotp, accounts.remove_totp),
        (accounts.UseCode, accounts.use_code),
        (erasing.ErasePerson, erasing.erase_person),
        (sign_in_codes.ConfirmMobile, sign_in_codes.confirm_mobile),
        (sign_in_codes.RemoveMobile, sign_in_codes.remove_mobile),
        (identities.RegisterWithIdentity, identities.register_with_identity),
        (identities.UnlinkIdentity, identities.unlink_identity),
    ):
        bound = partial(handler_of_personal, event_log=event_log, people=people)
        bus.register(personal, bound)
