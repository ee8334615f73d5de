"""What the team routes take and show."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, Strict

from api.auth_shapes import Address
from api.shapes import Body, Id, Moment, Name
from domain.roles import Role

ARole = Annotated[Role, Strict(strict=False)]


class NewTeam(Body):
    name: Name


class TeamChange(Body):
    name: Name


class NewMember(Body):
    user_id: Id
    role: ARole


class RoleChange(Body):
    role: ARole


class NewInvitation(Body):
    """`expires_at` is in seven days unless it is said; within thirty."""

    role: ARole
    email: Address | None = None
    expires_at: Moment | None = None


class MemberOut(BaseModel):
    user_id: UUID
    name: str
    email: str
    role: Role


class OpenInvitationOut(BaseModel):
    """`addressed`: only one e-mail address may accept it."""

    id: UUID
    role: Role
    expires_at: datetime
    invited_by: UUID
    addressed: bool


class InvitationOut(OpenInvitationOut):
    """The token is shown once, and kept nowhere."""

    team_id: UUID
    token: str = Field(description="Shown once; whoever has it may accept the invitation.")
