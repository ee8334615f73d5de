"""What sign-in takes and shows."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, SecretStr, Strict

from api.shapes import Body, Name
from api.tokens import ACCESS_SECONDS
from domain.roles import Role

Address = Annotated[str, Field(min_length=3, max_length=320)]
Password = Annotated[SecretStr, Field(min_length=1, max_length=2048)]


class Locale(StrEnum):
    """The language that somebody reads."""

    UNSAID = ""
    ENGLISH = "en"
    CHINESE = "zh-CN"


ACode = Annotated[str, Field(min_length=6, max_length=40)]


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
    """`locale` is empty until one is chosen: then every request says its own."""

    user: UserOut
    team: TeamOut
    locale: Locale = Locale.UNSAID
    second_factor: bool = False
    operator: bool = False


class ProfileChange(Body):
    name: Name | None = None
    locale: Annotated[Locale, Strict(strict=False)] | None = None


class NewPassword(Body):
    old_password: Password
    password: Password


class ResetRequest(Body):
    email: Address


class Reset(Body):
    token: Annotated[str, Field(min_length=1, max_length=256)]
    password: Password


class Confirmation(Body):
    """The password once more, so that a session alone does not open what it locks."""

    password: Password


class Code(Body):
    code: ACode


class TotpOut(BaseModel):
    """Shown once; `uri` is what an authenticator app reads as a QR code."""

    secret: str
    uri: str


class RecoveryCodes(BaseModel):
    """Shown once; each replaces one code of the second factor."""

    recovery_codes: list[str]


class ChallengeOut(BaseModel):
    """The password was right, and a code is asked for as well, within `expires_in` s."""

    challenge: str
    expires_in: int
    factors: list[Literal["totp", "recovery-code"]] = ["totp", "recovery-code"]


class ChallengeAnswer(Body):
    challenge: Annotated[str, Field(min_length=1, max_length=256)]
    code: ACode


class ProviderOut(BaseModel):
    """Whom one can have an account with; `name` in the reader's language."""

    id: str
    name: str


class LinkRequest(Body):
    """The password once more, of whoever has one."""

    password: Password | None = None


class AuthorizationOut(BaseModel):
    """Where the browser is to be sent now."""

    authorization_url: str


class IdentityOut(BaseModel):
    """An account elsewhere that is linked."""

    provider: str


class SessionOut(BaseModel):
    id: UUID
    started_at: datetime
    expires_at: datetime
    current: bool


class TokensOut(BaseModel):
    """`expires_in` is the access token's life in seconds."""

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - a scheme
    expires_in: int = ACCESS_SECONDS


class SignedInOut(TokensOut):
    user: UserOut
    team: TeamOut
