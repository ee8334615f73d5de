"""`/api/team/{team_id}/invitation`, and `/api/invitation` for whoever was invited."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks, Depends, Query, Request, Response
from uuid_utils.compat import uuid7

from api.addresses import normalised
from api.auth_shapes import TeamOut
from api.callers import TheDoorkeeper, TheUser
from api.doorkeeper import a_user
from api.limits import count_try
from api.links import InvitationLink, invitation_token, read_invitation
from api.mails import hand_over, mail_to
from api.paging import TheCursors
from api.positions import reached
from api.shapes import ListQuery, Page
from api.sign_in import hashed_address
from api.team_shapes import InvitationOut, NewInvitation, OpenInvitationOut
from api.teams import named
from api.wired import TheSystem, Wired
from application.teams import AcceptInvitation, Invite, RevokeInvitation
from domain.errors import Unauthenticated
from domain.ids import InvitationId, TeamId
from domain.invitations import TeamInvitationMade
from domain.teams import Team

router = APIRouter(
    prefix="/api/team/{team_id}/invitation", tags=["teams"], dependencies=[Depends(named)]
)
accepting = APIRouter(prefix="/api/invitation", tags=["sign-in"])

USUAL_LIFE = timedelta(days=7)


@router.get("")
def open_ones(
    query: Annotated[ListQuery, Query()],
    user: TheUser,
    system: TheSystem,
    cursors: TheCursors,
    response: Response,
) -> Page[OpenInvitationOut]:
    """The invitations that can still be accepted, the oldest first."""
    response.headers["X-Log-Position"] = f"fleet={system.fleet.head()}"
    now = datetime.now(UTC)
    team = system.fleet.read(Team(), user.team_id).state
    shown = [
        OpenInvitationOut(**_facts(made))
        for made in team.invitations.values()
        if now < made.expires_at
    ]
    return cursors.whole(shown, query, lambda one: one.id)


@router.post("", status_code=201)
def invite(  # noqa: PLR0913, PLR0917 - what the framework hands in
    new: NewInvitation,
    user: TheUser,
    request: Request,
    system: TheSystem,
    response: Response,
    later: BackgroundTasks,
) -> InvitationOut:
    """Offer a role, at most one's own, to whoever brings the token that is answered.

    With an `email` only that address may accept it, and the token is mailed there too.
    """
    now, address_hash = datetime.now(UTC), None
    if new.email:
        address_hash = hashed_address(system, new.email)
        count_try(system.request_limits, "invite", address_hash, request)
    made = TeamInvitationMade(
        invitation_id=InvitationId(uuid7()),
        role=new.role,
        expires_at=(new.expires_at or now + USUAL_LIFE).replace(microsecond=0),
        by=user.user_id,
        address_hash=address_hash,
    )
    command = Invite(team_id=user.team_id, made=made, now=now)
    reached(response, system.bus.handle(command, by=user.caller))
    link = InvitationLink(
        team_id=user.team_id,
        invitation_id=made.invitation_id,
        expires_at=made.expires_at,
        role=made.role,
    )
    token = invitation_token(system.instance_keys.get("link"), link)
    if new.email:
        later.add_task(_mail, system, new.email, made, user.team_id, token)
    return InvitationOut(**_facts(made), team_id=user.team_id, token=token)


@router.delete("/{invitation_id}", status_code=204)
def revoke(
    invitation_id: UUID, user: TheUser, system: TheSystem, response: Response
) -> None:
    """Take an open invitation back."""
    command = RevokeInvitation(
        team_id=user.team_id, invitation_id=InvitationId(invitation_id)
    )
    reached(response, system.bus.handle(command, by=user.caller))


@accepting.post("/{token}/accept", status_code=201)
def accept(
    token: str,
    user: TheUser,
    system: TheSystem,
    doorkeeper: TheDoorkeeper,
    response: Response,
) -> TeamOut:
    """Become a member by an invitation; it is used up with that."""
    link = read_invitation(system.instance_keys.get("link"), token)
    person = system.people.get(user.user_id)
    if person is None:
        raise Unauthenticated
    command = AcceptInvitation(
        team_id=link.team_id,
        invitation_id=link.invitation_id,
        user_id=user.user_id,
        address_hash=hashed_address(system, person.email),
        now=datetime.now(UTC),
    )
    by = a_user(user.user_id, link.team_id, user.request_id)
    reached(response, system.bus.handle(command, by=by))
    doorkeeper.forget(link.team_id, user.user_id)
    team = system.fleet.read(Team(), link.team_id).state
    return TeamOut(id=link.team_id, name=team.name, role=team.members[user.user_id])


def _mail(
    system: Wired, address: str, made: TeamInvitationMade, team_id: TeamId, token: str
) -> None:
    """In the language of whoever invites: of the other one nothing is known."""
    inviter = system.people.get(made.by)
    if inviter is None:
        return
    mail = mail_to(
        normalised(address),
        "invitation",
        inviter.locale,
        made.by,
        inviter=inviter.name,
        team=system.fleet.read(Team(), team_id).state.name,
        role=made.role,
        end=made.expires_at.isoformat(" ", "minutes"),
        token=token,
    )
    hand_over(system, mail)


def _facts(made: TeamInvitationMade) -> dict[str, Any]:
    return {
        "id": made.invitation_id,
        "role": made.role,
        "expires_at": made.expires_at,
        "invited_by": made.by,
        "addressed": made.address_hash is not None,
    }
