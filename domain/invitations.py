"""Invitations to a team: what was offered to whoever brings the link, until when, by whom.

The link is signed and kept nowhere. An invitation is good once, and only while whoever gave
it could still give it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.errors import Conflict, Forbidden
from domain.events import Event
from domain.ids import InvitationId, UserId
from domain.roles import Role


@dataclass(frozen=True, kw_only=True)
class TeamInvitationMade(Event, topic="team.invitation_made"):
    """`address_hash` is the keyed hash of the only address that may accept it, if any."""

    invitation_id: InvitationId
    role: Role
    expires_at: datetime
    by: UserId
    address_hash: str | None = None


@dataclass(frozen=True, kw_only=True)
class TeamInvitationAccepted(Event, topic="team.invitation_accepted"):
    invitation_id: InvitationId
    user_id: UserId


@dataclass(frozen=True, kw_only=True)
class TeamInvitationRevoked(Event, topic="team.invitation_revoked"):
    invitation_id: InvitationId


InvitationEvent = TeamInvitationMade | TeamInvitationAccepted | TeamInvitationRevoked


class InvitationIsOver(Conflict):
    """The invitation was used or taken back, or its time is over."""

    code = "invitation-is-over"


class InvitationIsForAnother(Forbidden):
    """The invitation was made for another e-mail address."""

    code = "invitation-is-for-another"


class InvitationEndsTooLate(Conflict):
    """An invitation ends within thirty days, and not before it begins."""

    code = "invitation-ends-too-late"
