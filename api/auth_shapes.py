"""What sign-in takes and shows."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, SecretStr

from api.shapes import Body, Name
from api.tokens import ACCESS_SECONDS
from domain.roles import Role

Address = Annotated[str, Field(min_length=3, max_length=320)]
Password = Annotated[SecretStr, Field(min_length=1, max_length=2048)]


class NewAccount(Body):
    email: Address
    password: Password
    name: Name


class Credentials(Body):
    email: Address
    password: Password


class RefreshToken(Body):
    refresh_token: Annotated[str, Field(min_length=1, max_length=256)]


class UserOut(BaseModel):
    id: UUID
    email: str
    name: str


class TeamOut(BaseModel):
    id: UUID
    name: str
    role: Role


class Me(BaseModel):
    user: UserOut
    team: TeamOut


class TokensOut(BaseModel):
    """`expires_in` is the access token's life in seconds."""

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - a scheme
    expires_in: int = ACCESS_SECONDS


class SignedInOut(TokensOut):
    user: UserOut
    team: TeamOut
